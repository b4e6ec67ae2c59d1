"""One file, one code: encode and decode side by side, on NumPy arrays and on torch tensors by the same lines.

depth.encode(depth_m) -> rgb          depth.decode(rgb) -> DecodedDepth
normals.encode(normals) -> rgb        normals.decode(rgb) -> DecodedNormals
rays.encode(camera) -> rgb            rays.decode(rgb) -> DecodedRays
palette.encode(mask) -> rgb           palette.decode(rgb) -> DecodedLabels, for a palette: Palette
instances.encode(instances) -> rgb    instances.decode(rgb) -> DecodedInstances (NumPy only)
"""

from vision_banana_ros.codecs import depth, instances, normals, rays
from vision_banana_ros.codecs.arrays import INVALID_COLOR
from vision_banana_ros.codecs.depth import DecodedDepth
from vision_banana_ros.codecs.instances import DecodedInstances
from vision_banana_ros.codecs.normals import DecodedNormals
from vision_banana_ros.codecs.palette import DecodedLabels, Palette
from vision_banana_ros.codecs.rays import DecodedRays

__all__ = [
    "INVALID_COLOR",
    "DecodedDepth",
    "DecodedInstances",
    "DecodedLabels",
    "DecodedNormals",
    "DecodedRays",
    "Palette",
    "depth",
    "instances",
    "normals",
    "rays",
]
