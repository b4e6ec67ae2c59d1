"""Plain JSON -> frozen dataclasses, strictly: every field of the right type, no key that nobody knows.

Reads str, int, float, bool, enums, tuples of one kind, optional values and dataclasses of these. Raises TypeError or
ValueError with the name of the field; the caller knows the file and says what to do.
"""

from __future__ import annotations

from dataclasses import fields, is_dataclass
from enum import Enum
from types import UnionType
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

_Record = TypeVar("_Record")


def from_json(kind: type[_Record], raw: object) -> _Record:
    """A frozen record from plain JSON, field by field; unknown keys are refused, they may matter."""
    if not isinstance(raw, dict):
        raise TypeError(f"{kind.__name__} must be an object, got {type(raw).__name__}")
    hints = get_type_hints(kind)
    known = {field.name for field in fields(kind)}  # type: ignore[arg-type]
    unknown = sorted(set(raw) - known)
    if unknown:
        raise ValueError(f"{kind.__name__} has no {', '.join(unknown)}")
    return kind(**{name: _value(hints[name], value, name) for name, value in raw.items()})


def _value(hint: Any, raw: object, name: str) -> object:
    if get_origin(hint) in (UnionType, Union):
        options = [option for option in get_args(hint) if option is not type(None)]
        return None if raw is None else _value(options[0], raw, name)
    if get_origin(hint) is tuple:
        if not isinstance(raw, list):
            raise TypeError(f"{name} must be a list, got {type(raw).__name__}")
        return tuple(_value(get_args(hint)[0], item, name) for item in raw)
    if isinstance(hint, type) and is_dataclass(hint):
        return from_json(hint, raw)
    if isinstance(hint, type) and issubclass(hint, Enum):
        return hint(raw)
    if hint is float and isinstance(raw, int) and not isinstance(raw, bool):
        return float(raw)
    if not isinstance(raw, hint) or (hint is int and isinstance(raw, bool)):
        raise TypeError(f"{name} must be {hint.__name__}, got {raw!r}")
    return raw
