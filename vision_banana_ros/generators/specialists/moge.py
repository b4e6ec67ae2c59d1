"""`moge:ID`: MoGe-2 by the ONNX file of its authors, else MoGe-2 or MoGe-3 by the package `moge`.

The shift along z is solved from our camera by a weighted median (placing.solve_shift), not by the package's own search,
which starts from zero and stays there when a tenth of the points is wild.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

from vision_banana_ros.core import About, Camera, DataError, MissingExtraError, Task, Truth
from vision_banana_ros.generators.options import GeneratorOptions
from vision_banana_ros.generators.specialists.card import card_folders, read_card
from vision_banana_ros.generators.specialists.checkpoint import choose_device, numpy_of, said_by
from vision_banana_ros.generators.specialists.onnx_file import from_card
from vision_banana_ros.generators.specialists.placing import solve_camera, solve_shift
from vision_banana_ros.generators.specialists.specialist import Specialist, View, resize_depth, resize_normals
from vision_banana_ros.models.hub import cached_file
from vision_banana_ros.prompts import Instruction

_TOKENS = 1800
_FARTHEST_M = 200.0
_CHECKPOINTS = ("model.safetensors", "model.pt")


def load(rest: str, options: GeneratorOptions) -> Specialist:
    """A checkpoint file or folder, or an id whose ONNX file or checkpoint is in the cache."""
    path = Path(rest).expanduser()
    if path.exists():
        return MogeModel(_checkpoint_in(path), rest, options)
    name = rest.rpartition("/")[2].removesuffix("-onnx")
    card = next((f / f"{name}.yaml" for f in card_folders() if (f / f"{name}.yaml").is_file()), None)
    if card is not None:
        source = read_card(card, locate=False)
        if cached_file(source.source, source.files[0].name) is not None or not _cached(rest):
            return from_card(read_card(card), options)
    checkpoint = _cached(rest)
    if checkpoint is None:
        raise DataError(f"model {rest} is not on this machine: run  vision-banana models get moge:{rest}")
    return MogeModel(checkpoint, rest, options)


class MogeModel(Specialist):
    """The package's network, run by `forward`; depth, normals and the lens in one pass."""

    def __init__(self, checkpoint: Path, name: str, options: GeneratorOptions) -> None:
        about = About(name=f"moge:{name}", licence="MIT by the model card", metric=True, cost="gpu")
        self._device = choose_device(options.device)
        with said_by(about.name):
            self._model = _model(checkpoint, name).eval().to(self._device)
        tasks = {Task.DEPTH, Task.RAYS}
        if hasattr(self._model, "normal_head"):
            tasks.add(Task.NORMALS)
        super().__init__(about, frozenset(tasks), size=options.size)
        self.remarks["metres"] = "its own"

    def _look(self, view: View, instructions: Sequence[Instruction]) -> list[Truth]:
        import torch

        with said_by(self.about.name), torch.inference_mode():
            rgb = torch.from_numpy(np.ascontiguousarray(view.frame.rgb)).to(self._device)
            output = self._model.forward(rgb.permute(2, 0, 1)[None].float() / 255, _TOKENS)
        points = numpy_of(output["points"][0])
        # a checkpoint may leave out any head
        mask = numpy_of(output["mask"][0]) > 0.5 if "mask" in output else np.isfinite(points).all(axis=-1)
        scale = float(numpy_of(output["metric_scale"]).ravel()[0]) if "metric_scale" in output else 1.0
        frame = view.frame
        camera = frame.camera or (view.camera and view.camera.scaled_to(frame.hw[1], frame.hw[0]))
        camera = camera or solve_camera(points, mask)
        solved = None if camera is None else solve_shift(points, mask, camera)
        shift = np.nan if solved is None else solved[0]
        metres = ((points[..., 2] + np.float32(shift)) * np.float32(scale)).astype(np.float32)
        with np.errstate(invalid="ignore"):
            valid = mask & (metres > 0) & (metres < _FARTHEST_M)
        normals = None
        if "normal" in output:
            normals = resize_normals(numpy_of(output["normal"][0]), mask, view.wh)
        truth = Truth(
            camera=_at(camera, view) or view.truth_camera(),
            depth_m=resize_depth(metres, valid, view.wh),
            normals=normals,
        )
        return [truth] * len(instructions)


def _at(camera: Camera | None, view: View) -> Camera | None:
    return None if camera is None else camera.scaled_to(*view.wh)


def _model(checkpoint: Path, name: str) -> Any:
    """Weights as data only: torch's reader with weights_only, or safetensors with the configuration beside them."""
    try:
        kind = import_module("moge.model.v2").MoGeModel
    except ImportError as error:
        raise MissingExtraError(package="moge", extra="teachers", purpose=f"{name} by its own package") from error
    import torch

    if checkpoint.suffix == ".safetensors":
        from safetensors.torch import load_file

        try:
            config = json.loads((checkpoint.parent / "config.json").read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise DataError(f"{checkpoint.parent} has no config.json for its weights: fetch {name} again") from error
        state = load_file(checkpoint)
    else:
        stored = torch.load(checkpoint, map_location="cpu", weights_only=True)
        if not isinstance(stored, dict) or not {"model_config", "model"} <= set(stored):
            raise DataError(f"{checkpoint} is no checkpoint of MoGe-2 or MoGe-3: it must hold model_config and model")
        config, state = stored["model_config"], stored["model"]
    config = dict(config)
    # MoGe-3's checkpoints may leave it out, and MoGe-2's class would take another one without a word
    if "refiner" in config:
        config = {key: value for key, value in config.items() if not key.startswith("refiner")}
        config["remap_output"] = "exp"
    model = kind(**config)
    lacking = model.load_state_dict(state, strict=False).missing_keys
    if lacking:
        raise DataError(f"{checkpoint} lacks {lacking[0]} and {len(lacking) - 1} more weights: fetch {name} again")
    return model


def _cached(name: str) -> Path | None:
    return next((found for file in _CHECKPOINTS if (found := cached_file(name, file)) is not None), None)


def _checkpoint_in(path: Path) -> Path:
    if path.is_file():
        return path
    found = next((path / file for file in _CHECKPOINTS if (path / file).is_file()), None)
    if found is None:
        raise DataError(f"{path} holds no {' or '.join(_CHECKPOINTS)}: name the folder of a MoGe checkpoint")
    return found
