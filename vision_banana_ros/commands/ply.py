"""Point clouds as PLY files, which MeshLab, CloudCompare, Open3D and Blender read.

    binary little endian; x y z in metres and nx ny nz in the optical frame as float32, red green blue as bytes

Pixels without a depth are left out; points without a normal have (0, 0, 0) there.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from vision_banana_ros.core import FloatArray, UInt8Array

_VERTEX = np.dtype(
    [(name, "<f4") for name in ("x", "y", "z", "nx", "ny", "nz")] + [(name, "u1") for name in ("red", "green", "blue")]
)
_TYPES = {"f": "float", "u": "uchar"}


def write_ply(path: Path, points: FloatArray, rgb: UInt8Array, normals: FloatArray | None) -> int:
    """Write the points (H, W, 3) that are finite; returns how many those are."""
    finite = np.isfinite(points).all(axis=2)
    vertices = np.zeros(int(finite.sum()), _VERTEX)
    vertices["x"], vertices["y"], vertices["z"] = points[finite].T
    vertices["red"], vertices["green"], vertices["blue"] = rgb[finite].T
    if normals is not None:
        vertices["nx"], vertices["ny"], vertices["nz"] = np.nan_to_num(normals[finite]).T
    properties = [f"property {_TYPES[_VERTEX[name].kind]} {name}" for name in _VERTEX.names or ()]
    header = ["ply", "format binary_little_endian 1.0", f"element vertex {len(vertices)}", *properties, "end_header"]
    path.write_bytes("\n".join(header).encode("ascii") + b"\n" + vertices.tobytes())
    return len(vertices)
