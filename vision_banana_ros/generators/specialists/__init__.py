"""Models that others trained for one task, encoded into the canvases of all tasks: behind them nothing is special."""

from vision_banana_ros.generators.specialists.specialist import Specialist, TakesDepth

__all__ = ["Specialist", "TakesDepth"]
