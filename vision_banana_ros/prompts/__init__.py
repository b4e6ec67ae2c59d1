"""Instruction <-> text, colours in words, class lists, and who is asked."""

from vision_banana_ros.codecs.palette import Palette
from vision_banana_ros.prompts.classes import parse_classes
from vision_banana_ros.prompts.colors import color_from_text, color_to_text
from vision_banana_ros.prompts.generator import Generator
from vision_banana_ros.prompts.instruction import Instruction, read
from vision_banana_ros.prompts.requests import ClassSet, class_set_names, read_class_set, read_request
from vision_banana_ros.prompts.writing import write

__all__ = [
    "ClassSet",
    "Generator",
    "Instruction",
    "Palette",
    "class_set_names",
    "color_from_text",
    "color_to_text",
    "parse_classes",
    "read",
    "read_class_set",
    "read_request",
    "write",
]
