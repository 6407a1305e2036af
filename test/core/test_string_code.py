# SPDX-License-Identifier: Apache-2.0
"""Texts are read out of source without running it; what cannot be told is not guessed."""

from __future__ import annotations

import textwrap

from hypothesis import given, settings
from hypothesis import strategies as st
import pytest

from hvs_ros.core.errors import InputError
from hvs_ros.core.string_code import CannotTell, Function, Source


def source(text: str) -> Source:
    return Source(textwrap.dedent(text), 'm.py')


def told(text: str, **arguments: object) -> object:
    found = source(text)
    function = found.names['f']
    assert isinstance(function, Function)
    return found.call(function, arguments)


@pytest.mark.parametrize(('body', 'value'), [
    ("return 'a' 'b' + \"c\"", 'abc'),
    ("return f'{x} and {x!s}{3}'", 'X and X3'),
    ("return '{} {b}'.format(x, b='B')", 'X B'),
    ("return '%s-%s' % (x, 2)", 'X-2'),
    ("return '%s' % x", 'X'),
    ("return ', '.join(['a', x]).strip('a')", ', X'),
    ("return {'k': {'j': x}}['k']['j']", 'X'),
    ("return {'k': 1}.get('z', x)", 'X'),
    ("y = 'a'\n y += x\n return y", 'aX'),
    ('y: str = x.lower()\n return y', 'x'),
    ("if x == 'X' and not z:\n  return 1\n return 2", 1),
    ("if x in ['Y'] or z is not None:\n  return 1\n elif x != 'X':\n  return 2\n return 3", 3),
    ("return 'yes' if x in ('X', 'Y') else 'no'", 'yes'),
    ('"""Say so."""\n print(x)\n return TEXT', 'top X'),
    ('def g(a, b="B", *, c="C"):\n  return a + b + c\n return g(x, c="c")', 'XBc'),
    ('def g(**k):\n  return k.get("a", "none") + x\n return g(a="A")', 'AX'),
    ('return g2(x)', 'X!'), ('return str(2) + x', '2X'),
    ('return dict(a=x)["a"]', 'X'), ('pass', None),
    ('return ", ".join(f"{a}={b}" for a, b in {"k": x, "l": 1}.items() if a != "l")', 'k=X'),
    ('return {a: x + a for a in ["b"]}["b"]', 'Xb'), ('return [a for a in {x: 1}][0]', 'X'),
    ('y = ""\n for a in ["p", x]:\n  y += a\n return y', 'pX'),
    ('import textwrap\n return textwrap.dedent("""\\\n    a\n      b""")', 'a\n  b')])
def test_what_can_be_told(body, value):
    top = "TEXT = 'top X'\ndef g2(a):\n return f'{a}!'\n"
    assert told(f'{top}def f(x, z=None):\n {body}', x='X') == value


@pytest.mark.parametrize('body', [
    'return open("/etc/passwd").read()', '__import__("os").system("true")\n return 1',
    'return x.__class__', 'return "{0.__class__}".format(x)', 'return "{:>99999999}".format(x)',
    'return "%99999999s" % x', 'return x * 10**9', 'for a in x:\n  return a', 'return unknown',
    'return [a for a in x]', 'return eval(x)', 'return [a + b for a in [x] for b in [x]]',
    'for a, b in [x]:\n  pass', 'return {}.pop(x)', 'for a in [1]:\n  pass\n else:\n  pass',
    'y = []\n y.append(x)\n return y[0]',
    'return f(x)', 'while True:\n  pass', 'return (lambda: x)()', 'return x[0]', 'return -1',
    'return "{a[0]}".format(a=x)', 'return f"{x:>9}"', 'return f"{x!r}"', 'return 1 < 2 < 3',
    'y = dict(); y["a"] = x\n return y', 'raise ValueError(x)',
    'try:\n  return x\n finally:\n  pass',
    'return {**x}', 'return len(x)', 'return getattr(x, "upper")()', 'return {}.get',
    'return "a".join(x, x)', 'return x + 1', 'import os\n return os.getcwd()'])
def test_what_cannot_be_told_is_refused_with_its_line(body):
    with pytest.raises(CannotTell, match=r'm\.py(, line \d+)?:'):
        told(f'def f(x):\n {body}', x='X')


def test_nothing_is_run(tmp_path):
    trace = tmp_path / 'ran'
    source(f"""
        import pathlib
        pathlib.Path({str(trace)!r}).write_text('x')
        class A:
            pathlib.Path({str(trace)!r}).touch()
        TEXT = 'still read'
        assert False
        """)
    assert not trace.exists()


def test_a_name_that_may_have_changed_is_forgotten():
    found = source("""
        A = 'kept'
        B = {'x': 'old'}
        B['x'] = 'new'
        C = {'x': 'old'}
        C.update(x='new')
        D = 'old'
        D = compute()
        for E in unknown(3):
            A2 = E
        if __name__ == '__main__':
            A = 'other'
        """).names
    assert found['A'] == 'kept' and not {'B', 'C', 'D', 'E', 'A2'} & set(found)


def test_names_of_modules_that_were_read_can_be_imported():
    text = 'from .words import A as B, C\ndef f(x):\n return B + x\n'
    found = Source(text, 'm.py', {'words': {'A': 'a'}}.get)
    assert found.call(found.names['f'], {'x': 'X'}) == 'aX' and 'C' not in found.names


def test_texts_that_grow_without_end_are_stopped():
    doubling = ''.join(' x = x + x\n' for _ in range(60))
    with pytest.raises(CannotTell, match='too long'):
        told(f'def f(x):\n{doubling} return x', x='X' * 100)
    with pytest.raises(CannotTell, match='too long'):
        told("def f(x):\n return x.replace('X', x)", x='X' * 20_000)


@pytest.mark.parametrize('text', ['def f(', 'a = "\x00"', '(' * 5000])
def test_what_is_no_python_is_refused(text):
    with pytest.raises(InputError, match='is not Python'):
        Source(text, 'm.py')


@given(st.text(alphabet='def f(x): return\n\t"\'{}[]+=.,0aX%', max_size=80))
@settings(max_examples=200, deadline=None)
def test_any_text_is_read_or_refused(text):
    try:
        found = Source(text, 'm.py')
        for value in list(found.names.values()):
            if isinstance(value, Function):
                found.call(value, {'x': 'X'})
    except InputError as error:
        assert 'm.py' in str(error)
