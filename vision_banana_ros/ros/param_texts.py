"""The table of ros/params.py as a parameter file and as documentation."""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence

from vision_banana_ros.ros.specs import Spec, Value, high_of, low_of

#: Name, default and the rest of each parameter.
Table = Sequence[tuple[str, Value, Spec]]


def as_yaml(table: Table) -> str:
    """config/perception.yaml: every parameter with its default and its words."""
    lines = [
        "# Written by  python -m vision_banana_ros.ros.params yaml : the defaults.",
        "",
    ]
    lines += ["/**:", "  ros__parameters:"]
    for name, default, spec in table:
        lines += [f"    # {_words(spec)}", f"    {name}: {_in_yaml(default)}"]
    return "\n".join(lines) + "\n"


def _in_yaml(default: Value) -> str:
    """ROS reads an empty list as no value at all."""
    return '[""]' if default == () else json.dumps(default)


def as_table(table: Table, of_a_camera: Collection[str]) -> str:
    """The same as a Markdown table."""
    lines = ["| parameter | default | | meaning |", "| --- | --- | --- | --- |"]
    for name, default, spec in table:
        lines.append(f"| `{name}` | `{json.dumps(default)}` | {_when(spec, name in of_a_camera)} | {_words(spec)} |")
    return "\n".join(lines) + "\n"


def _when(spec: Spec, each: bool) -> str:
    """Whether it may change while the node runs, and be given for one of several cameras."""
    return ("live" if spec.live else "fixed") + (", each" if each else "")


def _words(spec: Spec) -> str:
    """Its description, with the range where there is one."""
    if spec.choices:
        return f"{spec.about} Of: {', '.join(spec.choices)}."
    if spec.low is None:
        return spec.about
    return f"{spec.about} Range {low_of(spec):g} to {high_of(spec):g}."
