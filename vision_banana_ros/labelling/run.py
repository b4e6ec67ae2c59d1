"""A labelling run from recordings to shards: plan, pictures, labels, shards, each resumable on its own.

The labels are made by an *engine*: it settles keys (writes a label, or a refusal) and yields each when it is settled.
One works here, another on many machines (on_ray.py); both call `settle`. What is settled is never asked again.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Protocol

from vision_banana_ros.core import DataError, GeneratorError
from vision_banana_ros.core.files import write_whole
from vision_banana_ros.data.recording import RecordingOptions
from vision_banana_ros.generators.options import GeneratorOptions
from vision_banana_ros.generators.registry import load_generator
from vision_banana_ros.labelling.belief import BeliefSettings
from vision_banana_ros.labelling.labeller import Encoder, Labeller, RefusedError, Teacher
from vision_banana_ros.labelling.licences import forbids_commerce, require_accepted
from vision_banana_ros.labelling.pages import samples_page
from vision_banana_ros.labelling.pictures import keep_pictures, read_picture
from vision_banana_ros.labelling.selecting import Plan, make_plan
from vision_banana_ros.labelling.selection import SelectionSettings
from vision_banana_ros.labelling.store import SAMPLES_PAGE, Planned, ShardLine, Store
from vision_banana_ros.prompts import Generator, Instruction

#: A teacher that fails so often in a row is broken, not confused by a picture.
_FAILURES_IN_A_ROW = 5
TEACHER_FAILED = "the teacher failed: "


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelSettings:
    """All that decides what is in the shards."""

    inputs: tuple[Path, ...]
    teachers: tuple[str, ...]
    prompts: tuple[str, ...]
    recordings: RecordingOptions = field(default_factory=RecordingOptions)
    selection: SelectionSettings = field(default_factory=SelectionSettings)
    belief: BeliefSettings = field(default_factory=BeliefSettings)
    longest: int = 640
    per_shard: int = 64
    recording_licence: str = "unknown"
    accept_licence: bool = False
    allow_remote: bool = False
    anchor: str = ""
    features: str = ""

    def __post_init__(self) -> None:
        if not self.inputs or not self.teachers or not self.prompts:
            raise DataError("labelling needs at least one recording, one teacher and one thing to ask for")
        if self.per_shard < 1 or self.longest < 32:
            raise DataError(f"per_shard must be >= 1 and longest >= 32, got {self.per_shard} and {self.longest}")

    def record(self) -> dict[str, Any]:
        """What must be the same when a run goes on."""
        entries = asdict(self)
        entries["inputs"] = [str(path.resolve()) for path in self.inputs]
        if not self.features:
            del entries["features"]  # so that runs of older versions go on
        return entries

    @property
    def instructions(self) -> tuple[Instruction, ...]:
        return tuple(Instruction.from_text(prompt) for prompt in self.prompts)


@dataclass(frozen=True, slots=True)
class LabellerSpec:
    """How a worker makes its labeller: names only, so that it can be sent to another machine."""

    root: Path
    settings: LabelSettings
    load: Callable[[str], Generator] | None = None

    def make(self) -> Labeller:
        """DataError where a teacher's terms are not accepted."""
        load = self.load or self._load
        teachers = [Teacher(name, load(name)) for name in self.settings.teachers]
        require_accepted([teacher.about for teacher in teachers], self.settings.accept_licence)
        encoder = self._encoder()
        if encoder is not None:
            require_accepted([encoder.about], self.settings.accept_licence)
        return Labeller(
            teachers, self.settings.instructions, self.settings.belief, self.settings.recording_licence, encoder
        )

    def _encoder(self) -> Encoder | None:
        if not self.settings.features:
            return None
        from vision_banana_ros.generators.specialists.patches import load_patches

        return load_patches(self.settings.features, GeneratorOptions(accept_licence=self.settings.accept_licence))

    def _load(self, name: str) -> Generator:
        return load_generator(
            name,
            accept_licence=self.settings.accept_licence,
            allow_remote=self.settings.allow_remote or None,
            anchor=self.settings.anchor,
        )


class Engine(Protocol):
    """Made when there is something to do: a teacher that cannot be loaded is known before recordings are read."""

    def settle(self, keys: Sequence[str]) -> Iterator[str]: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    done: int
    total: int
    refused: int
    per_second: float

    @property
    def left_s(self) -> float:
        return (self.total - self.done) / self.per_second if self.per_second > 0 else float("inf")


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelReport:
    pictures: int
    labelled: int
    refused: dict[str, str]
    shards: dict[str, str]
    licences: tuple[str, ...]
    non_commercial: bool
    seconds: float


def settle(store: Store, labeller: Labeller, key: str) -> None:
    """Label one picture or refuse it; to do it twice does nothing the second time.

    Workers of a killed run live on for a moment, and may settle what this run was about to: then the shard is written
    and the picture is gone before its turn comes. One that is gone for another reason leaves its shard incomplete, and
    is taken out again by the next run.
    """
    if store.is_settled(key) or not store.has_picture(key):
        return
    try:
        write_whole(store.file(key, "label.tar"), labeller.label(read_picture(store, key)))
    except RefusedError as refused:
        store.refuse(key, str(refused))
    except GeneratorError as error:
        store.refuse(key, TEACHER_FAILED + str(error))
    except DataError as error:
        if not store.has_picture(key):
            return
        if error.__cause__ is not None and isinstance(error.__cause__, OSError):
            raise  # a full disk is nobody's picture's fault
        store.refuse(key, str(error))


