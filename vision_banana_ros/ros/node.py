"""The executable `perception_node`."""

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

    return run_node(_make, arguments, ending=ending)


def _make() -> Runnable:
    # Imported only now: without rclpy there must be one line that says so, and the process's settings come first.
    from vision_banana_ros.ros.perception_node import PerceptionNode

    return PerceptionNode()


if __name__ == "__main__":
    sys.exit(main())
