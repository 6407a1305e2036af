# SPDX-License-Identifier: Apache-2.0
"""
Read the texts that Python source puts together, without ever running it.

A walk over the syntax tree knows strings, numbers, lists and dictionaries, names, joining and
formatting of strings, comparisons, branches, loops over lists, and functions made of these.
Whatever else a text depends on ends the walk with ``CannotTell``: no import but of names that
somebody read before, no attribute of any object but the methods below, no built-in.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
import operator
import re
from string import Formatter
import textwrap
from typing import Any, Union

from hvs_ros.core.errors import InputError

_MOST_STEPS = 20_000
_MOST_CHARACTERS = 1 << 20
_MOST_WORK = 1 << 26
_PLAIN_PERCENT = re.compile(r'(?:[^%]|%(?:\(\w+\))?s|%[di%])*')
_KNOWN = (
    ast.Constant, ast.Name, ast.JoinedStr, ast.FormattedValue, ast.List, ast.Tuple, ast.Set,
    ast.Dict, ast.Subscript, ast.BinOp, ast.IfExp, ast.BoolOp, ast.UnaryOp, ast.Compare, ast.Call,
    ast.ListComp, ast.GeneratorExp, ast.DictComp)
_Comprehension = Union[ast.ListComp, ast.GeneratorExp, ast.DictComp]
_STRING_METHODS = ('strip', 'lstrip', 'rstrip', 'format', 'join', 'replace', 'lower', 'upper')
_COMPARE: dict[type, Callable[[Any, Any], Any]] = {
    ast.Eq: operator.eq, ast.NotEq: operator.ne, ast.Is: operator.is_, ast.IsNot: operator.is_not,
    ast.In: lambda a, b: a in b, ast.NotIn: lambda a, b: a not in b}


class CannotTell(InputError):  # noqa: N818 - it says what the reader could not do
    """Name the line whose value the source alone does not give."""


@dataclass(frozen=True)
class Function:
    """Hold a function's definition together with the names around it."""

    definition: ast.FunctionDef
    names: Mapping[str, Any]


