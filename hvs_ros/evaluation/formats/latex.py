# SPDX-License-Identifier: Apache-2.0
"""The headline table of a run for a paper: LaTeX with booktabs."""

from __future__ import annotations

import re

from hvs_ros.evaluation.benchmark_table import COLUMNS, NOTES, Row, benchmark_rows
from hvs_ros.evaluation.cards import visible
from hvs_ros.evaluation.groups import SPLIT_WORDS
from hvs_ros.evaluation.results import Results
from hvs_ros.evaluation.tables import headline

_SPECIAL = {
    '\\': r'\textbackslash{}', '{': r'\{', '}': r'\}', '$': r'\$', '&': r'\&', '#': r'\#',
    '%': r'\%', '_': r'\_', '~': r'\textasciitilde{}', '^': r'\textasciicircum{}',
    '<': r'\textless{}', '>': r'\textgreater{}', '|': r'\textbar{}', '"': r'\textquotedbl{}',
    '–': '--', '—': '---', '·': r'\textperiodcentered{}', '×': r'$\times$', '†': r'\dag{}',
    # After the \\ that ends a row these would be read as its arguments.
    '[': '{[}', ']': '{]}', '*': '{*}',
    '…': r'\dots{}'}
_FOREIGN = re.compile('[^\x20-\x7e]')


def latex(results: Results, allow_incomplete: bool = False) -> str:
    """
    Return a table environment; it needs booktabs and, for quotes, the T1 font encoding.

    Raise ``IncompleteError`` while episodes are not scored, unless ``allow_incomplete``: then the
    run's row is labelled so and holds bounds.
    """
    results.require_headline('the latex table', allow_incomplete)
    rows = benchmark_rows(results)
    groups = [(word, sum(split == key for split, _ in COLUMNS))
              for key, word in SPLIT_WORDS.items()]
    lines = [
        '% needs \\usepackage{booktabs} and \\usepackage[T1]{fontenc}',
        r'\begin{table}', r'\centering', r'\footnotesize', r'\setlength{\tabcolsep}{3pt}',
        rf'\begin{{tabular}}{{l{"r" * len(COLUMNS)}}}', r'\toprule',
        ' & '.join(['', *(rf'\multicolumn{{{count}}}{{c}}{{{word} search}}'
                          for word, count in groups)]) + r' \\',
        ' & '.join(['success, \\%', *(level for _, level in COLUMNS)]) + r' \\', r'\midrule']
    for row in rows:
        lines += _row(row)
        if row.own:
            lines.append(r'\midrule')
    caption = '. '.join([headline(results.metrics), *(note.rstrip('.') for note in NOTES)])
    lines += [
        r'\bottomrule', r'\end{tabular}', rf'\caption{{{escaped(caption)}.}}',
        r'\end{table}', '']
    return '\n'.join(lines)


def _row(row: Row) -> list[str]:
    """Return a row's line, and a line below it on how it was made."""
    name = escaped(row.model)
    cells = [escaped(cell.text) for cell in row.cells]
    about = ', '.join(row.about) if row.own else f'{", ".join(row.about)}; {row.comparison}'
    lines = [' & '.join([rf'\textbf{{{name}}}' if row.own else name, *cells]) + r' \\']
    if row.own:
        for place in range(max(len(cell.parts) for cell in row.cells)):
            parts = [''.join(cell.parts[place:place + 1]) for cell in row.cells]
            lines.append(' & '.join(['', *(
                rf'\tiny {escaped(part)}' if part else '' for part in parts)]) + r' \\')
    lines.append(
        rf'\multicolumn{{{len(COLUMNS) + 1}}}{{p{{0.96\linewidth}}}}'
        rf'{{\scriptsize {escaped(about)}}} \\')
    return lines


def escaped(text: object) -> str:
    """
    Return text that LaTeX typesets as it is, on one line.

    A letter beyond ASCII that has no command here becomes a question mark: a model's name must
    not keep a paper from compiling.
    """
    flat = ' '.join(visible(text).split())
    return ''.join(_SPECIAL.get(letter) or _letter(letter) for letter in flat)


def _letter(letter: str) -> str:
    return '?' if _FOREIGN.match(letter) else letter
