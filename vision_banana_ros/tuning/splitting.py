"""One lesson divided among processes: each computes a part of the tokens of canvas, picture and words.

Where activations are too large for one device. diffusers' context parallelism, in Ulysses' form: around attention the
processes exchange tokens for heads (all-to-all), elsewhere a token needs no other. What the network says is gathered,
so that every process sees the whole of it, and each has the gradient of its own tokens alone:

    gradient of a lesson = sum over its processes;   the mean over all of them, which data parallelism takes, is
    `degree` times too small, so the loss is multiplied by it

A U-Net has no tokens to divide: for it there are smaller sizes and FSDP.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

import torch
from torch import nn

from vision_banana_ros.core import DataError
from vision_banana_ros.tuning.bases import Base


def require_divisible(base: Base, size_wh: tuple[int, int], degree: int) -> None:
    """Parts are alike or there is no gradient: canvas and picture by their size; klein's words are always 512."""
    tokens = (size_wh[0] // 16) * (size_wh[1] // 16)
    if base.words_see_picture:
        raise DataError(f"--split takes bases whose words have one length, {base.family.name} has any: leave it out")
    if tokens % degree:
        raise DataError(
            f"a canvas of {size_wh[0]}x{size_wh[1]} has {tokens} tokens, which --split {degree} does not divide: "
            "take another --size"
        )


def split_tokens(network: nn.Module, degree: int) -> None:
    """In place, in every process. By hand what `enable_parallelism` does, which counts accelerators and so refuses
    CPUs, and takes all processes for one lesson."""
    import torch.distributed as dist
    from torch.distributed.device_mesh import init_device_mesh

    plan = getattr(network, "_cp_plan", None)
    if plan is None:
        raise DataError(f"a {type(network).__name__} cannot be divided by tokens: leave --split out")
    if not (dist.is_available() and dist.is_initialized()) or dist.get_world_size() % degree:
        here = dist.get_world_size() if dist.is_available() and dist.is_initialized() else 1
        raise DataError(f"--split {degree} needs processes in a multiple of {degree} (torchrun), there are {here}")
    heads = int(getattr(network, "config")["num_attention_heads"])  # noqa: B009
    if heads % degree:
        raise DataError(f"this network has {heads} heads, which --split {degree} does not divide")
    diffusers: Any = import_module("diffusers")
    hooks: Any = import_module("diffusers.hooks")
    world, device = dist.get_world_size(), next(network.parameters()).device
    mesh = init_device_mesh(device.type, (world // degree, 1, degree), mesh_dim_names=("data", "ring", "ulysses"))
    tokens = diffusers.ContextParallelConfig(ulysses_degree=degree)
    whole = diffusers.ParallelConfig(context_parallel_config=tokens)
    whole.setup(dist.get_rank(), world, torch.device(device), mesh=mesh)
    for module in network.modules():
        processor: Any = getattr(module, "processor", None)
        if hasattr(processor, "_parallel_config"):
            processor._parallel_config = whole
    setattr(network, "_parallel_config", whole)  # noqa: B010
    hooks.apply_context_parallel(network, tokens, plan)
