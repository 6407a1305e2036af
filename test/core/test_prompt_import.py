# SPDX-License-Identifier: Apache-2.0
"""A checkout in the published harness's shape, in words of our own, becomes prompt packs."""

from __future__ import annotations

from pathlib import Path
import re
import textwrap

import pytest

from hvs_ros.cli.main import main
from hvs_ros.core.actions import Rotate, parse
from hvs_ros.core.errors import InputError
from hvs_ros.core.gaze import BenchmarkAngles
from hvs_ros.core.prompt_import import import_prompts, write_pack
from hvs_ros.core.prompts import load_prompts
from hvs_ros.core.search import Feedback, Task

PROMPT = '''
    FORMAT_CONFIGS = {
        "free_think": {"description": "Think, then answer.",
                       "format": "<think>...</think><answer>...</answer>",
                       "example": "<think>hm</think><answer>rotate(-45,0)</answer>"},
        "no_think": {"description": "Answer.", "format": "<answer>...</answer>",
                     "example": "<answer>rotate(30,5)</answer>"},
        "grounding": {"description": "Look, think, answer.",
                      "format": "<think><observation>...</observation><reasoning>...</reasoning>"
                                "</think><answer>...</answer>",
                      "example": "<answer>submit(1,2)</answer>"},
    }

    def system_prompt(**kwargs):
        example = ""
        chosen = kwargs.get("format", "default")
        if chosen in ["free_think", "default"]:
            example = """Example:
    thinking"""
        elif chosen == "grounding":
            example = "Example:\\nlooking"
        base = """You find things. Use rotate(yaw, pitch) or submit(yaw, pitch).
    """ if not kwargs.get("is_nav", False) else """You find ways. """
        return base + '\\n' + example

    def init_observation_template(**kwargs):
        observation = kwargs.get("observation", "none")
        instruction = kwargs.get("instruction", "none")
        return f"""First look:
    {observation}
    Wanted: {instruction}"""

    def action_template(**kwargs):
        observation = kwargs.get("observation", "none")
        instruction = kwargs.get("instruction", "none")
        valid_action = kwargs.get("valid_action", "none")
        env_feedback = kwargs.get("env_feedback", "none")
        done = kwargs.get("done", False)
        if done == True:
            return f"Over: {valid_action}. {env_feedback}"
        return f"""You did {valid_action}. It says: {env_feedback}
    done: {done}
    {observation}
    Wanted: {instruction}"""

    def format_prompt_generator(format_type):
        def prompt_function(**kwargs):
            most = kwargs.get("max_actions_per_step", 1)
            add_example = kwargs.get("add_example", True)
            if format_type not in FORMAT_CONFIGS:
                raise ValueError(f"Unknown: {format_type}")
            config = FORMAT_CONFIGS[format_type]
            text = f"""{most} action(s).
    {config["description"]}"""
            if "additional_info" in config:
                text += f"\\n{config['additional_info']}"
            text += f"""
    Form: {config["format"]}"""
            if add_example:
                return text + '\\n' + f"e.g. {config['example']}"
            return text
        return prompt_function

    format_prompt = {name: format_prompt_generator(name) for name in FORMAT_CONFIGS}

    if __name__ == "__main__":
        for key, func in format_prompt.items():
            print(system_prompt(format=key))
    raise RuntimeError('this module was run')
    '''
ENV = """
    class Env:
        def step(self):
            valid = True
            info = {}
            info["env_feedback"] = (
                f"Done, you look at ({self.yaw},{self.pitch})" if valid else "Not done.")
    """


def clone(root: Path, prompt: str = PROMPT, env: str | None = ENV) -> Path:
    folder = root / 'clone/vagen/env/hstar'
    folder.mkdir(parents=True)
    (folder / 'prompt.py').write_text(textwrap.dedent(prompt))
    if env is not None:
        (folder / 'env.py').write_text(textwrap.dedent(env))
    other = root / 'clone/vagen/env/sokoban'
    other.mkdir()
    (other / 'prompt.py').write_text('def system_prompt():\n    return "push boxes"\n'
                                     'init_observation_template = action_template = "x"\n')
    return root / 'clone'


def sent(pack, feedback: Feedback | None) -> str:
    told = BenchmarkAngles(315, -10)
    task = Task('x', 'object', 'find {yaw} it', BenchmarkAngles(0, 0))
    parts = pack.turn_parts(task, told, feedback, b'', 3)
    return ''.join('<image>' if isinstance(part, bytes) else part for part in parts)


@pytest.fixture
def packs(tmp_path):
    made = import_prompts(clone(tmp_path))
    return {pack.answer_format: write_pack(pack, tmp_path / f'{pack.answer_format}.yaml')
            for pack in made}


