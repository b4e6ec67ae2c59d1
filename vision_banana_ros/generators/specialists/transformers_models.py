"""`hf:ID`: a model of transformers by what its configuration says it is. One line a family.

Two ids joined by a plus are a chain: what finds boxes by words, then what cuts masks out of boxes, as in
`hf:IDEA-Research/grounding-dino-tiny+facebook/sam2.1-hiera-tiny`.
"""

from __future__ import annotations

from importlib import import_module

from vision_banana_ros.core import GeneratorError
from vision_banana_ros.generators.options import GeneratorOptions
from vision_banana_ros.generators.specialists.checkpoint import Checkpoint, open_checkpoint
from vision_banana_ros.generators.specialists.specialist import Specialist

#: model_type -> "module:function"; the function takes the checkpoints and the options.
_FAMILIES = {
    "depth_anything": "hf_depth:load",
    "prompt_depth_anything": "hf_depth:load",
    "depth_pro": "hf_depth:load",
    "zoedepth": "hf_depth:load",
    "glpn": "hf_depth:load",
    "dpt": "hf_depth:load",
    "tipsv2_dpt": "hf_dense:load",
    "sapiens2": "hf_dense:load",
    "segformer": "hf_closed:load",
    "upernet": "hf_closed:load",
    "beit": "hf_closed:load",
    "mobilenet_v2": "hf_closed:load",
    "maskformer": "hf_closed:load",
    "mask2former": "hf_closed:load",
    "oneformer": "hf_closed:load",
    "eomt": "hf_closed:load",
    "eomt_dinov3": "hf_closed:load",
    "rf_detr": "hf_closed:load",
    "sam3": "hf_words:load_sam3",
    "sam3_video": "hf_words:load_sam3",
    "clipseg": "hf_words:load_clipseg",
    "florence2": "hf_words:load_florence2",
}
_BOXES = ("grounding-dino", "mm-grounding-dino", "owlv2")
_MASKS = ("sam2", "sam2_video")


def load(rest: str, options: GeneratorOptions) -> Specialist:
    checkpoints = [open_checkpoint(name, options) for name in rest.split("+")]
    if len(checkpoints) == 2:
        return _chain(checkpoints, options)
    if len(checkpoints) > 2:
        raise GeneratorError(f"a chain is two models, BOXES+MASKS, got {rest!r}")
    checkpoint = checkpoints[0]
    kind = checkpoint.model_type
    if kind in (*_BOXES, *_MASKS):
        raise GeneratorError(
            f"{rest} does half of the work: join a model that finds boxes ({', '.join(_BOXES)}) and one that cuts "
            "masks (sam2), as in  hf:IDEA-Research/grounding-dino-tiny+facebook/sam2.1-hiera-tiny"
        )
    if kind == "dpt" and "Segmentation" in checkpoint.architecture:
        return _run("hf_closed:load", checkpoints, options)
    if kind not in _FAMILIES:
        raise GeneratorError(
            f"{rest} is a {kind or 'nameless'} model, which no adapter knows: there are {', '.join(sorted(_FAMILIES))} "
            f"and chains of {', '.join(_BOXES)} with sam2"
        )
    return _run(_FAMILIES[kind], checkpoints, options)


def _chain(checkpoints: list[Checkpoint], options: GeneratorOptions) -> Specialist:
    boxes, masks = checkpoints
    if boxes.model_type not in _BOXES or masks.model_type not in _MASKS:
        raise GeneratorError(
            f"a chain is BOXES+MASKS, {' or '.join(_BOXES)} and then sam2; got {boxes.model_type} and "
            f"{masks.model_type}"
        )
    return _run("hf_words:load_chain", checkpoints, options)


def _run(where: str, checkpoints: list[Checkpoint], options: GeneratorOptions) -> Specialist:
    module, function = where.split(":")
    found = getattr(import_module(f"vision_banana_ros.generators.specialists.{module}"), function)
    specialist: Specialist = found(checkpoints, options)
    return specialist
