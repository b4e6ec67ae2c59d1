"""The executable `camera_node`."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from vision_banana_ros.ros.ending import Ending

if TYPE_CHECKING:
    from vision_banana_ros.ros.process import Runnable


def main(arguments: Sequence[str] | None = None) -> int:
    ending = Ending()
    from vision_banana_ros.ros.process import run_node
    from vision_banana_ros.ros.transport import CAMERA_SEGMENT

    return run_node(_make, arguments, ending=ending, largest_segment=CAMERA_SEGMENT)


def _make() -> Runnable:
    from vision_banana_ros.ros.camera import CameraNode

    return CameraNode()


if __name__ == "__main__":
    sys.exit(main())