class Here:
    """The engine of one process."""

    def __init__(self, spec: LabellerSpec) -> None:
        self._store, self._labeller = Store(spec.root), spec.make()

    def settle(self, keys: Sequence[str]) -> Iterator[str]:
        for key in keys:
            settle(self._store, self._labeller, key)
            yield key


def label(
    root: Path,
    settings: LabelSettings,
    *,
    engine: Callable[[LabellerSpec], Engine] = Here,
    load: Callable[[str], Generator] | None = None,
    say: Callable[[str], None] = print,
    tell: Callable[[str, Progress | None], None] = lambda _what, _progress: None,
    only_select: bool = False,
) -> LabelReport | None:
    """Run, or go on with, a labelling run in the folder `root`. `only_select` stops when the plan is made."""
    start = time.monotonic()
    if forbids_commerce(settings.recording_licence) and not settings.accept_licence:
        raise DataError(
            f"the recordings are {settings.recording_licence!r}: say --accept-licence to use them all the same"
        )
    store = Store(root)
    store.open(settings.record())
    there = store.read_plan()
    worker: Engine | None = None
    if there is not None:
        plan = Plan(*there)
    else:
        if not only_select:
            worker = engine(LabellerSpec(root, settings, load))

        def looked_at(name: str, count: int) -> None:
            tell(f"{name}: {count} pictures looked at", None)

        plan = make_plan(store, settings.inputs, settings.recordings, settings.selection, say=say, tell=looked_at)
    if only_select:
        return None
    groups, shards = _groups(plan.items, settings.per_shard), store.written()
    for number in [n for n in groups if store.shard_path(n).name in shards]:
        for item in groups.pop(number):
            store.clear(item.key)
    waiting = [item for items in groups.values() for item in items]
    todo = [item.key for item in waiting if not store.is_settled(item.key)]
    if todo and worker is None:
        worker = engine(LabellerSpec(root, settings, load))
    if _lacks_pictures(store, waiting):
        opened = plan.open(settings.recordings)
        keep_pictures(store, opened, waiting, settings.longest, lambda count: tell(f"{count} pictures taken out", None))
    _write_full(store, groups, shards)
    if worker is not None:
        todo = [item.key for items in groups.values() for item in items if not store.is_settled(item.key)]
        for _ in _watched(worker.settle(todo), store, todo, len(plan.items), tell):
            _write_full(store, groups, shards)
    _write_full(store, groups, shards)
    if groups:
        raise DataError(f"{root}: {len(groups)} shards are not complete: run the same command again")
    lines = [shards[name] for name in sorted(shards)]
    write_whole(root / SAMPLES_PAGE, samples_page(root, lines, plan.damaged).encode())
    licences = tuple(sorted({licence for line in lines for licence in line.licences}))
    return LabelReport(
        pictures=len(plan.items),
        labelled=sum(len(line.keys) for line in lines),
        refused=plan.damaged | {refusal.key: refusal.reason for line in lines for refusal in line.refused},
        shards={line.shard: line.sha256 for line in lines},
        licences=licences,
        non_commercial=any(forbids_commerce(licence) for licence in licences),
        seconds=round(time.monotonic() - start, 2),
    )


def _groups(items: Sequence[Planned], per_shard: int) -> dict[int, list[Planned]]:
    return {i // per_shard: list(items[i : i + per_shard]) for i in range(0, len(items), per_shard)}


def _lacks_pictures(store: Store, items: Iterable[Planned]) -> bool:
    return any(not store.is_settled(item.key) and not store.has_picture(item.key) for item in items)


def _write_full(store: Store, open_groups: dict[int, list[Planned]], shards: dict[str, ShardLine]) -> None:
    """Shards all of whose pictures are settled."""
    for number in [n for n, items in open_groups.items() if all(store.is_settled(item.key) for item in items)]:
        line = store.write_shard(number, open_groups.pop(number))
        shards[line.shard] = line


def _watched(
    settled: Iterator[str],
    store: Store,
    todo: Sequence[str],
    total: int,
    tell: Callable[[str, Progress | None], None],
) -> Iterator[str]:
    start, refused, failures = time.monotonic(), 0, 0
    for done, key in enumerate(settled, start=1):
        reason = store.refusal(key)
        refused += reason is not None
        failures = failures + 1 if reason is not None and reason.startswith(TEACHER_FAILED) else 0
        if failures >= _FAILURES_IN_A_ROW:
            _forget_failures(store, todo)
            raise GeneratorError(f"{failures} pictures in a row: {reason}")
        rate = done / max(1e-9, time.monotonic() - start)
        before = total - len(todo)
        tell("", Progress(done=before + done, total=total, refused=refused, per_second=rate))
        yield key


def _forget_failures(store: Store, keys: Iterable[str]) -> None:
    """A teacher that is down is no reason to refuse pictures for good."""
    for key in keys:
        reason = store.refusal(key)
        if reason is not None and reason.startswith(TEACHER_FAILED):
            store.file(key, "refused.json").unlink(missing_ok=True)
