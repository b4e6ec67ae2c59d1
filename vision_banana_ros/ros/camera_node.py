"""The executable `camera_node`."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from vision_banana_ros.ros.process import Runnable, run_node


def main(arguments: Sequence[str] | None = None) -> int:
    return run_node(_make, arguments)


def _make() -> Runnable:
    from vision_banana_ros.ros.camera import CameraNode

    return CameraNode()


if __name__ == "__main__":
    sys.exit(main())
