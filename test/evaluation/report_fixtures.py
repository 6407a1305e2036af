# SPDX-License-Identifier: Apache-2.0
"""A run whose model writes markup, and what a browser makes of a page."""

from __future__ import annotations

from html.parser import HTMLParser
import io
from pathlib import Path

from evaluation_fixtures import write_scene
import pytest

from hvs_ros.core.search import Decision, Observation, Task
from hvs_ros.evaluation.config import EvalConfig, ViewConfig
from hvs_ros.evaluation.session import evaluate

HOSTILE = (
    '</pre></script><script>alert(1)</script><!--<img src=x onerror=alert(2)>]]>\ud800\u202e '
    '{{ 7*7 }} {% raw %} "\'&amp;\x00\x1b[31m\u2028 \u0338\u0336 &lt;b&gt; \U0001f5ff')


class Mouthy:
    """A planner whose model writes markup: it gives up at once when it starts behind."""

    name = '<b>mouthy</b>'
    answer_format = 'free_think'

    def __init__(self, thought: str = HOSTILE) -> None:
        self._thought = thought

    def begin(self, task: Task) -> Mouthy:
        return self

    def act(self, observation: Observation) -> Decision:
        action = 'rotate(170,20)' if observation.index == 0 else 'submit(5,5)'
        return Decision(
            f'<think>{self._thought}</think><answer>{action}</answer>',
            model='<i>model</i>')

    def close(self) -> None:
        pass


class Page(HTMLParser):
    """Note what a browser would do with the page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str]] = []
        self.text = ''
        self.blocks: dict[str, str] = {}
        self._block: str | None = None
        self._code = False
        self.feed(text)

    def named(self, kind: str) -> list[str]:
        return [name for name in self.blocks if name.startswith(f'{kind}-')]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [(name, value or '') for name, value in attrs]
        given = dict(attrs)
        self._code = tag in ('script', 'style')
        if tag == 'script' and given.get('type') == 'application/json':
            self._block = given['id'] or ''
            self.blocks[self._block] = ''

    def handle_endtag(self, tag: str) -> None:
        self._block, self._code = None, False

    def handle_data(self, data: str) -> None:
        if self._block is not None:
            self.blocks[self._block] += data
        elif not self._code:
            self.text += data


def talking_run(
        folder: Path, monkeypatch: pytest.MonkeyPatch, thought: str = HOSTILE) -> Path:
    """Run 8 episodes in two panoramas with a model that writes ``thought`` every turn."""
    item = {
        'task': 'Find \x00 </script><script>alert(0)</script>', 'yaw': [350.0, 10.0],
        'pitch': [-5.0, 5.0]}
    write_scene(folder / 'data', 'first', [item], seed=1)
    write_scene(folder / 'data', 'second', [item], seed=2)
    monkeypatch.setattr(
        'hvs_ros.evaluation.session.planner_for', lambda config: Mouthy(thought))
    config = EvalConfig(str(folder / 'data'), 'mouthy', view=ViewConfig(64, 36))
    assert evaluate(config, folder / 'run', stream=io.StringIO(), bar=False) == 0
    return folder / 'run'