@dataclass
class Source:
    """
    Read one module's source.

    ``names`` holds the module's functions and the values of those of its constants that can be
    told, ``unread`` why others cannot. ``modules`` returns the names of a module that the text
    imports from, None for one that nobody read. Raise ``InputError`` when the text is no Python.
    """

    text: str
    name: str
    modules: Callable[[str], Mapping[str, Any] | None] = lambda module: None
    names: dict[str, Any] = field(default_factory=dict)
    unread: dict[str, str] = field(default_factory=dict)
    _steps: int = 0

    def __post_init__(self) -> None:
        """Take in what stands at the top of the module."""
        try:
            tree = ast.parse(self.text)
        except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
            raise InputError(f'{self.name} is not Python: {error}') from error
        self.names['__name__'] = self.name
        for node in tree.body:
            try:
                self._steps = 0
                self._run(node, self.names)
            except (CannotTell, RecursionError) as error:
                for name in _changed(node):
                    self.names.pop(name, None)
                    self.unread[name] = str(error)

    def call(self, function: Function, arguments: Mapping[str, Any]) -> Any:
        """Return what the function gives for keyword arguments; raise ``CannotTell``."""
        self._steps = 0
        try:
            return self._applied(function, [], dict(arguments))
        except RecursionError as error:
            raise CannotTell(f'{self.name}: {function.definition.name} never ends') from error

    def _applied(self, function: Function, given: list[Any], named: dict[str, Any]) -> Any:
        spec = function.definition.args
        parameters = [argument.arg for argument in (*spec.posonlyargs, *spec.args)]
        if spec.vararg or len(given) > len(parameters):
            raise self._lost(function.definition)
        local = dict(function.names)
        defaults = dict(zip(parameters[len(parameters) - len(spec.defaults):], spec.defaults,
                            strict=True))
        for argument, default in zip(spec.kwonlyargs, spec.kw_defaults, strict=True):
            parameters.append(argument.arg)
            if default is not None:
                defaults[argument.arg] = default
        bound = dict(zip(parameters, given, strict=False))
        for parameter in parameters[len(given):]:
            if parameter in named:
                bound[parameter] = named.pop(parameter)
            elif parameter in defaults:
                bound[parameter] = self._value(defaults[parameter], local)
            else:
                raise self._lost(function.definition, f'its argument {parameter!r} is unknown')
        if spec.kwarg:
            bound[spec.kwarg.arg] = named
        local.update(bound)
        returned = self._body(function.definition.body, local)
        return returned[0] if returned else None

    def _body(self, body: list[ast.stmt], names: dict[str, Any]) -> tuple[Any] | None:
        """Return the returned value in a tuple, None when the body runs through."""
        for node in body:
            returned = self._run(node, names)
            if returned is not None:
                return returned
        return None

    def _run(self, node: ast.stmt, names: dict[str, Any]) -> tuple[Any] | None:
        self._step(node)
        if isinstance(node, ast.Return):
            return (None if node.value is None else self._value(node.value, names),)
        if isinstance(node, ast.If):
            chosen = node.body if self._value(node.test, names) else node.orelse
            return self._body(chosen, names)
        if isinstance(node, ast.FunctionDef):
            names[node.name] = Function(node, names)
        elif isinstance(node, ast.Assign) and len(node.targets) == 1 and isinstance(
                node.targets[0], ast.Name):
            self._assign(node.targets[0].id, node.value, names)
        elif isinstance(node, ast.AnnAssign) and node.value is not None and isinstance(
                node.target, ast.Name):
            self._assign(node.target.id, node.value, names)
        elif isinstance(node, ast.AugAssign) and isinstance(node.target, ast.Name):
            present = ast.copy_location(ast.Name(node.target.id, ast.Load()), node)
            self._assign(node.target.id, ast.copy_location(
                ast.BinOp(present, node.op, node.value), node), names)
        elif isinstance(node, ast.ImportFrom):
            held = self.modules(node.module or '') or {}
            names.update({
                alias.asname or alias.name: held[alias.name]
                for alias in node.names if alias.name in held})
        elif isinstance(node, ast.For) and not node.orelse:
            for value in self._listed(node.iter, names):
                self._bind(node.target, value, names)
                returned = self._body(node.body, names)
                if returned is not None:
                    return returned
        elif not isinstance(node, (ast.Pass, ast.Import)) and not _is_idle(node):
            raise self._lost(node)
        return None

    def _listed(self, node: ast.expr, names: Mapping[str, Any]) -> list[Any]:
        value = self._value(node, names)
        if not isinstance(value, (list, dict)):
            raise self._lost(node)
        return list(value)

    def _bind(self, target: ast.expr, value: Any, names: dict[str, Any]) -> None:
        parts = target.elts if isinstance(target, ast.Tuple) else [target]
        values = value if isinstance(target, ast.Tuple) else [value]
        if not all(isinstance(part, ast.Name) for part in parts) or not isinstance(
                values, list) or len(values) != len(parts):
            raise self._lost(target)
        names.update({part.id: one for part, one in zip(parts, values, strict=True)
                      if isinstance(part, ast.Name)})

    def _each(self, node: _Comprehension, names: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
        """Yield the names that each round of a comprehension with one loop sees."""
        loop = node.generators[0]
        if len(node.generators) != 1 or loop.is_async:
            raise self._lost(node)
        for value in self._listed(loop.iter, names):
            inner = dict(names)
            self._bind(loop.target, value, inner)
            if all(self._value(test, inner) for test in loop.ifs):
                yield inner

    def _listcomp(
            self, node: ast.ListComp | ast.GeneratorExp, names: Mapping[str, Any]) -> list[Any]:
        return [self._value(node.elt, inner) for inner in self._each(node, names)]

    _generatorexp = _listcomp

    def _dictcomp(self, node: ast.DictComp, names: Mapping[str, Any]) -> dict[Any, Any]:
        return {self._value(node.key, inner): self._value(node.value, inner)
                for inner in self._each(node, names)}

    def _assign(self, name: str, expression: ast.expr, names: dict[str, Any]) -> None:
        try:
            names[name] = self._value(expression, names)
        except CannotTell:
            # Nobody may read what stood there before.
            names.pop(name, None)
            raise

    def _value(self, node: ast.expr, names: Mapping[str, Any]) -> Any:
        self._step(node)
        read = getattr(self, f'_{type(node).__name__.lower()}', None)
        if not isinstance(node, _KNOWN) or read is None:
            raise self._lost(node)
        try:
            value = read(node, names)
        except (TypeError, ValueError, LookupError, AttributeError) as error:
            raise self._lost(node, repr(error)) from error
        if isinstance(value, str) and len(value) > _MOST_CHARACTERS:
            raise self._lost(node, 'it is too long')
        return value

    def _constant(self, node: ast.Constant, names: Mapping[str, Any]) -> Any:
        return node.value

    def _name(self, node: ast.Name, names: Mapping[str, Any]) -> Any:
        if node.id in names:
            return names[node.id]
        if node.id in self.names:
            return self.names[node.id]
        raise self._lost(node, f'{node.id!r} is unknown')

    def _joinedstr(self, node: ast.JoinedStr, names: Mapping[str, Any]) -> str:
        return ''.join(str(self._value(part, names)) for part in node.values)

    def _formattedvalue(self, node: ast.FormattedValue, names: Mapping[str, Any]) -> str:
        if node.format_spec is not None or node.conversion not in (-1, ord('s')):
            raise self._lost(node)
        return self._text(node, self._value(node.value, names))

    def _list(self, node: ast.List | ast.Tuple, names: Mapping[str, Any]) -> list[Any]:
        return [self._value(entry, names) for entry in node.elts]

    _tuple = _list
    _set = _list

    def _dict(self, node: ast.Dict, names: Mapping[str, Any]) -> dict[Any, Any]:
        if None in node.keys:
            raise self._lost(node)
        return {self._value(key, names): self._value(value, names)
                for key, value in zip(node.keys, node.values, strict=True) if key is not None}

    def _subscript(self, node: ast.Subscript, names: Mapping[str, Any]) -> Any:
        held, key = self._value(node.value, names), self._value(node.slice, names)
        if not isinstance(held, (dict, list)):
            raise self._lost(node)
        return held[key]

    def _binop(self, node: ast.BinOp, names: Mapping[str, Any]) -> Any:
        left, right = self._value(node.left, names), self._value(node.right, names)
        if isinstance(node.op, ast.Add) and isinstance(left, str) and isinstance(right, str):
            return left + right
        plain = isinstance(left, str) and _PLAIN_PERCENT.fullmatch(left)
        if isinstance(node.op, ast.Mod) and plain:
            return left % (tuple(right) if isinstance(right, list) else right)
        raise self._lost(node)

    def _ifexp(self, node: ast.IfExp, names: Mapping[str, Any]) -> Any:
        return self._value(node.body if self._value(node.test, names) else node.orelse, names)

    def _boolop(self, node: ast.BoolOp, names: Mapping[str, Any]) -> Any:
        value: Any = None
        for part in node.values:
            value = self._value(part, names)
            if bool(value) is isinstance(node.op, ast.Or):
                break
        return value

    def _unaryop(self, node: ast.UnaryOp, names: Mapping[str, Any]) -> Any:
        if not isinstance(node.op, ast.Not):
            raise self._lost(node)
        return not self._value(node.operand, names)

    def _compare(self, node: ast.Compare, names: Mapping[str, Any]) -> bool:
        left, compare = self._value(node.left, names), _COMPARE.get(type(node.ops[0]))
        if len(node.ops) != 1 or compare is None:
            raise self._lost(node)
        return bool(compare(left, self._value(node.comparators[0], names)))

    def _arguments(
            self, node: ast.Call,
            names: Mapping[str, Any]) -> tuple[list[Any], dict[str, Any]]:
        if any(isinstance(part, ast.Starred) for part in node.args):
            raise self._lost(node)
        named: dict[str, Any] = {}
        for keyword in node.keywords:
            value = self._value(keyword.value, names)
            named.update(value if keyword.arg is None else {keyword.arg: value})
        return [self._value(part, names) for part in node.args], named

    def _call(self, node: ast.Call, names: Mapping[str, Any]) -> Any:
        if ast.unparse(node.func) in ('dedent', 'textwrap.dedent') and len(node.args) == 1:
            return textwrap.dedent(self._text(node, self._value(node.args[0], names)))
        if isinstance(node.func, ast.Attribute):
            return self._method(node, node.func, names)
        if isinstance(node.func, ast.Name) and node.func.id in ('dict', 'str'):
            given, named = self._arguments(node, names)
            return named if node.func.id == 'dict' and not given else self._text(node, given[0])
        function = self._value(node.func, names)
        if not isinstance(function, Function):
            raise self._lost(node)
        given, named = self._arguments(node, names)
        return self._applied(function, given, named)

    def _method(self, node: ast.Call, func: ast.Attribute, names: Mapping[str, Any]) -> Any:
        owner = self._value(func.value, names)
        given, named = self._arguments(node, names)
        if isinstance(owner, dict) and func.attr == 'get':
            return owner.get(*given)
        if isinstance(owner, dict) and func.attr in ('items', 'keys', 'values') and not given:
            return [list(pair) for pair in owner.items()] if func.attr == 'items' else list(
                getattr(owner, func.attr)())
        if not isinstance(owner, str) or func.attr not in _STRING_METHODS:
            raise self._lost(node)
        values = [*given, *named.values()]
        if func.attr == 'join':
            values = list(given[0])
        if func.attr == 'format':
            self._check_format(node, owner)
        if (len(owner) + 1) * (sum(len(self._text(node, value)) for value in values) + 1) > (
                _MOST_WORK):
            raise self._lost(node, 'it is too long')
        return getattr(owner, func.attr)(*given, **named)

    def _check_format(self, node: ast.expr, template: str) -> None:
        """Refuse fields that look into objects or pad: {0.__class__}, {a[b]}, {:>999999}."""
        for _, name, spec, conversion in Formatter().parse(template):
            if name is not None and (spec or conversion or not re.fullmatch(r'\w*', name)):
                raise self._lost(node, f'it has the field {name!r}')

    def _text(self, node: ast.AST, value: Any) -> str:
        if isinstance(value, (str, int, float, list)) or value is None:
            return str(value)
        raise self._lost(node)

    def _step(self, node: ast.AST) -> None:
        self._steps += 1
        if self._steps > _MOST_STEPS:
            raise self._lost(node, 'it takes too long')

    def _lost(self, node: ast.AST, why: str = '') -> CannotTell:
        line = getattr(node, 'lineno', 0)
        return CannotTell(f'{self.name}, line {line}: cannot be read without running it'
                          + (f' ({why})' if why else ''))


def _is_idle(node: ast.stmt) -> bool:
    """Return whether the statement is a docstring or prints."""
    if not isinstance(node, ast.Expr):
        return False
    called = node.value.func if isinstance(node.value, ast.Call) else None
    return isinstance(node.value, ast.Constant) or (
        isinstance(called, ast.Name) and called.id == 'print')


def _changed(node: ast.stmt) -> set[str]:
    """Return the names whose values a statement that could not be read may have changed."""
    found = set()
    for inner in ast.walk(node):
        stored = isinstance(getattr(inner, 'ctx', None), (ast.Store, ast.Del))
        called = isinstance(inner, ast.Call) and isinstance(inner.func, ast.Attribute)
        base: Any = inner.func if isinstance(inner, ast.Call) and called else inner
        while (stored or called) and isinstance(base, (ast.Attribute, ast.Subscript)):
            base = base.value
        if (stored or called) and isinstance(base, ast.Name):
            found.add(base.id)
    return found
