# SPDX-License-Identifier: Apache-2.0
"""
Write the README's tables of commands, launch arguments and parameters anew, from the code.

    python docs/make_tables.py           # or: make tables
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from importlib import import_module
from pathlib import Path
import re
from typing import Any

from hvs_ros.cli.main import COMMANDS
from hvs_ros.ros.graph import COMMON, DEPLOYMENTS, NODES, Argument

README = Path(__file__).resolve().parents[1] / 'README.md'
MARK = re.compile(r'(<!-- table: (\w+) -->\n).*?(<!-- end -->)', re.DOTALL)
PARAMETER_MODULES = ('hvs_ros.ros.node_parameters', 'hvs_ros.ros.motion_parameters')


def commands() -> str:
    """Return the table of the `hvs` command's subcommands."""
    return _table(('command', 'does'), ((f'`hvs {name}`', does) for name, _, does in COMMANDS))


def arguments() -> str:
    """Return the table of launch arguments, those of every deployment last."""
    known: dict[tuple[str, str], tuple[Argument, list[str]]] = {}
    for deployment in DEPLOYMENTS.values():
        for argument in deployment.arguments:
            entry = known.setdefault((argument.name, argument.default), (argument, []))
            entry[1].append(deployment.name)
    entries = [*known.values(), *((argument, ['all']) for argument in COMMON)]
    return _table(
        ('argument', 'default', 'deployments', 'sets'),
        ((f'`{argument.name}`', _code(argument.default), ', '.join(names), _meaning(argument))
         for argument, names in entries))


def parameters() -> str:
    """Return one folded table of parameters for each node."""
    return '\n'.join(_node_parameters(node) for node in NODES)


def parameter_class(node: str) -> type:
    """Return the dataclass that declares the parameters of a node."""
    name = f'{NODES[node]}Parameters'
    modules = [import_module(module) for module in PARAMETER_MODULES]
    return next(getattr(module, name) for module in modules if hasattr(module, name))


TABLES: dict[str, Callable[[], str]] = {
    'commands': commands, 'arguments': arguments, 'parameters': parameters}


def fill(text: str, names: Iterable[str] = tuple(TABLES)) -> str:
    """Return the text with what stands between the named marks made anew."""
    chosen = set(names)

    def _replace(match: re.Match[str]) -> str:
        if match[2] not in chosen:
            return match[0]
        return f'{match[1]}{TABLES[match[2]]()}{match[3]}'

    return MARK.sub(_replace, text)


def _node_parameters(node: str) -> str:
    from hvs_ros.ros.parameters import rows
    found = rows(parameter_class(node))
    table = _table(
        ('parameter', 'default', 'unit', 'bounds', 'sets'),
        ((f'`{row.name}`', _code(row.default), row.unit, _bounds(row), row.description)
         for row in found))
    return (f'<details><summary><code>{node}</code>: {len(found)} parameters</summary>\n\n'
            f'{table}\n</details>\n')


def _meaning(argument: Argument) -> str:
    told = all(choice in argument.description for choice in argument.choices)
    return argument.description + ('' if told else f' ({", ".join(argument.choices)})')


def _bounds(row: Any) -> str:
    if row.choices:
        return ', '.join(row.choices)
    return f'{row.bounds[0]:.4g} to {row.bounds[1]:.4g}' if row.bounds else ''


def _code(value: Any) -> str:
    if isinstance(value, bool):
        value = str(value).lower()
    elif isinstance(value, float):
        value = f'{value:.4g}'
    elif isinstance(value, list):
        value = f'[{", ".join(f"{number:.4g}" for number in value)}]'
    return '' if value == '' else f'`{value}`'


def _table(titles: Sequence[str], lines: Iterable[Sequence[str]]) -> str:
    def _rows() -> Iterator[Sequence[str]]:
        yield titles
        yield ['---'] * len(titles)
        yield from lines

    return ''.join(f'| {" | ".join(map(_escape, row))} |\n' for row in _rows())


def _escape(cell: str) -> str:
    return cell if cell.startswith('`') else cell.replace('|', r'\|').replace('<', '&lt;')


if __name__ == '__main__':
    README.write_text(fill(README.read_text()))
