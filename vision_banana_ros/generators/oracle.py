"""The generator that knows: it finds a frame in footage whose truth is known, and paints that truth.

With it the whole way from image to point cloud is exact and can be tested, timed and demonstrated without a model.
`size` makes it paint smaller canvases, as a trained model would.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence

from vision_banana_ros import __version__
from vision_banana_ros.core import About, Canvas, Footage, Frame, Task
from vision_banana_ros.generators.recognition import FrameFinder
from vision_banana_ros.prompts import Instruction
from vision_banana_ros.tasks import encode, rooms


class OracleGenerator:
    """A `Generator` over footage; what it painted is kept, so that a loop played again costs look-ups alone."""

    def __init__(self, footage: Footage, *, size: tuple[int, int] | None = None, cache_mib: int = 512) -> None:
        """`size` is (width, height) of the canvases, the frame's own when None; `cache_mib` bounds what is kept."""
        self._footage = footage
        self._finder = FrameFinder(footage)
        self._size = size
        self._cache: OrderedDict[tuple[int, Instruction, tuple[int, int]], Canvas] = OrderedDict()
        self._cached_bytes = 0
        self._cache_limit = cache_mib * 2**20

    @property
    def tasks(self) -> frozenset[Task]:
        """All; where its footage lacks a truth it says so when asked."""
        return frozenset(room.task for room in rooms())

    @property
    def about(self) -> About:
        return About(name="oracle", licence="Apache-2.0", revision=__version__)

    def generate(self, frame: Frame, instructions: Sequence[Instruction]) -> list[Canvas]:
        index = self._finder.find(frame.rgb)
        wh = self._size or (frame.hw[1], frame.hw[0])
        return [self._canvas(index, instruction, wh, frame) for instruction in instructions]

    def prepare(self, instructions: Sequence[Instruction]) -> None:
        """Paint the whole footage ahead of time, so that a benchmark meets look-ups alone."""
        for index in range(len(self._footage)):
            self.generate(self._footage.frame(index), instructions)

    def _canvas(self, index: int, instruction: Instruction, wh: tuple[int, int], frame: Frame) -> Canvas:
        key = (index, instruction, wh)
        canvas = self._cache.get(key)
        if canvas is not None:
            self._cache.move_to_end(key)
            return canvas
        rgb = encode(instruction, self._footage.truth(index), wh=wh, image=frame.rgb)
        canvas = Canvas(rgb, instruction)
        if instruction.task is not Task.IMAGE:  # its canvas is the caller's own image
            rgb.setflags(write=False)  # shared by everybody who asks again
            self._keep(key, canvas)
        return canvas

    def _keep(self, key: tuple[int, Instruction, tuple[int, int]], canvas: Canvas) -> None:
        self._cache[key] = canvas
        self._cached_bytes += canvas.rgb.nbytes
        while self._cached_bytes > self._cache_limit:
            self._cached_bytes -= self._cache.popitem(last=False)[1].rgb.nbytes
