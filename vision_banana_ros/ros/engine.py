"""From the node's parameters to a model that is ready: loaded, warmed up, and asked no more often than it may be."""

from __future__ import annotations

import resource
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from vision_banana_ros.core import Camera, Frame, GeneratorError, Task, VisionBananaError
from vision_banana_ros.generators import load_generator
from vision_banana_ros.perceiver import Perceiver
from vision_banana_ros.prompts import Generator, read_request
from vision_banana_ros.ros.diagnostics import AboutEngine, about_engine
from vision_banana_ros.ros.params import Settings
from vision_banana_ros.ros.words import require_known, require_known_prompt

_WARM_UP_WH = (640, 480)
ONLY_ASKED = "is remote and sees only what the topic prompt asks about: set max_rate_hz to have it see frames by itself"


@dataclass(frozen=True, slots=True, eq=False)
class Engine:
    """A loaded generator and what it says of itself."""

    generator: Generator
    about: AboutEngine

    @property
    def takes_depth(self) -> bool:
        """Measured depth is of use to it (specialists' `TakesDepth`)."""
        return hasattr(self.generator, "give_depth")

    @property
    def only_asked(self) -> bool:
        """A remote model without a rate sees no frames but those that a prompt asks about."""
        if self.about.cost != "remote":
            return False
        from vision_banana_ros.generators.remote import require_pace  # http and json: 20 ms that few need

        try:
            require_pace(self.generator)
        except GeneratorError:
            return True
        return False

    def must_wait(self, pictures: int) -> bool:
        """Its budget or rate is used up for now."""
        pace = getattr(self.generator, "pace", None)
        return pace is not None and pace.wait_s(max(1, pictures)) > 0

    def paced(self, max_rate_hz: float) -> None:
        pace = getattr(self.generator, "pace", None)
        if pace is not None:
            pace.max_rate_hz = max_rate_hz

    def require_known(self, settings: Settings) -> None:
        """Words that this model has no meaning for are refused."""
        require_known(settings, self.generator)
        require_known_prompt(read_request(settings.prompt), self.generator)

    def close(self) -> None:
        """Its threads and engines, where it has any."""
        close: Callable[[], None] | None = getattr(self.generator, "close", None)
        if close is not None:
            with suppress(Exception):  # it goes in any case
                close()


def load_engine(settings: Settings, *, tell: Callable[[str], None]) -> Engine:
    """Raises what a model's own packages raise, too."""
    start = time.perf_counter()
    generator = load_generator(
        settings.model or "student",
        backend=settings.backend,
        tell=tell,
        cache_dir=Path(settings.engine_cache_dir).expanduser() if settings.engine_cache_dir else None,
        device=settings.device,
        precision=settings.precision,
        accept_licence=settings.accept_licence,
        anchor=settings.anchor,
        words=Path(settings.words).expanduser() if settings.words else None,
        allow_remote=settings.allow_remote,
        max_rate_hz=settings.max_rate_hz,
        remembers=True,
        cameras=len(settings.cameras) or 1,
        together=settings.together,
    )
    ready = f"loaded in {time.perf_counter() - start:.2f} s"
    engine = Engine(generator, AboutEngine())
    try:
        engine.require_known(settings)
        if getattr(generator, "about", None) is not None and generator.about.cost == "gpu":
            tell(f"{generator.about.name}: the first frame, to warm up")
            ready += f", warmed up in {warm_up(generator, settings):.2f} s"
    except Exception:
        engine.close()
        raise
    return Engine(generator, about_engine(generator, ready=f"{ready}, {memory_words()}"))


def warm_up(generator: Generator, settings: Settings) -> float:
    """One frame of everything that may be asked, seen and decoded; seconds. Not of the loop's filters."""
    start = time.perf_counter()
    see_test_frame(generator, settings)
    return time.perf_counter() - start


def see_test_frame(generator: Generator, settings: Settings, frame: Frame | None = None) -> str:
    """What came of a frame, or of one without a scene: its tasks in words. Raises what the generator raises."""
    frame = frame or _frame_without_a_scene(settings)
    tasks = frozenset(Task(name) for name in settings.tasks) & generator.tasks
    wishes = settings.wishes(read_request(settings.prompt))
    sight = Perceiver(generator).see(frame, wishes, settings.perceiver_settings(), tasks=tasks)
    painted = [canvas.instruction.task.value for canvas in sight.perception.canvases]
    refused = [f"{u.instruction.task.value}: {u.why}" for u in sight.perception.unanswered]
    if not painted:
        raise GeneratorError("nothing was painted: " + ("; ".join(refused) or "no task of the parameter tasks is its"))
    return f"painted and decoded {', '.join(painted)} in {sight.generate_s:.2f} s" + "".join(
        f"; not {words}" for words in refused
    )


def _frame_without_a_scene(settings: Settings) -> Frame:
    width, height = _WARM_UP_WH
    columns, rows = np.meshgrid(np.linspace(0, 255, width), np.linspace(0, 255, height))
    rgb = np.stack([columns, rows, np.full_like(columns, 96)], axis=2).astype(np.uint8)
    cv2.circle(rgb, (width // 2, height // 2), height // 4, (200, 180, 40), -1)
    return Frame(rgb, stamp_ns=1, frame_id="test", camera=Camera.from_hfov(settings.hfov_deg or 65.0, width, height))


def self_test(engine: Engine | None, settings: Settings, newest: Frame | None) -> tuple[bool, str]:
    """A trained model against its own golden frame, any other by painting and decoding the newest frame."""
    if engine is None:
        return False, "no model is loaded: configure first"
    if engine.about.cost == "remote":
        return False, "a remote model is not asked for a test: it costs a picture, and a prompt shows more"
    try:
        check = getattr(engine.generator, "self_test", None)
        if check is not None:
            result = check()
            return result.passed, f"the golden frame, {engine.about.words}: {result.why()}"
        return True, see_test_frame(engine.generator, settings, newest)
    except Exception as error:
        return False, error_words(error)


def memory_words() -> str:
    """What this process holds, and of a GPU where PyTorch is what uses it."""
    pages = Path("/proc/self/statm")
    if pages.exists():
        held = int(pages.read_text(encoding="ascii").split()[1]) * resource.getpagesize()
    else:
        held = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
    words = f"{held / 2**20:.0f} MiB of memory"
    torch: Any = sys.modules.get("torch")
    if torch is not None and torch.cuda.is_available() and torch.cuda.is_initialized():
        words += f", {torch.cuda.max_memory_allocated() / 2**20:.0f} MiB of the GPU's"
    return words


def error_words(error: Exception) -> str:
    """Errors raised on purpose say all there is to say; of others the kind matters too."""
    return str(error) if isinstance(error, VisionBananaError) else f"{type(error).__name__}: {error}"
