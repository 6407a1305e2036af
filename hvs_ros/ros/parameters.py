# SPDX-License-Identifier: Apache-2.0
"""Parameters declared once: a dataclass is the declaration, the check and the README's row."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
import math
from typing import Any, TypeVar, get_type_hints

from rcl_interfaces.msg import (
    FloatingPointRange,
    IntegerRange,
    ParameterDescriptor,
    SetParametersResult,
)
from rclpy.exceptions import InvalidParameterTypeException, InvalidParameterValueException
from rclpy.node import Node
from rclpy.parameter import Parameter

from hvs_ros.core.errors import InputError

P = TypeVar('P')
_TYPES: dict[Any, Parameter.Type] = {
    bool: Parameter.Type.BOOL, int: Parameter.Type.INTEGER, float: Parameter.Type.DOUBLE,
    str: Parameter.Type.STRING, list[float]: Parameter.Type.DOUBLE_ARRAY,
    list[str]: Parameter.Type.STRING_ARRAY}
_IN_WORDS: dict[Any, str] = {
    bool: 'true or false', int: 'a whole number', float: 'a number', str: 'text',
    list[float]: 'a list of numbers', list[str]: 'a list of texts'}


@dataclass(frozen=True)
class ParameterRow:
    """Describe one parameter as a person reads it."""

    name: str
    default: Any
    description: str
    unit: str
    bounds: tuple[float, float] | None
    choices: tuple[str, ...]
    read_only: bool


def parameter(
        default: Any, description: str, *, unit: str = '',
        bounds: tuple[float, float] | None = None, choices: tuple[str, ...] = (),
        read_only: bool = True) -> Any:
    """
    Return a dataclass field that declares a parameter.

    ``bounds`` are inclusive and hold for every element of a list; ``choices`` for strings.
    """
    metadata = {'row': (description, unit, bounds, choices, read_only)}
    if isinstance(default, list):
        return field(default_factory=lambda: list(default), metadata=metadata)
    return field(default=default, metadata=metadata)


def rows(kind: type) -> list[ParameterRow]:
    """Return one row for each parameter of the dataclass, in its order."""
    blank = kind()
    return [
        ParameterRow(entry.name, getattr(blank, entry.name), *entry.metadata['row'])
        for entry in fields(kind)]


def declare(node: Node, kind: type[P]) -> P:
    """
    Declare every parameter of the dataclass on the node and return their values.

    Parameters that are not read-only stay current: setting one at run time, within its bounds,
    changes the returned object. Raise ``InputError`` naming the parameter and the value.
    """
    hints = get_type_hints(kind)
    values: dict[str, Any] = {}
    for row in rows(kind):
        values[row.name] = _declare_one(node, row, hints[row.name])
    current = kind(**values)
    by_name = {row.name: row for row in rows(kind)}

    def _on_set(parameters: list[Parameter]) -> SetParametersResult:
        for item in parameters:
            if item.name in by_name:
                reason = _refusal(by_name[item.name], item.value)
                if reason:
                    return SetParametersResult(successful=False, reason=reason)
        for item in parameters:
            if item.name in by_name:
                setattr(current, item.name, item.value)
        return SetParametersResult(successful=True)

    node.add_on_set_parameters_callback(_on_set)
    return current


def _declare_one(node: Node, row: ParameterRow, hint: Any) -> Any:
    name = f'{node.get_name()}: parameter {row.name}'
    overrides = getattr(node, '_parameter_overrides', {})
    given = overrides.get(row.name)
    if hint is float and given is not None and given.type_ == Parameter.Type.INTEGER:
        # YAML and the command line write 2 for 2.0; refusing that teaches nobody anything
        overrides[row.name] = Parameter(row.name, Parameter.Type.DOUBLE, float(given.value))
    try:
        node.declare_parameter(row.name, row.default, _descriptor(row, hint))
    except (InvalidParameterTypeException, InvalidParameterValueException) as error:
        value = getattr(given, 'value', None)
        raise InputError(f'{name} cannot be {value!r}: {_wanted(row, hint)}') from error
    value = node.get_parameter(row.name).value
    value = list(value) if hint in (list[float], list[str]) else value
    reason = _refusal(row, value)
    if reason:
        raise InputError(f'{name} cannot be {value!r}: {reason}')
    return value


def _descriptor(row: ParameterRow, hint: Any) -> ParameterDescriptor:
    text = row.description + (f' [{row.unit}]' if row.unit else '')
    descriptor = ParameterDescriptor(
        description=text, read_only=row.read_only,
        additional_constraints='one of ' + ', '.join(row.choices) if row.choices else '')
    if row.bounds and hint is float:
        low, high = row.bounds
        descriptor.floating_point_range = [FloatingPointRange(from_value=low, to_value=high)]
    if row.bounds and hint is int:
        descriptor.integer_range = [
            IntegerRange(from_value=int(row.bounds[0]), to_value=int(row.bounds[1]), step=1)]
    return descriptor


def _refusal(row: ParameterRow, value: Any) -> str:
    if row.choices and value not in row.choices:
        return 'it must be one of ' + ', '.join(row.choices)
    numbers = value if isinstance(value, (list, tuple)) else [value]
    for number in numbers:
        if isinstance(number, float) and not math.isfinite(number):
            return 'it must be a finite number'
        if row.bounds and isinstance(number, (int, float)) and not (
                row.bounds[0] <= number <= row.bounds[1]):
            return f'it must lie in [{row.bounds[0]:g}, {row.bounds[1]:g}]'
    return ''


def _wanted(row: ParameterRow, hint: Any) -> str:
    bounds = f' in [{row.bounds[0]:g}, {row.bounds[1]:g}]' if row.bounds else ''
    return f'it must be {_IN_WORDS[hint]}{bounds}'
