"""The network's weights divided among processes (torch's fully_shard, FSDP2): each holds a part of every block.

A block's weights are gathered while it computes and let go after. What is kept of a run are whole tensors, so that a
sharded run goes on with another number of processes, or with one.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import nn

from vision_banana_ros.core import DataError

Tensor = torch.Tensor


def shard(network: nn.Module) -> None:
    """In place; every process must hold the same weights before."""
    import torch.distributed as dist
    from torch.distributed.device_mesh import init_device_mesh
    from torch.distributed.fsdp import fully_shard

    if not (dist.is_available() and dist.is_initialized()):
        raise DataError(
            "sharding needs several processes: start it by accelerate launch --num_processes N, or torchrun"
        )
    first = next(network.parameters())
    for parameter in network.parameters():  # a block's weights are gathered as one
        parameter.data = parameter.data.to(first.dtype)
    mesh = init_device_mesh(first.device.type, (dist.get_world_size(),))
    for child in network.children():
        if isinstance(child, nn.ModuleList):
            for block in child:
                fully_shard(block, mesh=mesh)
    fully_shard(network, mesh=mesh)


def whole(value: Any) -> Any:
    """A tensor as one; every process has to ask for it."""
    return value.full_tensor() if hasattr(value, "full_tensor") else value


def like(value: Tensor, target: Tensor) -> Tensor:
    """A whole tensor as `target` is: this process's part of it, or itself."""
    from torch.distributed.tensor import DTensor, distribute_tensor

    if isinstance(target, DTensor) and not isinstance(value, DTensor):
        return distribute_tensor(value.to(target.device), target.device_mesh, target.placements)
    return value


def whole_state(state: Mapping[str, Any]) -> dict[str, Any]:
    """An optimizer's state with whole tensors."""
    inner = {k: {name: whole(v) for name, v in entry.items()} for k, entry in state["state"].items()}
    return {**state, "state": inner}


def state_like(state: Mapping[str, Any], optimizer: Any) -> dict[str, Any]:
    """A state of whole tensors as this optimizer's weights are."""
    weights = [p for group in optimizer.param_groups for p in group["params"]]
    inner = {
        k: {name: like(v, weights[k]) if v.shape == weights[k].shape else v for name, v in entry.items()}
        for k, entry in state["state"].items()
    }
    return {**state, "state": inner}
