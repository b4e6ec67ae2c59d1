"""Everything that paints: the oracle paints the truth, the student what it learnt."""

from vision_banana_ros.generators.oracle import OracleGenerator
from vision_banana_ros.generators.registry import load_generator

__all__ = ["OracleGenerator", "load_generator"]
