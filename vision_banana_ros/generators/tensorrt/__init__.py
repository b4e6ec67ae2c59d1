"""TensorRT, 8.6 to 11: the engine is built from the model's ONNX graph on this very GPU, and kept in a cache.

The adapter is thin: what a call means is said here, what it does is TensorRT's. docs/adr/0007 tells why so.
"""

from __future__ import annotations

import hashlib

from vision_banana_ros.generators.folder import ModelFolder
from vision_banana_ros.generators.manifest import Precision, Role
from vision_banana_ros.generators.runtime import RuntimeOptions, RuntimeUnfit
from vision_banana_ros.generators.tensorrt.bindings import Bindings, load_bindings
from vision_banana_ros.generators.tensorrt.build import Profile, build_engine
from vision_banana_ros.generators.tensorrt.cache import EngineCache, EngineKey, default_directory
from vision_banana_ros.generators.tensorrt.cuda import Cuda, CudaApi
from vision_banana_ros.generators.tensorrt.runtime import TensorRtRuntime

__all__ = ["Engines", "open_runtime"]


class Engines:
    """Engines of one GPU and one TensorRT; both can be replaced by a test's."""

    def __init__(self, bindings: Bindings, cuda: CudaApi, options: RuntimeOptions) -> None:
        self._bindings = bindings
        self._cuda = cuda
        self._options = options
        self._cache = EngineCache(options.cache_dir or default_directory(), options.tell)

    def key(self, folder: ModelFolder, precision: Precision) -> EngineKey:
        return EngineKey(
            graph_sha256=hashlib.sha256(folder.read(Role.GRAPH, precision)).hexdigest(),
            tensorrt=self._bindings.version,
            gpu=self._cuda.gpu_name(),
            compute_capability=self._cuda.compute_capability(),
            precision=precision,
            profile=Profile.for_sizes(folder.manifest.sizes_wh),
        )

    def engine(self, folder: ModelFolder, precision: Precision) -> bytes:
        """From the cache, or built now."""
        key = self.key(folder, precision)

        def build(timings: bytes) -> tuple[bytes, bytes]:
            graph = folder.read(Role.GRAPH, precision)
            built = build_engine(self._bindings, graph, precision, key.profile, timings, self._options)
            return built.engine, built.timings

        return self._cache.get(key, build)

    def open(self, folder: ModelFolder, precision: Precision) -> TensorRtRuntime:
        """A runtime; an engine that was cached whole and is refused all the same is built once more."""
        was_cached = self._cache.load(self.key(folder, precision)) is not None
        try:
            return self._run(self.engine(folder, precision), precision)
        except RuntimeUnfit:
            if not was_cached:
                raise
            self._cache.forget(self.key(folder, precision))
            return self._run(self.engine(folder, precision), precision)

    def _run(self, engine: bytes, precision: Precision) -> TensorRtRuntime:
        return TensorRtRuntime(self._bindings, self._cuda, engine, precision, self._options)


def open_runtime(folder: ModelFolder, precision: Precision, options: RuntimeOptions) -> TensorRtRuntime:
    """Raises MissingExtraError without TensorRT, RuntimeUnfit without a GPU."""
    return Engines(load_bindings(), Cuda(), options).open(folder, precision)
