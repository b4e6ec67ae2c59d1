"""The families of pipelines that can be tuned, one file each: how a picture and words enter, and what is predicted."""

from vision_banana_ros.tuning.bases.base import Base, Batch
from vision_banana_ros.tuning.bases.opening import family_names, open_base, wrap

__all__ = ["Base", "Batch", "family_names", "open_base", "wrap"]
