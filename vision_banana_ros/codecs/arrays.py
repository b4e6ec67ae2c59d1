"""What the codecs need to run the same lines on NumPy arrays and on torch tensors.

Every decode is arithmetic on the channels and look-ups in constant tables, pixel by pixel. NumPy runs it in blocks that
stay in the cache; torch runs it on the whole tensor, on its device, and can trace it: no branch depends on a value.
Bits are shifted and masked in NumPy alone, where that is faster: ONNX has such operations for few types.
This module never imports torch: whoever passes a tensor has.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any, TypeAlias

import cv2
import numpy as np

from vision_banana_ros.core import AnyArray, CodecError, FloatArray, UInt8Array, describe

#: A NumPy array or a torch tensor, of whichever kind the caller passed in.
Array: TypeAlias = Any

#: Pixels per block: the dozen int32 temporaries of a decode stay in the second-level cache.
BLOCK = 32768

#: A colour that is no code of any kind: mid grey is over 126 levels away from the depth walk and from unit normals.
INVALID_COLOR = (128, 128, 128)

#: Tables over colours have one entry per cell of 4 levels a side.
CELLS = 1 << 18

#: From this many levels away from every valid colour on, confidence is 0.
REACH = 63


def namespace(array: Array) -> Any:
    """The module, numpy or torch, whose functions fit `array`."""
    return np if isinstance(array, np.ndarray) else sys.modules["torch"]


def is_tensor(value: object) -> bool:
    torch = sys.modules.get("torch")
    return torch is not None and isinstance(value, torch.Tensor)


def astype(array: Array, dtype: str) -> Array:
    """`array` as `dtype`, by the name that NumPy and torch share."""
    return array.astype(dtype) if isinstance(array, np.ndarray) else array.to(getattr(namespace(array), dtype))


def widened(array: Array) -> Array:
    """8-bit tensors as int32, to take minima and maxima of: ONNX Runtime before 1.24 has none of 8 bits, and Python
    3.10 gets nothing newer. NumPy's arrays stay, narrow ones are faster there.
    """
    return array if isinstance(array, np.ndarray) else astype(array, "int32")


def narrowed(array: Array) -> Array:
    """Back to uint8."""
    return array if isinstance(array, np.ndarray) else astype(array, "uint8")


def take(table: AnyArray, index: Array) -> Array:
    """`table[index]` for a constant NumPy table; a traced graph keeps the table as a constant."""
    if isinstance(index, np.ndarray):
        return table.take(index, axis=0)
    torch = sys.modules["torch"]
    return torch.as_tensor(table).to(index.device)[index.long()]


def channels(rgb: Array) -> tuple[Array, Array, Array]:
    """The three planes of pixels (..., 3), contiguous in NumPy: its arithmetic on every third byte is slow."""
    if isinstance(rgb, np.ndarray):
        r, g, b = cv2.split(rgb[None])
        return r[0], g[0], b[0]
    return rgb[..., 0], rgb[..., 1], rgb[..., 2]


def interleaved(x: Array, y: Array, z: Array) -> Array:
    """Three planes of equal shape as one array with a last axis of 3; OpenCV does it faster than np.stack."""
    if isinstance(x, np.ndarray):
        return cv2.merge([np.ascontiguousarray(plane).reshape(1, -1) for plane in (x, y, z)]).reshape(*x.shape, 3)
    return sys.modules["torch"].stack([x, y, z], -1)


def red_green_and_blue(rgb: Array) -> tuple[Array, Array]:
    """r + 256 g and b of pixels (..., 3), int32, to look up by."""
    if isinstance(rgb, np.ndarray):
        pixel = _packed(rgb)
        return pixel & 0xFFFF, (pixel >> 16) & 255
    r, g, b = (astype(channel, "int32") for channel in channels(rgb))
    return r + 256 * g, b


def cell_index(rgb: Array) -> Array:
    """Number of the 4 x 4 x 4 level cell that each pixel (..., 3) lies in: 0..CELLS - 1."""
    if isinstance(rgb, np.ndarray):
        pixel = _packed(rgb)
        return ((pixel >> 2) & 0x3F) | ((pixel >> 4) & 0xFC0) | ((pixel >> 6) & 0x3F000)
    r, g, b = (astype(channel, "int32") // 4 for channel in channels(rgb))
    return r + 64 * g + 4096 * b


def _packed(rgb: UInt8Array) -> AnyArray:
    """Pixels (N, 3) as int32 r | g << 8 | b << 16; what lies above bit 23 is undefined."""
    pixel: AnyArray = cv2.cvtColor(rgb[None], cv2.COLOR_RGB2RGBA).view("<i4")[0, :, 0]
    return pixel


def cell_centres(cells: AnyArray | None = None) -> FloatArray:
    """Colour in the middle of each cell, or of those, (N, 3); at most 1.5 levels per channel from any colour in it."""
    numbers = np.arange(CELLS) if cells is None else cells
    levels = np.stack([numbers & 63, (numbers >> 6) & 63, numbers >> 12], axis=-1).astype(np.float32)
    return levels * 4 + np.float32(1.5)


def pixelwise(kernel: Callable[[Array], Array], rgb: Array) -> Array:
    """`kernel` over pixels: (N, 3) blocks for NumPy, everything at once for torch; the leading shape is kept."""
    return pixelwise_all(lambda pixels: (kernel(pixels),), rgb)[0]


def pixelwise_all(kernel: Callable[[Array], tuple[Array, ...]], rgb: Array) -> tuple[Array, ...]:
    """As pixelwise(), of a kernel with several results."""
    if not isinstance(rgb, np.ndarray):
        return kernel(rgb)
    pixels = np.ascontiguousarray(rgb).reshape(-1, 3)
    first = kernel(pixels[:BLOCK])
    wholes = tuple(np.empty((len(pixels), *part.shape[1:]), part.dtype) for part in first)
    for whole, part in zip(wholes, first, strict=True):
        whole[:BLOCK] = part
    for start in range(BLOCK, len(pixels), BLOCK):
        for whole, part in zip(wholes, kernel(pixels[start : start + BLOCK]), strict=True):
            whole[start : start + BLOCK] = part
    return tuple(whole.reshape(*rgb.shape[:-1], *whole.shape[1:]) for whole in wholes)


def validity(levels: Array) -> Array:
    """Confidence of a colour that is `levels` (uint8) away from the nearest valid one: 255 (1 - levels / 63), 0 beyond.

    The 6-bit remainder is widened to 8 bits by repeating its upper bits, which takes 63 to 255 and 0 to 0.
    """
    capped = np.minimum(levels, np.uint8(REACH)) if isinstance(levels, np.ndarray) else levels.clip(0, REACH)
    left = REACH - capped
    return left * 4 + left // 16


def require_canvas(rgb: object) -> None:
    """Raise a CodecError unless `rgb` is uint8 (..., H, W, 3); floats would decode to a wrong value without a word."""
    if isinstance(rgb, np.ndarray) or is_tensor(rgb):
        array: Array = rgb
        if str(array.dtype).endswith("uint8") and array.ndim >= 3 and array.shape[-1] == 3 and 0 not in array.shape:
            return
        hint = "; scale to 0..255 and cast first" if "float" in str(array.dtype) else ""
        raise CodecError(f"a canvas must be uint8 of shape (..., H, W, 3), got {_describe(array)}{hint}")
    raise CodecError(f"a canvas must be a NumPy array or a torch tensor, got {describe(rgb)}")


def require_floats(values: object, *, name: str, channels: int | None = None) -> None:
    """Raise a CodecError unless `values` is a float array (..., H, W) or (..., H, W, channels)."""
    shape = "(..., H, W)" if channels is None else f"(..., H, W, {channels})"
    if isinstance(values, np.ndarray) or is_tensor(values):
        array: Array = values
        fits = array.ndim >= 2 if channels is None else array.ndim >= 3 and array.shape[-1] == channels
        if "float" in str(array.dtype) and fits and 0 not in array.shape:
            return
        raise CodecError(f"{name} must be floats of shape {shape}, got {_describe(array)}")
    raise CodecError(f"{name} must be a NumPy array or a torch tensor, got {describe(values)}")


def refuse_where(bad: Array, values: Array, *, name: str, remedy: str) -> None:
    """Raise a CodecError that counts the bad pixels and names the first one, if there is any.

    Looks at values, so it is for encoders only: decoders must stay traceable.
    """
    if not bool(bad.any()):
        return
    where = np.argwhere(np.asarray(bad.cpu() if is_tensor(bad) else bad))
    first = tuple(int(i) for i in where[0])
    value = values[first].tolist()
    raise CodecError(f"{name}: {len(where)} pixels cannot be painted, the first at {first} is {value}; {remedy}")


def _describe(array: Array) -> str:
    return describe(array) if isinstance(array, np.ndarray) else f"{array.dtype} tensor of shape {tuple(array.shape)}"
