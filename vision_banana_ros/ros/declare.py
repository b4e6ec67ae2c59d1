"""The table of ros/params.py, declared to a node, and kept valid there.

A set of parameters is refused as a whole, with the reason, and the old Settings stay. Numbers are declared with dynamic
typing, since rclpy would otherwise raise for `far_point_m:=5`, which everybody writes.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Collection
from typing import Any

from rcl_interfaces.msg import FloatingPointRange, IntegerRange, ParameterDescriptor, SetParametersResult

from vision_banana_ros.core import VisionBananaError
from vision_banana_ros.ros.cameras import AllSettings, name_of, own_keys
from vision_banana_ros.ros.params import Settings, parameters
from vision_banana_ros.ros.specs import Spec, Value


class SettingsKeeper:
    """Declares all parameters of `node`; `all` is always the newest valid set.

    `is_fixed` tells whether parameters that are not live may not change now; `check` raises for what the node cannot do
    with otherwise good settings; `on_change` hears of every change.
    """

    def __init__(
        self,
        node: Any,
        *,
        is_fixed: Callable[[], bool],
        check: Callable[[Settings], None],
        on_change: Callable[[AllSettings, AllSettings], None],
    ) -> None:
        self._is_fixed = is_fixed
        self._check_more = check
        self._on_change = on_change
        self._specs = {name: spec for name, _, spec in parameters()}
        values = {
            name: node.declare_parameter(name, _ros_value(default), _descriptor(name, default, spec)).value
            for name, default, spec in parameters()
        }
        self._node = node
        self.all = AllSettings(Settings().changed(values))
        self._set(self._with_own(self.all))
        for words in _unknown(node, {**self._specs, **dict.fromkeys(own_keys(self.all.common.cameras))}):
            node.get_logger().error(words)
        node.add_on_set_parameters_callback(self._check)
        # Humble has no callback for afterwards; there the last check is the moment of change.
        self._has_post_callback = hasattr(node, "add_post_set_parameters_callback")
        if self._has_post_callback:
            node.add_post_set_parameters_callback(self._commit)

    def _check(self, changes: list[Any]) -> SetParametersResult:
        fixed = [change.name for change in changes if self._is_ours(change) and not self._spec(change.name).live]
        if fixed and self._is_fixed():
            reason = f"{', '.join(fixed)} cannot change while the node is configured: clean it up first"
            return SetParametersResult(successful=False, reason=reason)
        try:
            after = self._with(changes)
            for camera, settings in after.each().items():
                if after != self.all and settings != self._each.get(camera):
                    self._check_more(settings)
        except VisionBananaError as error:
            return SetParametersResult(successful=False, reason=str(error))
        if not self._has_post_callback:
            self._commit(changes)
        return SetParametersResult(successful=True)

    def _commit(self, changes: list[Any]) -> None:
        before = self.all
        self._set(self._with(changes))
        if self.all.common.cameras != before.common.cameras:
            self._set(self._with_own(self.all))
        if self.all != before:
            self._on_change(before, self.all)

    def of(self, camera: str) -> Settings:
        """What counts for one camera now."""
        return self._each.get(camera, self.all.common)

    def _set(self, new: AllSettings) -> None:
        self.all, self._each = new, new.each()

    def _with(self, changes: list[Any]) -> AllSettings:
        return self.all.changed({change.name: change.value for change in changes if self._is_ours(change)})

    def _with_own(self, new: AllSettings) -> AllSettings:
        """Each camera's own parameters, which have no value until they are given one."""
        values: dict[str, object] = {}
        defaults = {name: default for name, default, _ in parameters()}
        for key in own_keys(new.common.cameras):
            if not self._node.has_parameter(key):
                descriptor = _descriptor(key, defaults[name_of(key)[1]], self._spec(key))
                descriptor.dynamic_typing = True
                self._node.declare_parameter(key, None, descriptor)
            values[key] = self._node.get_parameter(key).value
        return new.changed(values)

    def _is_ours(self, change: Any) -> bool:
        return name_of(change.name)[1] in self._specs

    def _spec(self, key: str) -> Spec:
        return self._specs[name_of(key)[1]]


def _unknown(node: Any, specs: Collection[str]) -> list[str]:
    """Names in a parameter file or on the command line that mean nothing here: ROS drops them without a word."""
    given = getattr(node, "_parameter_overrides", {})  # since Dashing, but no public name
    lines = []
    for name in given:
        if name in specs or node.has_parameter(name) or name.startswith("qos_overrides."):
            continue
        near = difflib.get_close_matches(name, specs, n=1)
        lines.append(f"there is no parameter {name!r}" + (f": {near[0]}?" if near else "") + " Its value is ignored")
    return lines


def _ros_value(default: Value) -> Any:
    return list(default) if isinstance(default, tuple) else default


def _descriptor(name: str, default: Value, spec: Spec) -> ParameterDescriptor:
    descriptor = ParameterDescriptor(name=name, description=spec.about)
    if isinstance(default, tuple):
        descriptor.dynamic_typing = True  # a text with commas serves as a list
    if spec.choices:
        descriptor.additional_constraints = f"one of: {', '.join(spec.choices)}"
    if not spec.live:
        descriptor.additional_constraints += " (cannot change while the node is configured)"
    if spec.low is not None and spec.high is not None:
        if isinstance(default, float):
            descriptor.dynamic_typing = True
            descriptor.floating_point_range = [FloatingPointRange(from_value=spec.low, to_value=spec.high, step=0.0)]
        else:
            bounds = IntegerRange(from_value=int(spec.low), to_value=int(spec.high), step=1)
            descriptor.integer_range = [bounds]
    return descriptor
