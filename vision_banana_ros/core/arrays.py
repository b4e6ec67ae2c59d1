"""Array aliases and the checks that every type does at its door."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from vision_banana_ros.core.errors import VisionBananaError

UInt8Array: TypeAlias = npt.NDArray[np.uint8]
UInt16Array: TypeAlias = npt.NDArray[np.uint16]
Int32Array: TypeAlias = npt.NDArray[np.int32]
FloatArray: TypeAlias = npt.NDArray[np.float32]
BoolArray: TypeAlias = npt.NDArray[np.bool_]
AnyArray: TypeAlias = npt.NDArray[Any]


def describe(value: object) -> str:
    """What arrived, for an error message: the type, and for an array also its dtype and shape."""
    if isinstance(value, np.ndarray):
        return f"{value.dtype} array of shape {value.shape}"
    text = repr(value)
    return f"{type(value).__name__} {text if len(text) <= 60 else text[:57] + '...'}"


def require_array(
    value: object,
    *,
    name: str,
    dtype: npt.DTypeLike,
    channels: int | None = None,
    hw: tuple[int, int] | None = None,
    error: type[VisionBananaError],
) -> None:
    """Raise `error` unless `value` is a (H, W) or (H, W, channels) array of `dtype`, and of size `hw` where given."""
    wanted = f"a {np.dtype(dtype)} array of shape (H, W{'' if channels is None else f', {channels}'})"
    if hw is not None:
        wanted += f" with H, W = {hw[0]}, {hw[1]}"
    dims = 2 if channels is None else 3
    ok = (
        isinstance(value, np.ndarray)
        and value.dtype == np.dtype(dtype)
        and value.ndim == dims
        and value.shape[0] > 0
        and value.shape[1] > 0
        and (channels is None or value.shape[2] == channels)
        and (hw is None or value.shape[:2] == hw)
    )
    if not ok:
        raise error(f"{name} must be {wanted}, got {describe(value)}")
