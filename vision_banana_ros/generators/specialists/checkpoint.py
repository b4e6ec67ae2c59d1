"""A folder of transformers' own format, opened with no network and no foreign code, on the device that was asked for.

Pictures are prepared by the checkpoint's processor. Some processors exist only for torchvision, which is not needed for
what they do (stretch to one size, scale, normalise): that is done here, by the numbers of their configuration.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from vision_banana_ros.core import AnyArray, DataError, GeneratorError, MissingExtraError, UInt8Array, VisionBananaError
from vision_banana_ros.generators.options import GeneratorOptions
from vision_banana_ros.generators.specialists.specialist import shrink
from vision_banana_ros.models.hub import find_folder, is_restricted, licence_of
from vision_banana_ros.models.known import find_known

#: What processors of torchvision alone are configured with where the file leaves it out.
_PLAIN: dict[str, dict[str, Any]] = {
    "depth_pro": {"size": (1536, 1536), "mean": 0.5, "std": 0.5},
    "tipsv2_dpt": {"size": (448, 448), "mean": None, "std": None},
    "sapiens2": {"size": (1024, 768), "mean": (0.485, 0.456, 0.406), "std": (0.229, 0.224, 0.225)},
    "sam2": {"size": (1024, 1024), "mean": (0.485, 0.456, 0.406), "std": (0.229, 0.224, 0.225)},
    "sam2_video": {"size": (1024, 1024), "mean": (0.485, 0.456, 0.406), "std": (0.229, 0.224, 0.225)},
    "sam3": {"size": (1008, 1008), "mean": 0.5, "std": 0.5},
    "sam3_video": {"size": (1008, 1008), "mean": 0.5, "std": 0.5},
    "rf_detr": {"size": (560, 560), "mean": (0.485, 0.456, 0.406), "std": (0.229, 0.224, 0.225)},
    "oneformer": {"size": (800, 800), "mean": (0.485, 0.456, 0.406), "std": (0.229, 0.224, 0.225)},
}


@dataclass(frozen=True, slots=True, eq=False)
class Checkpoint:
    """Where it lies, what it is, and where it is to run."""

    name: str
    folder: Path
    config: dict[str, Any]
    licence: str
    revision: str
    device: Any
    dtype: Any

    @property
    def model_type(self) -> str:
        return str(self.config.get("model_type", ""))

    @property
    def architecture(self) -> str:
        return str((self.config.get("architectures") or [""])[0])

    def model(self, class_name: str, **extra: Any) -> Any:
        """A model of one of transformers' classes, in evaluation mode on the device."""
        transformers = _transformers()
        kind = getattr(transformers, class_name, None)
        if kind is None:
            raise GeneratorError(
                f"{self.name} needs transformers with {class_name}, this is {transformers.__version__}: upgrade it"
            )
        with said_by(self.name):
            model, report = kind.from_pretrained(
                self.folder, local_files_only=True, trust_remote_code=False, use_safetensors=True, dtype=self.dtype,
                output_loading_info=True, **extra,
            )  # fmt: skip
        missing = sorted(report.get("missing_keys", ()))
        if missing:  # transformers would fill them with noise and say so in a log
            raise DataError(f"{self.name} lacks weights ({missing[0]} and {len(missing) - 1} more): fetch it again")
        return model.eval().to(self.device)

    def processor(self, class_name: str = "AutoImageProcessor") -> Any:
        """What prepares pictures or texts."""
        with said_by(self.name):
            return getattr(_transformers(), class_name).from_pretrained(
                self.folder, local_files_only=True, trust_remote_code=False
            )

    def plain_pixels(self, rgb: UInt8Array) -> Any:
        """(1, 3, h, w) for the model, by the numbers of its preprocessor_config.json."""
        torch = _torch()
        defaults = _PLAIN[self.model_type]
        said = self.preprocessing()
        size = said.get("size") or {}
        height, width = defaults["size"]
        if "height" in size:
            height, width = int(size["height"]), int(size["width"])
        elif "shortest_edge" in size:
            height = width = int(size["shortest_edge"])
        picture: AnyArray = shrink(rgb, (width, height)).astype(np.float32) * np.float32(
            said.get("rescale_factor", 1 / 255)
        )
        mean, std = said.get("image_mean", defaults["mean"]), said.get("image_std", defaults["std"])
        if mean is not None and said.get("do_normalize", defaults["mean"] is not None):
            picture = (picture - np.asarray(mean, np.float32)) / np.asarray(std, np.float32)
        tensor = torch.from_numpy(np.ascontiguousarray(picture.transpose(2, 0, 1))[None])
        return tensor.to(self.device, self.dtype)

    def moved(self, batch: Any) -> dict[str, Any]:
        """A processor's tensors on the device, floats in the model's type."""
        torch = _torch()
        moved = {}
        for name, value in batch.items():
            if isinstance(value, torch.Tensor):
                value = value.to(self.device, self.dtype) if value.is_floating_point() else value.to(self.device)
            moved[name] = value
        return moved

    def preprocessing(self) -> dict[str, Any]:
        for name in ("preprocessor_config.json", "processor_config.json"):
            try:
                said = json.loads((self.folder / name).read_text(encoding="utf-8"))
            except OSError:
                continue
            except ValueError as error:
                raise DataError(f"{self.folder / name} is damaged: fetch {self.name} again") from error
            inner: dict[str, Any] = said.get("image_processor", said)
            return inner
        return {}


