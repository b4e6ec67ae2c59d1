"""As much of launch and launch_ros as our launch files use: no wheel carries them, and their files must run in tests.

`perform(file, prefix, NAME="value", ...)` gives what the file would start: Process commands and lines for the log.
Checked by hand against launch 3.7 and launch_ros 0.28: the same command lines.
"""

from __future__ import annotations

import importlib.util
import sys
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any

import yaml


@dataclass
class DeclareLaunchArgument:
    name: str
    default_value: str
    choices: tuple[str, ...] | None = None
    description: str = ""


@dataclass
class LaunchConfiguration:
    name: str

    def perform(self, context: Context) -> str:
        return context.values[self.name]


@dataclass
class OpaqueFunction:
    function: Any


@dataclass
class LogInfo:
    msg: str


@dataclass
class LaunchDescription:
    entities: list[Any]


@dataclass
class Context:
    values: dict[str, str]


@dataclass
class Node:
    package: str
    executable: str
    name: str = ""
    namespace: str = ""
    output: str = ""
    arguments: list[str] = field(default_factory=list)
    parameters: list[Any] = field(default_factory=list)
    remappings: list[tuple[str, str]] = field(default_factory=list)

    def command(self, prefix: Path, scratch: Path) -> list[str]:
        words = [str(prefix / "lib" / self.package / self.executable), *self.arguments, "--ros-args"]
        if self.name:
            words += ["-r", f"__node:={self.name}"]
        if self.namespace:
            words += ["-r", f"__ns:=/{self.namespace.strip('/')}"]
        for index, given in enumerate(self.parameters):
            file = Path(given) if not isinstance(given, dict) else scratch / f"{self.executable}_{index}.yaml"
            if isinstance(given, dict):
                file.write_text(yaml.safe_dump({"/**": {"ros__parameters": given}}), encoding="utf-8")
            words += ["--params-file", str(file)]
        for name, target in self.remappings:
            words += ["-r", f"{name}:={target}"]
        return words


def _module(name: str, **contents: Any) -> ModuleType:
    module = ModuleType(name)
    module.__dict__.update(contents)
    return module


def perform(file: Path, **given: str) -> list[Any]:
    """What the launch file would start with these arguments; choices are checked as launch checks them."""
    modules = {
        "launch": _module("launch", LaunchDescription=LaunchDescription),
        "launch.actions": _module(
            "launch.actions",
            DeclareLaunchArgument=DeclareLaunchArgument,
            LogInfo=LogInfo,
            OpaqueFunction=OpaqueFunction,
        ),
        "launch.substitutions": _module("launch.substitutions", LaunchConfiguration=LaunchConfiguration),
        "launch_ros": _module("launch_ros"),
        "launch_ros.actions": _module("launch_ros.actions", Node=Node),
    }
    before = {name: sys.modules.get(name) for name in modules}
    sys.modules.update(modules)
    try:
        spec = importlib.util.spec_from_file_location(f"stand_in_{file.stem.replace('.', '_')}", file)
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        entities = module.generate_launch_description().entities
    finally:
        for name, old in before.items():
            if old is None:
                del sys.modules[name]
            else:
                sys.modules[name] = old
    declared = {entity.name: entity for entity in entities if isinstance(entity, DeclareLaunchArgument)}
    assert set(given) <= set(declared), f"no such argument: {set(given) - set(declared)}"
    context = Context({name: given.get(name, argument.default_value) for name, argument in declared.items()})
    for name, argument in declared.items():
        assert argument.choices is None or context.values[name] in argument.choices, name
    actions: list[Any] = []
    for entity in entities:
        if isinstance(entity, OpaqueFunction):
            actions += entity.function(context)
        elif not isinstance(entity, DeclareLaunchArgument):
            actions.append(entity)
    return actions
