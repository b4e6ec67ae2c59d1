"""ONNX graph -> serialised engine, for one GPU, one TensorRT version and the sizes in use.

Every call of TensorRT that can fail says so by None or False alone, and each is looked at.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vision_banana_ros.models.manifest import Precision
from vision_banana_ros.runtimes.runtime import RuntimeOptions, RuntimeUnfit
from vision_banana_ros.runtimes.tensorrt.bindings import Bindings, Ear, make_logger
from vision_banana_ros.runtimes.tensorrt.progress import BuildProgress, make_monitor
from vision_banana_ros.student.paintbox import IMAGE, IMAGE_OF, KINDS, LENS_SIZE, TASKS
from vision_banana_ros.student.text import EMBEDDING_SIZE
from vision_banana_ros.tasks.depth import KNOTS

#: TensorRT may try layer implementations that need at most this much scratch memory; a Jetson shares its RAM with it.
WORKSPACE_BYTES = 1 << 30


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """What an engine is built for: (least, usual, most) of prompts, paints, and the image's height and width.

    tasks: how many the model's manifest lists.
    """

    prompts: tuple[int, int, int] = (1, 3, 8)
    paints: tuple[int, int, int] = (1, KNOTS, 64)
    heights: tuple[int, int, int]
    widths: tuple[int, int, int]
    tasks: int = len(TASKS)

    @classmethod
    def for_sizes(cls, sizes_wh: Sequence[tuple[int, int]], tasks: int = len(TASKS)) -> Profile:
        """The first size is the usual one."""
        widths, heights = zip(*sizes_wh, strict=True)
        return cls(
            heights=(min(heights), heights[0], max(heights)),
            widths=(min(widths), widths[0], max(widths)),
            tasks=tasks,
        )

    def shapes(self) -> dict[str, tuple[tuple[int, ...], ...]]:
        """Least, usual and largest shape of every input of the graph."""
        k, p = self.prompts, self.paints
        return {
            IMAGE: tuple((1, h, w, 3) for h, w in zip(self.heights, self.widths, strict=True)),
            "task": tuple((n, self.tasks) for n in k),
            "lens": tuple((n, LENS_SIZE) for n in k),
            "text": tuple((n, m, EMBEDDING_SIZE) for n, m in zip(k, p, strict=True)),
            "kind": tuple((n, m, KINDS) for n, m in zip(k, p, strict=True)),
            "place": tuple(zip(k, p, strict=True)),
            "color": tuple((n, m, 3) for n, m in zip(k, p, strict=True)),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class SeveralProfile(Profile):
    """For frames of several cameras in one call: usually all of them, each with its own prompts.

    A class of its own, so that the key of an engine for one image stays what it was.
    """

    images: tuple[int, int, int]

    @classmethod
    def for_images(cls, one: Profile, images: int) -> SeveralProfile:
        least, usual, most = one.prompts
        return cls(
            prompts=(least, usual * images, most * images),
            paints=one.paints,
            heights=one.heights,
            widths=one.widths,
            tasks=one.tasks,
            images=(1, images, images),
        )

    def shapes(self) -> dict[str, tuple[tuple[int, ...], ...]]:
        shapes = Profile.shapes(self)
        pairs = zip(self.images, shapes[IMAGE], strict=True)
        shapes[IMAGE] = tuple((count, *of_one[1:]) for count, of_one in pairs)
        shapes[IMAGE_OF] = tuple((prompts,) for prompts in self.prompts)
        return shapes


@dataclass(frozen=True, slots=True)
class Shapes:
    """What an engine of anybody's graph is built for: (least, usual, most) of every input, as pairs."""

    of_inputs: tuple[tuple[str, tuple[tuple[int, ...], ...]], ...]

    def shapes(self) -> dict[str, tuple[tuple[int, ...], ...]]:
        return dict(self.of_inputs)


@dataclass(frozen=True, slots=True)
class Built:
    """An engine and what the builder learnt of this GPU, which makes the next build shorter."""

    engine: bytes
    timings: bytes


def build_engine(
    bindings: Bindings,
    graph: bytes,
    precision: Precision,
    profile: Profile | Shapes,
    timings: bytes,
    options: RuntimeOptions,
    path: Path | None = None,
) -> Built:
    """Minutes of work. RuntimeUnfit tells what TensorRT refused. `path`: of the graph, for weights beside it."""
    trt = bindings.trt
    ear = Ear(options.tell)
    logger = make_logger(bindings, ear)
    builder = trt.Builder(logger)
    network = builder.create_network(bindings.network_flags())
    parser = trt.OnnxParser(network, logger)
    if not (parser.parse(graph) if path is None else parser.parse(graph, str(path))):
        faults = "; ".join(str(parser.get_error(i).desc()) for i in range(parser.num_errors))
        raise RuntimeUnfit(f"TensorRT {bindings.version} cannot read the graph: {faults or ear.last_words()}")
    config = builder.create_builder_config()
    config.set_memory_pool_limit(trt.MemoryPoolType.WORKSPACE, WORKSPACE_BYTES)
    bindings.set_precision(config, precision)
    _add_profile(builder, config, network, profile)
    cache = config.create_timing_cache(timings)
    if cache is None or not config.set_timing_cache(cache, False):  # damaged, or of another GPU: start afresh
        cache = config.create_timing_cache(b"")
        config.set_timing_cache(cache, False)
    monitor = None
    if bindings.has_progress:
        monitor = make_monitor(bindings, BuildProgress(options.tell))
        config.progress_monitor = monitor
    else:
        options.tell(f"building engine: TensorRT {bindings.version} does not tell its progress; this takes minutes")
    serialised = builder.build_serialized_network(network, config)
    del monitor  # it had to live until here
    if serialised is None:
        raise RuntimeUnfit(f"TensorRT {bindings.version} cannot build a {precision.value} engine: {ear.last_words()}")
    learnt = config.get_timing_cache()
    return Built(bytes(serialised), bytes(learnt.serialize()) if learnt is not None else b"")


def _add_profile(builder: Any, config: Any, network: Any, profile: Profile | Shapes) -> None:
    shapes = profile.shapes()
    names = {network.get_input(i).name for i in range(network.num_inputs)}
    if names != set(shapes):
        raise RuntimeUnfit(
            f"the graph must have the inputs {', '.join(sorted(shapes))}, it has {', '.join(sorted(names))}: "
            "export the model anew"
        )
    ranges = builder.create_optimization_profile()
    for name, (least, usual, most) in shapes.items():
        ranges.set_shape(name, least, usual, most)
    if config.add_optimization_profile(ranges) < 0:
        raise RuntimeUnfit(f"TensorRT refuses the sizes {shapes}: export the model anew")
