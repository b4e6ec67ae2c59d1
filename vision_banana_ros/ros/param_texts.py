"""The table of ros/params.py as a parameter file and as documentation."""

from __future__ import annotations

import json

from vision_banana_ros.ros.params import OF_A_CAMERA, parameters
from vision_banana_ros.ros.specs import Spec, Value, high_of, low_of


def as_yaml() -> str:
    """config/perception.yaml: every parameter with its default and its words."""
    lines = [
        "# Written by  python -m vision_banana_ros.ros.params yaml : the defaults.",
        "",
    ]
    lines += ["/**:", "  ros__parameters:"]
    for name, default, spec in parameters():
        lines += [f"    # {_words(spec)}", f"    {name}: {_in_yaml(default)}"]
    return "\n".join(lines) + "\n"


def _in_yaml(default: Value) -> str:
    """ROS reads an empty list as no value at all."""
    return '[""]' if default == () else json.dumps(default)


def as_table() -> str:
    """The same as a Markdown table."""
    lines = ["| parameter | default | | meaning |", "| --- | --- | --- | --- |"]
    for name, default, spec in parameters():
        lines.append(f"| `{name}` | `{json.dumps(default)}` | {_when(name, spec)} | {_words(spec)} |")
    return "\n".join(lines) + "\n"


def _when(name: str, spec: Spec) -> str:
    """Whether it may change while the node runs, and be given for one of several cameras."""
    return ("live" if spec.live else "fixed") + (", each" if name in OF_A_CAMERA else "")


def _words(spec: Spec) -> str:
    """Its description, with the range where there is one."""
    if spec.choices:
        return f"{spec.about} Of: {', '.join(spec.choices)}."
    if spec.low is None:
        return spec.about
    return f"{spec.about} Range {low_of(spec):g} to {high_of(spec):g}."
