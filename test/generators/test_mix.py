"""One generator out of several: who paints what, at which size, and who is waited for."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from vision_banana_ros.core import About, Canvas, Frame, GeneratorError, Target, Task
from vision_banana_ros.generators import OracleGenerator, load_generator
from vision_banana_ros.generators.mix import MixGenerator, PartSpec, load, read
from vision_banana_ros.generators.registry import SHIPPED_STUDENT
from vision_banana_ros.generators.remote import require_pace
from vision_banana_ros.perceive import perceive
from vision_banana_ros.perceiver import Perceiver, PerceiverSettings
from vision_banana_ros.prompts import Generator, Instruction
from vision_banana_ros.world.moving import MovingScene

SCENE = MovingScene(count=6, width=150, height=90)
DEPTH, NORMALS = Instruction(Task.DEPTH), Instruction(Task.NORMALS)
FLOOR = Instruction(Task.SEMANTIC, (Target("floor", (255, 0, 0)),), background=(0, 0, 0))
WALL = Instruction(Task.SEMANTIC, (Target("wall", (0, 0, 255)),), background=(0, 0, 0))


class Slow(OracleGenerator):
    """The oracle, held up until it is let go; or failing."""

    def __init__(self, *, held: bool = True, about: About | None = None) -> None:
        super().__init__(SCENE)
        self.let_go = threading.Event()
        self.began = threading.Semaphore(0)
        self.error: Exception | None = None
        self.frames: list[int] = []
        self._said = about or About(name="slow", licence="MIT", sources=("photographs (CC-BY)",))
        if not held:
            self.let_go.set()

    @property
    def about(self) -> About:
        return self._said

    def generate(self, frame: Frame, instructions: Sequence[Instruction]) -> list[Canvas]:
        self.frames.append(frame.stamp_ns)
        self.began.release()
        assert self.let_go.wait(10)
        if self.error is not None:
            raise self.error
        return super().generate(frame, instructions)


def frame(index: int, at_s: float) -> Frame:
    return Frame(rgb=SCENE.frame(index).rgb, stamp_ns=round(at_s * 1e9))


def mix(tmp_path: Path, text: str, **generators: Generator) -> MixGenerator:
    path = tmp_path / "mix.yaml"
    path.write_text(text)

    def load_part(name: str, _options: Mapping[str, Any]) -> Generator:
        return generators[name] if name in generators else load_generator(name)

    return load(str(path), load_part)


def test_depth_from_one_and_classes_from_another(tmp_path: Path) -> None:
    mixed = mix(
        tmp_path,
        "parts: [{model: large, tasks: [depth]}, {model: small, tasks: [semantic, normals]}]",
        large=OracleGenerator(SCENE, size=(75, 45)), small=OracleGenerator(SCENE, size=(50, 30)),
    )  # fmt: skip
    assert mixed.tasks == {Task.DEPTH, Task.SEMANTIC, Task.NORMALS}
    canvases = mixed.generate(SCENE.frame(3), [FLOOR, DEPTH, WALL, NORMALS])
    assert [canvas.instruction for canvas in canvases] == [FLOOR, DEPTH, WALL, NORMALS]
    # One size: the first part's. Its own canvas is as it was, the others' colours are picked.
    assert {canvas.rgb.shape for canvas in canvases} == {(45, 75, 3)}
    alone = OracleGenerator(SCENE, size=(75, 45)).generate(SCENE.frame(3), [DEPTH])[0]
    np.testing.assert_array_equal(canvases[1].rgb, alone.rgb)
    assert set(map(tuple, canvases[0].rgb.reshape(-1, 3))) <= {(255, 0, 0), (0, 0, 0)}
    assert perceive(SCENE.frame(3), mixed, [DEPTH, FLOOR]).depth_m is not None


def test_without_the_first_part_the_size_is_the_next_ones(tmp_path: Path) -> None:
    text = "parts: [{model: a, tasks: [depth]}, {model: b, tasks: [normals]}]"
    small, tiny = OracleGenerator(SCENE, size=(75, 45)), OracleGenerator(SCENE, size=(50, 30))
    mixed = mix(tmp_path, text, a=small, b=tiny)
    assert mixed.generate(frame(0, 0), [NORMALS])[0].rgb.shape == (30, 50, 3)
    sized = mix(tmp_path, f"size: [100, 60]\n{text}", a=small, b=tiny)
    assert {c.rgb.shape for c in sized.generate(frame(0, 0), [NORMALS, DEPTH])} == {(60, 100, 3)}


def test_a_part_without_tasks_paints_what_is_left(tmp_path: Path) -> None:
    slow = Slow(held=False)
    mixed = mix(tmp_path, "parts: [{model: slow, tasks: [depth]}, {model: 'oracle:moving'}]", slow=slow)
    assert mixed.tasks == OracleGenerator(SCENE).tasks
    mixed.generate(frame(0, 1), [DEPTH])
    assert slow.frames == [1_000_000_000]


def test_what_it_says_of_itself_is_all_of_its_parts(tmp_path: Path) -> None:
    remote = Slow(about=About(name="far", licence="terms", metric=False, deterministic=False, cost="remote"))
    mixed = mix(
        tmp_path,
        "parts: [{model: slow, tasks: [depth]}, {model: far, tasks: [semantic], background: true, max_rate_hz: 1}]",
        slow=Slow(), far=remote,
    )  # fmt: skip
    about = mixed.about
    assert about.name == f"mix:{tmp_path / 'mix.yaml'}"
    assert about.licence == "MIT; terms"
    assert (about.metric, about.deterministic, about.cost) == (True, False, "remote")
    assert about.sources == ("slow (MIT)", "photographs (CC-BY)", "far (terms)")
    require_pace(mixed)  # the loop does not wait for the remote part


def test_depth_is_not_held_up_by_slower_classes(tmp_path: Path) -> None:
    slow = Slow()
    mixed = mix(
        tmp_path,
        "parts: [{model: 'oracle', tasks: [depth]}, {model: slow, tasks: [semantic], background: true, most_age_s: 2}]",
        oracle=OracleGenerator(SCENE), slow=slow,
    )  # fmt: skip
    slow.let_go.set()
    first = mixed.generate(frame(0, 10.0), [DEPTH, FLOOR])  # there is no answer yet: waited for
    assert mixed.remarks == {"semantic": "by slow, 0.0 s old"}
    slow.let_go.clear()
    later = mixed.generate(frame(1, 10.5), [DEPTH, FLOOR])  # slow is at it, and nobody waits
    assert slow.began.acquire(timeout=5)
    assert mixed.remarks == {"semantic": "by slow, 0.5 s old"}
    assert later[1].rgb is first[1].rgb
    np.testing.assert_array_equal(later[0].rgb, OracleGenerator(SCENE).generate(frame(1, 10.5), [DEPTH])[0].rgb)
    mixed.generate(frame(2, 11.0), [DEPTH, FLOOR])  # it is still at the frame before the last: this one is dropped
    slow.let_go.set()
    mixed.generate(frame(3, 13.1), [DEPTH, FLOOR])  # 2.6 s old by now at best: waited for
    assert mixed.remarks == {"semantic": "by slow, 0.0 s old"}
    assert slow.frames == [10_000_000_000, 10_500_000_000, 13_100_000_000]


def test_a_part_that_sees_every_third_frame_holds_up_no_other_and_paints_no_old_one(tmp_path: Path) -> None:
    slow = Slow(held=False)
    text = "parts: [{model: oracle, tasks: [depth]}, {model: slow, tasks: [semantic], every: 3}]"
    eyes = Perceiver(mix(tmp_path, text, oracle=OracleGenerator(SCENE), slow=slow))
    seen = [eyes.see(frame(i, 1.0 + i), [DEPTH, FLOOR], PerceiverSettings()) for i in range(5)]
    assert slow.frames == [1_000_000_000, 4_000_000_000]
    assert [sight.perception.mask is not None for sight in seen] == [True, False, False, True, False]
    assert all(sight.perception.depth_m is not None and not sight.perception.unanswered for sight in seen)
    assert [sight.resting for sight in seen[:2]] == [frozenset(), {Task.SEMANTIC}]
    # asked for alone it has nobody to hold up; and who asks past the perceiver gets all that he asks for
    assert eyes.see(frame(5, 6.0), [FLOOR], PerceiverSettings()).perception.mask is not None
    assert perceive(frame(5, 7.0), eyes.generator, [DEPTH, FLOOR]).mask is not None


def test_other_classes_are_not_answered_with_the_last_ones(tmp_path: Path) -> None:
    mixed = mix(tmp_path, "parts: [{model: slow, background: true, most_age_s: 100}]", slow=Slow(held=False))
    mixed.generate(frame(0, 1.0), [FLOOR])
    canvas = mixed.generate(frame(0, 1.1), [WALL])[0]
    assert canvas.instruction == WALL
    assert set(map(tuple, canvas.rgb.reshape(-1, 3))) == {(0, 0, 255), (0, 0, 0)}


def test_a_rate_is_kept(tmp_path: Path) -> None:
    slow = Slow(held=False)
    mixed = mix(tmp_path, "parts: [{model: slow, background: true, max_rate_hz: 0.001}]", slow=slow)
    for i in range(4):
        mixed.generate(frame(i, 1.0 + i), [FLOOR])
    assert slow.frames == [1_000_000_000]
    assert mixed.remarks == {"semantic": "by slow, 3.0 s old"}


def test_a_background_part_that_fails_is_told_and_then_raised(tmp_path: Path) -> None:
    slow = Slow(held=False)
    mixed = mix(tmp_path, "parts: [{model: slow, background: true, most_age_s: 2}]", slow=slow)
    mixed.generate(frame(0, 1.0), [FLOOR])
    slow.error = GeneratorError("no more memory")
    mixed.generate(frame(1, 1.5), [FLOOR])
    wait_idle(mixed)
    mixed.generate(frame(2, 2.0), [FLOOR])
    assert mixed.remarks["semantic"] == "by slow, 1.0 s old; since then: no more memory"
    with pytest.raises(GeneratorError, match="no more memory"):
        mixed.generate(frame(3, 9.0), [FLOOR])
    slow.error = KeyError("odd")
    with pytest.raises(GeneratorError, match="slow failed: KeyError"):
        mixed.generate(frame(3, 19.0), [FLOOR])
    slow.error = None
    wait_idle(mixed)
    assert mixed.generate(frame(4, 29.0), [FLOOR])[0].instruction == FLOOR


def test_frames_without_stamps_age_too(tmp_path: Path) -> None:
    slow = Slow(held=False)
    mixed = mix(tmp_path, "parts: [{model: slow, background: true, most_age_s: 0}]", slow=slow)
    for i in range(3):
        mixed.generate(frame(i, 0), [FLOOR])
    assert len(slow.frames) == 3


def test_a_closed_mix_starts_nothing(tmp_path: Path) -> None:
    slow = Slow()
    mixed = mix(tmp_path, "parts: [{model: slow, background: true}]", slow=slow)
    mixed.close()
    with pytest.raises(GeneratorError, match="closed"):
        mixed.generate(frame(0, 1), [FLOOR])
    assert slow.frames == []


def test_an_unpainted_task_is_refused(tmp_path: Path) -> None:
    mixed = mix(tmp_path, "parts: [{model: 'oracle:moving', tasks: [depth]}]")
    with pytest.raises(GeneratorError, match="cannot paint normals, it paints depth"):
        mixed.generate(frame(0, 1), [NORMALS])


def test_options_go_to_whoever_loads_a_part(tmp_path: Path) -> None:
    path = tmp_path / "mix.yaml"
    path.write_text("parts: [{model: 'hf:x', tasks: [depth], anchor: student, device: cpu}]")
    seen: list[Any] = []

    def load_part(name: str, options: Mapping[str, Any]) -> Generator:
        seen.append((name, dict(options)))
        return OracleGenerator(SCENE)

    load(str(path), load_part, size_wh=(30, 18))
    assert seen == [("hf:x", {"anchor": "student", "device": "cpu"})]
    assert read(path).parts == (
        PartSpec(model="hf:x", tasks=("depth",), options={"anchor": "student", "device": "cpu"}),
    )


def test_the_registry_knows_mixes(tmp_path: Path) -> None:
    path = tmp_path / "mix.yaml"
    path.write_text(f"parts: [{{model: '{SHIPPED_STUDENT}@96x64', tasks: [depth], backend: onnxruntime}}]")
    mixed = load_generator(f"mix:{path}@90x60")
    assert mixed.generate(frame(0, 1), [DEPTH])[0].rgb.shape == (60, 90, 3)
    path.write_text("parts: [{model: student, allow_remote: true}]")
    with pytest.raises(GeneratorError, match="nothing of student is called allow_remote: there are backend"):
        load_generator(f"mix:{path}")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("parts: []", "needs a list of 'parts'"),
        ("- a", "needs a list of 'parts'"),
        ("parts: [", "is no YAML"),
        ("parts: [{modle: x}]", "part 1 needs a 'model'"),
        ("parts: [{model: 'mix:a.yaml'}]", "a mix holds no other mix"),
        ("parts: [{model: x, tasks: depth}]", "'tasks' must be a list"),
        ("parts: [{model: x, tasks: [deepness]}]", r"part 1: no task is called 'deepness': there are depth"),
        ("parts: [{model: x, every: 0}]", "part 1: 'every' must be a whole number of frames above 0, got int 0"),
        ("parts: [{model: x, every: 2, background: true}]", "a part in the background has a max_rate_hz, not 'every'"),
        ("parts: [{model: x, background: 1}]", "'background' must be true or false"),
        ("parts: [{model: x, max_rate_hz: -1}]", "'max_rate_hz' must be a number that is not negative"),
        ("parts: [{model: x, max_rate_hz: 0.5, most_age_s: 1}]", r"come every 2 s, so they cannot be at most 1 s old"),
        ("parts: [{model: x}]\nsize: 3", r"'size' must be \[WIDTH, HEIGHT\]"),
        ("parts: [{model: x}]\nsice: [3, 4]", "nothing is called sice: there are size, parts"),
        ("parts: [{model: far, tasks: [depth]}]", r"far is remote: in a mix it needs background: true"),
        ("parts: [{model: nothing}]", "its parts paint nothing by themselves"),
        ("parts: [{model: nothing, tasks: [depth]}]", "nothing cannot paint depth in a mix"),
        ("parts: [{model: a, tasks: [depth]}, {model: b, tasks: [depth]}]", "depth is named by two parts"),
    ],
)
def test_files_that_are_wrong_say_where(tmp_path: Path, text: str, said: str) -> None:
    class Nothing(OracleGenerator):
        tasks = frozenset()  # type: ignore[assignment]

    some = Slow()
    far = Slow(about=About(name="far", licence="terms", cost="remote"))
    with pytest.raises(GeneratorError, match=said) as caught:
        mix(tmp_path, text, a=some, b=some, x=some, far=far, nothing=Nothing(SCENE))
    assert "\n" not in str(caught.value)


def test_no_such_file() -> None:
    with pytest.raises(GeneratorError, match=r"no mix 'nowhere.yaml': No such file"):
        read(Path("nowhere.yaml"))


def wait_idle(mixed: MixGenerator) -> None:
    background: Any = mixed._parts[0].background
    with background._changed:
        assert background._changed.wait_for(lambda: not background._busy, 5)
