"""Instruction <-> text, colours in words, class lists."""

from vision_banana_ros.codecs.palette import Palette
from vision_banana_ros.prompts.classes import parse_classes
from vision_banana_ros.prompts.colors import color_from_text, color_to_text
from vision_banana_ros.prompts.reading import read
from vision_banana_ros.prompts.writing import write

__all__ = ["Palette", "color_from_text", "color_to_text", "parse_classes", "read", "write"]
