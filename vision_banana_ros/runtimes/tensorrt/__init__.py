"""TensorRT, 8.6 to 11: the engine is built from the model's ONNX graph on this very GPU, and kept in a cache.

The adapter is thin: what a call means is said here, what it does is TensorRT's. docs/adr/0007 tells why so.
"""

from __future__ import annotations

from pathlib import Path

from vision_banana_ros.models.folder import ModelFolder
from vision_banana_ros.models.manifest import Precision, sha256
from vision_banana_ros.runtimes.runtime import RuntimeOptions, RuntimeUnfit, graph_for
from vision_banana_ros.runtimes.session import Probe
from vision_banana_ros.runtimes.tensorrt.bindings import Bindings, load_bindings
from vision_banana_ros.runtimes.tensorrt.build import Profile, SeveralProfile, Shapes, build_engine
from vision_banana_ros.runtimes.tensorrt.cache import EngineCache, EngineKey, default_directory
from vision_banana_ros.runtimes.tensorrt.cuda import Cuda, CudaApi
from vision_banana_ros.runtimes.tensorrt.runtime import TensorRtRuntime

__all__ = ["Engines", "Shapes", "engines_here", "open_graph", "open_runtime"]


class Engines:
    """Engines of one GPU and one TensorRT; both can be replaced by a test's."""

    def __init__(self, bindings: Bindings, cuda: CudaApi, options: RuntimeOptions) -> None:
        self._bindings = bindings
        self._cuda = cuda
        self._options = options
        self._cache = EngineCache(options.cache_dir or default_directory(), options.tell)

    def key(self, folder: ModelFolder, precision: Precision) -> EngineKey:
        """All that the engine of this model depends on here."""
        return EngineKey(
            graph_sha256=sha256(graph_for(folder, precision, self._options)),
            tensorrt=self._bindings.version,
            gpu=self._cuda.gpu_name(),
            compute_capability=self._cuda.compute_capability(),
            precision=precision,
            profile=self._profile(folder),
        )

    def _profile(self, folder: ModelFolder) -> Profile:
        # the model's own sizes too: the self-check paints the golden frame in its size
        sizes = (*self._options.sizes_wh, *folder.manifest.sizes_wh)
        profile = Profile.for_sizes(sizes, len(folder.manifest.tasks))
        images = self._options.images
        return SeveralProfile.for_images(profile, images) if images > 1 else profile

    def open(self, folder: ModelFolder, precision: Precision) -> TensorRtRuntime:
        """A runtime; an engine that was cached whole and is refused all the same is built once more."""
        return self._from_cache(self.key(folder, precision), graph_for(folder, precision, self._options), precision)

    def _from_cache(
        self, key: EngineKey, graph: bytes, precision: Precision, path: Path | None = None
    ) -> TensorRtRuntime:
        built_now = False

        def build(timings: bytes) -> tuple[bytes, bytes]:
            nonlocal built_now
            built_now = True
            built = build_engine(self._bindings, graph, precision, key.profile, timings, self._options, path)
            return built.engine, built.timings

        engine = self._cache.get(key, build)
        try:
            return self._run(engine, precision, key.profile)
        except RuntimeUnfit as error:
            if built_now:
                raise
            self._options.tell(f"the cached engine does not run: building it anew ({error})")
            return self._run(self._cache.get(key, build, anew=True), precision, key.profile)

    def open_graph(self, path: Path, precision: Precision, shapes: Shapes) -> TensorRtRuntime:
        """An engine of anybody's graph, from the same cache; weights may lie in files beside it."""
        graph = path.read_bytes()
        beside = sorted(f for f in path.parent.iterdir() if f != path and f.is_file() and f.name.encode() in graph)
        key = EngineKey(
            graph_sha256=sha256(graph + b"".join(sha256(file.read_bytes()).encode() for file in beside)),
            tensorrt=self._bindings.version,
            gpu=self._cuda.gpu_name(),
            compute_capability=self._cuda.compute_capability(),
            precision=precision,
            profile=shapes,
        )
        return self._from_cache(key, graph, precision, path)

    def keeps(self, folder: ModelFolder, precision: Precision) -> bool:
        """Whether the next start finds the engine, so that nothing is built then."""
        return self._cache.load(self.key(folder, precision)) is not None

    def _run(self, engine: bytes, precision: Precision, profile: Profile | Shapes) -> TensorRtRuntime:
        sizes = {name: shapes[1] for name, shapes in profile.of_inputs} if isinstance(profile, Shapes) else None
        return TensorRtRuntime(self._bindings, self._cuda, engine, precision, self._options, sizes)


def engines_here(options: RuntimeOptions) -> Engines:
    """Raises MissingExtraError without TensorRT, RuntimeUnfit without a GPU."""
    return Engines(load_bindings(), Cuda(), options)


def open_runtime(folder: ModelFolder, precision: Precision, options: RuntimeOptions) -> TensorRtRuntime:
    return engines_here(options).open(folder, precision)


def open_graph(path: Path, precision: Precision, options: RuntimeOptions, probe: Probe) -> TensorRtRuntime:
    """An engine for the sizes that the probe has and no others; ONNX Runtime tells the graph's inputs."""
    from vision_banana_ros.runtimes.onnx import OnnxSession

    engines = engines_here(options)  # first: without a GPU nothing is read
    feed = probe(OnnxSession(path, precision, options))
    shapes = Shapes(tuple((name, (array.shape,) * 3) for name, array in feed.items()))
    return engines.open_graph(path, precision, shapes)