def test_one_pack_for_each_format_says_what_the_checkout_says(packs):
    assert list(packs) == ['free_think', 'no_think', 'grounding']
    pack = packs['free_think']
    system = pack.system_text(Task('x', 'object', 'it'))
    assert system == (
        'You find things. Use rotate(yaw, pitch) or submit(yaw, pitch).\n\nExample:\nthinking\n'
        '1 action(s).\nThink, then answer.\nForm: <think>...</think><answer>...</answer>\n'
        'e.g. <think>hm</think><answer>rotate(-45,0)</answer>')
    assert pack.system_text(Task('x', 'path', 'it')).startswith('You find ways. \nExample:')
    tail = '\n1 action(s).\nThink, then answer.\nForm: <think>...</think><answer>...</answer>'
    assert sent(pack, None) == f'First look:\n<image>\nWanted: find {{yaw}} it{tail}'
    assert sent(pack, Feedback(True, BenchmarkAngles(315, -10), action='rotate(-45,-10)')) == (
        "You did ['rotate(-45,-10)']. It says: Done, you look at (315,-10)\ndone: False\n<image>\n"
        f'Wanted: find {{yaw}} it{tail}')
    assert sent(pack, Feedback(False, None)) == (
        'You did []. It says: Not done.\ndone: False\n<image>\n'
        f'Wanted: find {{yaw}} it{tail}')
    assert 'Not done. (no action)' in sent(
        pack, Feedback(False, BenchmarkAngles(315, -10), 'no action'))
    assert 'Example:' not in packs['no_think'].system_text(Task('x', 'object', 'it'))
    assert 'looking' in packs['grounding'].system_text(Task('x', 'object', 'it'))
    assert packs['grounding'].example == '<answer>submit(1,2)</answer>'


def test_the_same_words_have_the_same_hash_wherever_the_clone_lies(tmp_path):
    hashes = set()
    for place in ('here', 'there'):
        pack = import_prompts(clone(tmp_path / place))[0]
        hashes.add(write_pack(pack, tmp_path / place / 'pack.yaml').sha256)
    assert len(hashes) == 1


def test_the_command_writes_packs_and_names_what_is_missing(tmp_path, capsys):
    checkout = clone(tmp_path, env=None)
    out = tmp_path / 'packs'
    assert main(['prompts', 'import', str(checkout), '--out', str(out), '--name', 'mine',
                 '--format', 'no_think']) == 0
    told = capsys.readouterr().out
    assert 'hstar/prompt.py' in told and "does not word 'env_feedback'" in told
    assert [path.name for path in out.iterdir()] == ['mine_no_think.yaml']
    assert main(['prompts', 'show', str(out / 'mine_no_think.yaml'), '--task', 'path']) == 0
    shown = capsys.readouterr().out
    assert 'You find ways.' in shown and "You did ['rotate(30,-10)']" in shown
    assert '<view>' in shown and not re.search(r'\{(yaw|pitch|image|action)\}', shown)


def test_the_module_itself_may_be_named_and_constants_do_for_functions(tmp_path):
    module = tmp_path / 'prompts_of_mine.py'
    module.write_text(
        "SYSTEM_PROMPT = 'Say rotate(1,2) or submit(1,2).'\n"
        "INIT_OBSERVATION_TEMPLATE = '{observation} {instruction}'\n"
        "ACTION_TEMPLATE = 'did {valid_action}: {env_feedback}' + ' {observation} {instruction}'\n"
    )
    (pack, *_) = import_prompts(module, ['free_think'])
    written = write_pack(pack, tmp_path / 'x.yaml')
    assert sent(written, None) == '<image> find {yaw} it'
    assert sent(written, Feedback(True, BenchmarkAngles(1, 2), action='rotate(1,2)')).startswith(
        "did ['rotate(1,2)']: Your direction (yaw,pitch) is (315,-10).")
    assert any('format_prompt' in sentence for sentence in pack.missing)


def test_words_may_stand_in_a_module_beside_it(tmp_path):
    checkout = clone(tmp_path, PROMPT.replace(
        '"""You find ways. """', 'WAYS').replace('FORMAT_CONFIGS = {', """from .words import WAYS
    FORMAT_CONFIGS = {"""))
    (checkout / 'vagen/env/hstar/words.py').write_text("WAYS = 'Find ways by ' + 'signs.'\n")
    pack = write_pack(import_prompts(checkout)[0], tmp_path / 'x.yaml')
    assert pack.system_text(Task('x', 'path', 'it')).startswith('Find ways by signs.\n')


def test_what_is_there_and_cannot_be_read_is_not_taken_for_missing(tmp_path):
    text = PROMPT.replace('def format_prompt_generator', 'def other_name').replace(
        'format_prompt = {name: format_prompt_generator(', 'format_prompt = {name: make(')
    with pytest.raises(InputError, match=r"'format_prompt' gives no text .* line \d+"):
        import_prompts(clone(tmp_path, text))


