"""The settings of each camera of a node: those of all, and what was given for one alone, as front.hfov_deg.

Imports nothing of ROS.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from vision_banana_ros.ros.params import OF_A_CAMERA, Settings
from vision_banana_ros.ros.specs import ParameterError


@dataclass(frozen=True, slots=True)
class AllSettings:
    """Valid as a whole, as each Settings is. Values of None are not given."""

    common: Settings = field(default_factory=Settings)
    own: Mapping[str, object] = field(default_factory=dict)  # by "camera.parameter"

    def of(self, camera: str) -> Settings:
        """What counts for one camera; for the only one, "", what there is."""
        if not camera:
            return self.common
        own = {name_of(key)[1]: value for key, value in self.own.items() if name_of(key)[0] == camera}
        try:
            return replace(self.common, cameras=()).changed(own)
        except ParameterError as error:
            raise ParameterError(f"{camera}: {error}") from error

    def each(self) -> dict[str, Settings]:
        """By camera; the only one is called ""."""
        return {camera: self.of(camera) for camera in self.common.cameras or ("",)}

    def changed(self, values: Mapping[str, object]) -> AllSettings:
        """With other values, of all cameras or of one; raises what a Settings of theirs would."""
        common = {key: value for key, value in values.items() if not name_of(key)[0]}
        own = {key: value for key, value in values.items() if name_of(key)[0] and value is not None}
        after = AllSettings(self.common.changed(common), {**self.own, **own})
        after.each()
        return after


def name_of(key: str) -> tuple[str, str]:
    """ "front.hfov_deg" is ("front", "hfov_deg"), and what all have is ("", its name)."""
    camera, dot, name = key.rpartition(".")
    return (camera, name) if dot and name in OF_A_CAMERA else ("", key)


def own_keys(cameras: tuple[str, ...]) -> list[str]:
    """All that may be given for one of these cameras, in a steady order."""
    return [f"{camera}.{name}" for camera in cameras for name in sorted(OF_A_CAMERA)]
