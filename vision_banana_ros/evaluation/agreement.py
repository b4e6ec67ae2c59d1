"""Does a picture show what its words say, and how alike are two pictures? By a CLIP or SigLIP of this disk.

    agreement   cosine of the picture's embedding and the text's
    distance    1 - cosine of two pictures' embeddings: what changed that such a model sees, not single pixels

The numbers of two such models cannot be compared with each other.
"""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

from vision_banana_ros.core import FloatArray, GeneratorError, UInt8Array, require_package
from vision_banana_ros.generators.editors.folders import locate, not_here


class Agreement:
    """A model that embeds pictures and texts in one space."""

    def __init__(self, name: str, *, device: str = "auto") -> None:
        for package in ("torch", "transformers"):
            require_package(package, extra="teachers", purpose="comparing pictures with words")
        transformers: Any = import_module("transformers")
        torch: Any = import_module("torch")
        self.name = name
        folder: Path = locate(name).folder
        self._device = ("cuda" if torch.cuda.is_available() else "cpu") if device == "auto" else device
        try:
            model = transformers.AutoModel.from_pretrained(folder, local_files_only=True, use_safetensors=True)
            self._pictures = transformers.AutoImageProcessor.from_pretrained(folder, local_files_only=True)
            self._texts = transformers.AutoTokenizer.from_pretrained(folder, local_files_only=True)
        except OSError as error:
            raise not_here(name, "is not whole on this disk") from error
        if not hasattr(model, "get_text_features") or not hasattr(model, "get_image_features"):
            raise GeneratorError(f"{name} is a {type(model).__name__}: name a CLIP or a SigLIP")
        self._model = model.eval().to(self._device)
        # SigLIP was trained on texts that are filled up to the end.
        self._padding = "max_length" if "siglip" in type(model).__name__.lower() else True

    def of_picture(self, rgb: UInt8Array) -> FloatArray:
        """A unit vector."""
        import torch
        from PIL import Image

        inputs = self._pictures(images=Image.fromarray(rgb), return_tensors="pt").to(self._device)
        with torch.inference_mode():
            return _unit(self._model.get_image_features(**inputs))

    def of_text(self, text: str) -> FloatArray:
        import torch

        inputs = self._texts([text], padding=self._padding, truncation=True, return_tensors="pt").to(self._device)
        with torch.inference_mode():
            return _unit(self._model.get_text_features(**inputs))


def _unit(found: Any) -> FloatArray:
    """Newer versions of the library give an object, older ones the vector itself."""
    vector = np.asarray(getattr(found, "pooler_output", found)[0].float().cpu(), np.float32)
    unit: FloatArray = vector / max(float(np.linalg.norm(vector)), 1e-12)
    return unit