@pytest.mark.parametrize(('old', 'new', 'said'), [
    ('def system_prompt', 'def system_words', "'system_prompt' is not in it"),
    ('def action_template', 'def later', "'action_template' is not in it"),
    ("return base + '\\\\n' + example", 'return fetch(base)',
     "'system_prompt' gives no text for free_think"),
    ('Wanted: {instruction}', 'Wanted: {{words}} {instruction}', '{words}, which a pack would'),
    ('First look:\n    {observation}', 'Look', "field 'first_turn' must hold {image} exactly")])
def test_what_cannot_be_found_is_named(tmp_path, old, new, said):
    assert old in PROMPT or old.replace('\\\\', '\\') in PROMPT
    changed = PROMPT.replace(old.replace('\\\\', '\\'), new.replace('\\\\', '\\'))
    checkout = clone(tmp_path, changed)
    with pytest.raises(InputError, match=re.escape(said)):
        for pack in import_prompts(checkout):
            write_pack(pack, tmp_path / 'x.yaml')
    assert not list(tmp_path.glob('*.yaml')) and not list(tmp_path.glob('.*.yaml'))


def test_all_that_is_missing_is_named_at_once(tmp_path):
    text = PROMPT.replace('def system_prompt', 'def a').replace(
        'def init_observation_template', 'def b')
    with pytest.raises(InputError) as seen:
        import_prompts(clone(tmp_path, text))
    assert 'system_prompt' in str(seen.value) and 'init_observation_template' in str(seen.value)


@pytest.mark.parametrize(('make', 'said'), [
    (lambda path: None, 'no such folder or file'),
    (lambda path: path.mkdir(), 'holds no prompt module'),
    (lambda path: path.write_bytes(b'\xff\xfe\x00'), 'is not a text file'),
    (lambda path: path.write_text('def ('), 'is not Python'),
    (lambda path: path.write_text('A = 1'), "'system_prompt' is not in it")])
def test_what_is_no_checkout_is_refused(tmp_path, make, said):
    make(tmp_path / 'x')
    with pytest.raises(InputError, match=re.escape(said)):
        import_prompts(tmp_path / 'x')


def test_the_prompts_of_other_environments_are_not_taken_for_it(tmp_path):
    checkout = clone(tmp_path)
    (checkout / 'vagen/env/hstar/prompt.py').unlink()
    with pytest.raises(InputError, match='speaks of rotate and submit'):
        import_prompts(checkout)


def test_a_byte_order_mark_is_no_error(tmp_path):
    checkout = clone(tmp_path)
    module = checkout / 'vagen/env/hstar/prompt.py'
    module.write_text('\ufeff' + module.read_text())
    assert len(import_prompts(checkout)) == 3


def test_an_unknown_format_is_refused(tmp_path):
    with pytest.raises(InputError, match="unknown answer format 'poem'"):
        import_prompts(clone(tmp_path), ['poem'])


@pytest.mark.parametrize(('name', 'answer_format'), [
    ('default', 'free_think'), ('no_think', 'no_think'), ('grounding', 'grounding')])
@pytest.mark.parametrize('profile', ['published-2025', 'published-2026', 'strict'])
def test_the_example_of_every_shipped_pack_is_what_its_format_asks_for(
        name, answer_format, profile):
    pack = load_prompts(name)
    assert pack.answer_format == answer_format
    replies = re.findall(r'^(?!\().*<answer>.*</answer>$', pack.example, re.MULTILINE)
    assert len(replies) >= 2
    parsed = [parse(reply, profile, answer_format) for reply in replies]
    assert all(each.format_correct for each in parsed)
    assert isinstance(parsed[0].action, Rotate)
    assert type(parsed[-1].action).__name__ == 'Submit'
    if answer_format == 'grounding':
        assert all(each.observation and each.reasoning for each in parsed)
    elif answer_format == 'free_think':
        assert all(each.thought for each in parsed)


def test_shipped_packs_are_listed_with_their_formats(capsys):
    assert main(['prompts', 'list']) == 0
    told = capsys.readouterr().out
    assert re.search(r'^default\s+free_think', told, re.MULTILINE)
    assert re.search(r'^no_think\s+no_think', told, re.MULTILINE)
    assert re.search(r'^grounding\s+grounding', told, re.MULTILINE)


@pytest.mark.parametrize('name', ['default', 'no_think', 'grounding'])
def test_every_text_of_a_shipped_pack_is_shown_filled_in(name, capsys):
    assert main(['prompts', 'show', name, '--instruction', 'Find the blue door']) == 0
    told = capsys.readouterr().out
    assert told.count('## ') == 10 and told.count('Find the blue door') == 8
    assert told.count('<view>') == 8
    assert not re.search(r'\{[a-z_]+\}', told)
