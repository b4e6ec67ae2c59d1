"""What is known of one parameter, and what its values may be. Imports nothing of ROS."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any, TypeVar, cast

from vision_banana_ros.core import VisionBananaError, describe

Value = bool | int | float | str | tuple[str, ...]
_T = TypeVar("_T")


class ParameterError(VisionBananaError, ValueError):
    """A parameter's value is of the wrong type, out of range, or contradicts another one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Spec:
    """What is known of one parameter besides its name, type and default. `live`: may change while the node runs."""

    about: str
    live: bool
    low: float | None = None
    high: float | None = None
    choices: tuple[str, ...] = ()


def parameter(
    default: _T,
    about: str,
    *,
    live: bool = True,
    low: float | None = None,
    high: float | None = None,
    choices: tuple[str, ...] = (),
) -> _T:
    spec = Spec(about=about, live=live, low=low, high=high, choices=choices)
    return cast(Any, field(default=default, metadata={"spec": spec}))


def plain(value: object, default: Value) -> Value:
    """`value` as the default's type where nothing is lost by it; anything else is left for `require` to refuse."""
    if isinstance(default, float) and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if isinstance(default, tuple) and value is None:
        return ()  # what rclpy makes of [] in a file
    if isinstance(default, tuple) and isinstance(value, str):
        return tuple(word.strip() for word in value.split(",") if word.strip())
    if isinstance(default, tuple) and not isinstance(value, bytes) and hasattr(value, "__iter__"):
        return tuple(item for item in value if item != "")  # ROS has no empty list of strings, but [""]
    return cast(Value, value)


def require(name: str, value: object, default: Value, spec: Spec) -> None:
    if type(value) is not type(default):
        raise ParameterError(f"{name} must be {_kind(default)}, got {describe(value)}")
    if isinstance(value, (int, float)) and not (math.isfinite(value) and low_of(spec) <= value <= high_of(spec)):
        raise ParameterError(f"{name} must lie between {low_of(spec):g} and {high_of(spec):g}, got {value}")
    if spec.choices:
        for word in value if isinstance(value, tuple) else (value,):
            if word not in spec.choices:
                raise ParameterError(f"{name} must be of {', '.join(spec.choices)}, got {describe(word)}")


def low_of(spec: Spec) -> float:
    return -math.inf if spec.low is None else spec.low


def high_of(spec: Spec) -> float:
    return math.inf if spec.high is None else spec.high


def _kind(default: Value) -> str:
    kinds = {bool: "a bool", int: "an integer", float: "a number", str: "a string", tuple: "a list of strings"}
    return kinds[type(default)]
