"""A vision-language model on this machine, by transformers. From disk only; the most likely word each time."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from vision_banana_ros.core import GeneratorError, UInt8Array, require_package
from vision_banana_ros.generators.editors.folders import locate, not_here


class LocalChat:
    """A `Chat` around AutoModelForImageTextToText."""

    def __init__(self, name: str, *, device: str = "auto", most_tokens: int = 512) -> None:
        for package in ("torch", "transformers"):
            require_package(package, extra="teachers", purpose="asking a local language model")
        transformers: Any = import_module("transformers")
        torch: Any = import_module("torch")
        self.name = f"hf:{name}"
        self._most_tokens = most_tokens
        folder = locate(name).folder
        self._device = ("cuda" if torch.cuda.is_available() else "cpu") if device == "auto" else device
        dtype = torch.float32 if self._device == "cpu" else torch.bfloat16
        try:
            self._processor = transformers.AutoProcessor.from_pretrained(folder, local_files_only=True)
            model = transformers.AutoModelForImageTextToText.from_pretrained(
                folder, local_files_only=True, use_safetensors=True, dtype=dtype
            )
        except OSError as error:
            raise not_here(name, "is not whole on this disk") from error
        except (ImportError, RuntimeError, ValueError, KeyError) as error:
            first = (str(error).strip().splitlines() or [type(error).__name__])[0][:200]
            raise GeneratorError(f"{self.name} cannot be loaded as a vision-language model: {first}") from error
        if not getattr(self._processor, "chat_template", None):
            raise GeneratorError(f"{self.name} has no chat template: name a model that was tuned to instructions")
        self._model = model.eval().to(self._device)

    def ask(self, prompt: str, picture: UInt8Array) -> str:
        import torch
        from PIL import Image

        content = [{"type": "image", "image": Image.fromarray(picture)}, {"type": "text", "text": prompt}]
        inputs = self._processor.apply_chat_template(
            [{"role": "user", "content": content}],
            add_generation_prompt=True,
            tokenize=True,
            return_dict=True,
            return_tensors="pt",
        ).to(self._device)
        try:
            with torch.inference_mode():
                told = self._model.generate(**inputs, max_new_tokens=self._most_tokens, do_sample=False)
        except torch.OutOfMemoryError as error:
            raise GeneratorError(f"{self.name} runs out of GPU memory: choose a smaller model or device cpu") from error
        except RuntimeError as error:
            raise GeneratorError(f"{self.name} failed: {str(error).splitlines()[0][:200]}") from error
        new = told[:, inputs["input_ids"].shape[1] :]
        return str(self._processor.batch_decode(new, skip_special_tokens=True)[0])
