"""A name -> an editor that is ready: pipeline, adapter or transformer, device, precision.

    ID or FOLDER          any diffusers pipeline
    ID+LORA               with a LoRA adapter on it (peft), scaled by `lora_scale`
    ID+TRANSFORMER        with another transformer in place of its own: Open Vision Banana in FLUX.2-klein-base-9B

Safetensors only, no code from a hub. Where an adapter's folder, or a base's own that was tuned as a whole, has a
training_card.json, its licence, tasks, steps, guidance and whether its depth is metres are taken from there.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from vision_banana_ros.core import About, GeneratorError, Task, require_package
from vision_banana_ros.generators.editors import marigold
from vision_banana_ros.generators.editors.editor import Asking, EditorGenerator
from vision_banana_ros.generators.editors.families import Family, family_of
from vision_banana_ros.generators.editors.folders import (
    TRAINING_CARD,
    UNKNOWN_LICENCE,
    OnDisk,
    locate,
    not_here,
    require_accepted,
)
from vision_banana_ros.generators.options import PRECISIONS, GeneratorOptions
from vision_banana_ros.generators.specialists.metres import Anchor, parse_anchor
from vision_banana_ros.generators.wording import PROMPTED
from vision_banana_ros.prompts import Generator

_PURPOSE = "painting with an image editor"
_ADAPTER = "canvas"
_LORA_FILE = "pytorch_lora_weights.safetensors"
#: Of the free GPU memory: weights above this share leave too little for what is computed with them.
_ROOM_FOR_WEIGHTS = 0.8


@dataclass(frozen=True, slots=True, kw_only=True)
class EditorOptions:
    """device: "auto", "cpu", "cuda", "cuda:1". precision: "auto", "fp32", "fp16", "bf16".
    offload: "auto" (where the weights do not fit), "none", "model", "sequential".
    tuned: whether it knows the paper's prompts; None: it does where an adapter, a transformer or a card is.
    """

    device: str = "auto"
    precision: str = "auto"
    offload: str = "auto"
    steps: int | None = None
    guidance: float | None = None
    seed: int = 0
    batch: int = 4
    lora_scale: float = 1.0
    tuned: bool | None = None
    accept_licence: bool = False

    def __post_init__(self) -> None:
        for name, allowed in (
            ("precision", PRECISIONS),
            ("offload", ("auto", "none", "model", "sequential")),
        ):
            if getattr(self, name) not in allowed:
                raise GeneratorError(f"{name} must be one of {', '.join(allowed)}, got {getattr(self, name)!r}")
        for name in ("steps", "batch"):
            if (value := getattr(self, name)) is not None and value < 1:
                raise GeneratorError(f"{name} must be at least 1, got {value}")


def load_named(name: str, options: GeneratorOptions) -> Generator:
    """What the registry calls for diffusers:NAME."""
    editor_options = EditorOptions(
        device=options.device, precision=options.precision, accept_licence=options.accept_licence
    )
    from vision_banana_ros.generators.registry import load_generator  # which is the one that calls

    anchor = parse_anchor(options.anchor, load_generator)
    return load(name, size_wh=options.size, options=editor_options, anchor=anchor)


def load(
    name: str,
    *,
    size_wh: tuple[int, int] | None = None,
    options: EditorOptions | None = None,
    anchor: Anchor | None = None,
) -> Generator:
    """The editor (or Marigold's estimator, whose depth wants an `anchor`) called `name`, from disk."""
    options = options or EditorOptions()
    for package in ("torch", "diffusers", "transformers"):
        require_package(package, extra="editors", purpose=_PURPOSE)
    base_name, extra_name = _split(name)
    base = locate(base_name)
    extra = locate(extra_name) if extra_name else None
    accepted = options.accept_licence or os.environ.get("VISION_BANANA_ACCEPT_LICENCE", "") == "1"
    for model in (base, extra):
        if model is not None:
            require_accepted(model, accepted)
    if not base.read_json("model_index.json"):
        raise not_here(base_name, "has no model_index.json, so it is no pipeline of diffusers or only half of one")
    transformer_at = _transformer_folder(extra) if extra else None
    pipeline = _pipeline(base, options, transformer_at)
    if marigold.is_one(pipeline):
        _place(pipeline, options)
        about = _about(base, None, {}, metric=None)
        return marigold.generator(pipeline, about, size_wh=size_wh, seed=options.seed, anchor=anchor)
    family = family_of(pipeline)
    if extra is not None and transformer_at is None:
        _add_lora(pipeline, extra, options.lora_scale)
    _place(pipeline, options)
    card = (extra or base).read_json(TRAINING_CARD)
    tuned = options.tuned if options.tuned is not None else extra is not None or bool(card)
    return EditorGenerator(
        pipeline,
        family,
        _about(base, extra, card, metric=bool(card.get("metric", False))),
        asking=Asking(
            tuned=tuned,
            seed=options.seed,
            steps=options.steps or card.get("steps"),
            guidance=options.guidance if options.guidance is not None else card.get("guidance"),
            batch=options.batch,
        ),
        tasks=_tasks(card),
        size_wh=size_wh,
    )


def _split(name: str) -> tuple[str, str]:
    """ "ID+LORA" -> both; a folder whose own name has a plus is one name."""
    if Path(name).expanduser().is_dir():
        return name, ""
    base, _, extra = name.partition("+")
    if not base or (not extra and "+" in name):
        raise GeneratorError(f"a model is called ID, FOLDER or ID+LORA, got {name!r}")
    return base, extra


def _about(base: OnDisk, extra: OnDisk | None, card: Mapping[str, Any], *, metric: bool | None) -> About:
    sources = [f"{base.name} ({base.licence})"]
    licence = base.licence
    if extra is None and card:  # a base that was tuned as a whole: its card says from which one
        sources = [f"{card.get('base', 'unknown base')} ({card.get('base_licence', UNKNOWN_LICENCE)})"]
        sources += map(str, card.get("sources", ()))
    elif extra is not None:
        said = str(card.get("licence", extra.licence))
        sources += [f"{extra.name} ({said})", *map(str, card.get("sources", ()))]
        licence = licence if said == licence else f"{licence}; {said}"
    return About(
        name="diffusers:" + "+".join(m.name for m in (base, extra) if m is not None),
        licence=licence,
        revision="+".join(m.revision for m in (base, extra) if m is not None and m.revision),
        metric=metric,
        cost="gpu",
        sources=tuple(sources),
    )


def _tasks(card: Mapping[str, Any]) -> frozenset[Task]:
    if "tasks" not in card:
        return PROMPTED
    try:
        return frozenset(Task(name) for name in card["tasks"])
    except (TypeError, ValueError) as error:
        raise GeneratorError(f"{TRAINING_CARD} names a task that is none: {error}") from error


def _pipeline(base: OnDisk, options: EditorOptions, transformer_at: Path | None) -> Any:
    _require_processors(base)
    diffusers: Any = import_module("diffusers")
    dtype = _dtype(options, base)
    parts: dict[str, Any] = {}
    with _reading(base):
        if transformer_at is not None:
            parts["transformer"] = _transformer(diffusers, transformer_at, base, dtype)
        pipeline = diffusers.DiffusionPipeline.from_pretrained(
            base.folder, **{_dtype_word(diffusers): dtype}, local_files_only=True, use_safetensors=True, **parts
        )
    pipeline.set_progress_bar_config(disable=True)
    return pipeline


def _require_processors(base: OnDisk) -> None:
    """Said before minutes of loading: this processor reads videos, too, and for them alone needs another package."""
    parts = base.read_json("model_index.json").values()
    needs_it = any(isinstance(part, list) and part[1:] == ["Qwen2_5_VLProcessor"] for part in parts)
    if needs_it and find_spec("torchvision") is None:
        raise GeneratorError(
            f"{base.name} needs the package 'torchvision' of the same build as the torch that is here: "
            "install both together (https://pytorch.org/get-started)"
        )


def _dtype(options: EditorOptions, base: OnDisk) -> Any:
    import torch

    if options.precision != "auto":
        return {"fp32": torch.float32, "fp16": torch.float16, "bf16": torch.bfloat16}[options.precision]
    if not _device(options).startswith("cuda"):
        return torch.float32
    from vision_banana_ros.generators.editors.families import FAMILIES

    family = FAMILIES.get(str(base.read_json("model_index.json").get("_class_name")), Family(name=""))
    return getattr(torch, family.dtype)


def _dtype_word(diffusers: Any) -> str:
    """What from_pretrained() calls it: renamed in 0.42."""
    major, minor = (int(part) for part in diffusers.__version__.split(".")[:2])
    return "dtype" if (major, minor) >= (0, 42) else "torch_dtype"


def _device(options: EditorOptions) -> str:
    import torch

    if options.device == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    if options.device.startswith("cuda") and not torch.cuda.is_available():
        raise GeneratorError(
            f"device {options.device!r} was asked for, but torch finds no CUDA here: use 'cpu' or 'auto'"
        )
    return options.device


def _place(pipeline: Any, options: EditorOptions) -> None:
    """Onto the device: whole where it fits, else part by part as they are needed."""
    import torch

    device = _device(options)
    offload = options.offload
    if offload == "auto":
        offload = "none"
        if device.startswith("cuda"):
            parts = [part for part in pipeline.components.values() if isinstance(part, torch.nn.Module)]
            weights = sum(p.numel() * p.element_size() for part in parts for p in part.parameters())
            if weights > _ROOM_FOR_WEIGHTS * torch.cuda.mem_get_info(device)[0]:
                offload = "model"
    if offload == "none" or not device.startswith("cuda"):
        pipeline.to(device)
    elif offload == "model":
        pipeline.enable_model_cpu_offload(device=device)
    else:
        pipeline.enable_sequential_cpu_offload(device=device)


def _transformer_folder(extra: OnDisk) -> Path | None:
    """Where a whole transformer lies in `extra`; None where it holds an adapter."""
    for folder in (extra.folder, extra.folder / "transformer"):
        inside = OnDisk(name=extra.name, folder=folder, licence="", forbids_commerce=False)
        if str(inside.read_json("config.json").get("_class_name", "")).endswith("Transformer2DModel"):
            return folder
    return None


def _transformer(diffusers: Any, folder: Path, base: OnDisk, dtype: Any) -> Any:
    name = OnDisk(name=str(folder), folder=folder, licence="", forbids_commerce=False).read_json("config.json")
    wanted = (base.read_json("model_index.json").get("transformer") or ["", "no transformer"])[1]
    if name["_class_name"] != wanted:
        raise GeneratorError(
            f"{folder} is a {name['_class_name']}, {base.name} takes a {wanted}: name the base it was tuned from"
        )
    ours = OnDisk(name=base.name, folder=base.folder / "transformer", licence="", forbids_commerce=False)
    for key, value in ours.read_json("config.json").items():
        if not key.startswith("_") and name.get(key, value) != value:
            raise GeneratorError(
                f"{folder} does not fit into {base.name}: its {key} is {name[key]}, the base's {value}; "
                "name the base that it was tuned from"
            )
    return getattr(diffusers, wanted).from_pretrained(
        folder, **{_dtype_word(diffusers): dtype}, local_files_only=True, use_safetensors=True
    )


def _add_lora(pipeline: Any, extra: OnDisk, scale: float) -> None:
    require_package("peft", extra="editors", purpose="putting a LoRA adapter on an editor")
    if not hasattr(pipeline, "load_lora_weights"):
        raise GeneratorError(f"{type(pipeline).__name__} takes no LoRA adapters")
    folder, weights = extra.folder, _LORA_FILE
    if folder.is_file():
        folder, weights = folder.parent, folder.name
    elif not (folder / weights).is_file():
        found = sorted(path.name for path in folder.glob("*.safetensors"))
        if len(found) != 1:
            raise GeneratorError(
                f"{extra.name} holds {len(found)} safetensors files and no {_LORA_FILE}: name the file of the adapter"
            )
        weights = found[0]
    with _reading(extra):
        pipeline.load_lora_weights(str(folder), weight_name=weights, adapter_name=_ADAPTER, local_files_only=True)
    if not any(_ADAPTER in names for names in pipeline.get_list_adapters().values()):
        raise GeneratorError(f"{extra.name} has no weights for {type(pipeline).__name__}: it was made for another base")
    pipeline.set_adapters([_ADAPTER], [scale])


@contextmanager
def _reading(model: OnDisk) -> Iterator[None]:
    """Whatever the libraries say about files that are missing, damaged or of another kind, in one line."""
    try:
        yield
    except GeneratorError:
        raise
    except OSError as error:
        raise not_here(model.name, f"is not whole on this disk ({_first_line(error)})") from error
    except (ValueError, KeyError, AttributeError, RuntimeError, TypeError) as error:
        raise GeneratorError(f"{model.name} cannot be loaded: {_first_line(error)}") from error


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:200]