def open_checkpoint(name: str, options: GeneratorOptions) -> Checkpoint:
    """Find it, read what it is, and ask for its licence."""
    folder = find_folder(name)
    try:
        config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    except ValueError as error:
        raise DataError(f"{folder / 'config.json'} is damaged: fetch {name} again") from error
    known = find_known(f"hf:{name}")
    licence = known.licence if known is not None else licence_of(folder) or "unknown"
    restricted = known.restricted if known is not None else licence != "unknown" and is_restricted(licence)
    if restricted and not options.accept_licence:
        raise GeneratorError(
            f"{name} is not for every use ({licence}): read its terms, then accept them (accept_licence, "
            "--accept-licence)"
        )
    device = choose_device(options.device)
    revision = folder.name if folder.parent.name == "snapshots" else ""
    return Checkpoint(name, folder, config, licence, revision, device, choose_dtype(options.precision, device))


def choose_device(device: str) -> Any:
    torch = _torch()
    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    if device.startswith("cuda") and not torch.cuda.is_available():
        raise GeneratorError(
            "PyTorch sees no CUDA device: use device 'cpu' or 'auto', or install a CUDA build of torch"
        )
    return torch.device(device)


def choose_dtype(precision: str, device: Any) -> Any:
    torch = _torch()
    if precision == "auto":
        precision = "fp16" if device.type == "cuda" else "fp32"
    return {"fp32": torch.float32, "fp16": torch.float16, "bf16": torch.bfloat16}[precision]


@contextmanager
def said_by(name: str) -> Iterator[None]:
    """A foreign library's error as one line of ours; what is ours already passes."""
    try:
        yield
    except VisionBananaError:
        raise
    except ImportError as error:
        raise GeneratorError(f"{name} cannot be loaded: {_line(error)}") from error
    except Exception as error:  # torch's and transformers' classes are many
        if "out of memory" in str(error).lower():
            raise GeneratorError(
                f"{name} does not fit into the memory of the device: use precision 'fp16', a smaller model or "
                "device 'cpu'"
            ) from error
        raise GeneratorError(f"{name} failed: {type(error).__name__}: {_line(error)}") from error


def numpy_of(tensor: Any) -> Any:
    """Float32 on the host."""
    return tensor.detach().float().cpu().numpy()


def _line(error: Exception) -> str:
    return " ".join(str(error).split())[:300] or type(error).__name__


def _torch() -> Any:
    try:
        import torch
    except ImportError as error:
        raise MissingExtraError(package="torch", extra="teachers", purpose="A model of transformers") from error
    return torch


def _transformers() -> Any:
    try:
        import transformers
    except ImportError as error:
        raise MissingExtraError(package="transformers", extra="teachers", purpose="A model of the hub") from error
    return transformers
