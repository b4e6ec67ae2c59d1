"""Image editors by diffusers (`diffusers:ID[+LORA]`): asked with the paper's prompts, decoded like anybody else.

load("black-forest-labs/FLUX.2-klein-4B") -> Generator; everything comes from disk, nothing is downloaded.
"""

from vision_banana_ros.generators.editors.editor import EditorGenerator
from vision_banana_ros.generators.editors.loading import EditorOptions, load
from vision_banana_ros.generators.editors.marigold import MarigoldDepth, MarigoldNormals

__all__ = ["EditorGenerator", "EditorOptions", "MarigoldDepth", "MarigoldNormals", "load"]
