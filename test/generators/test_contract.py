"""One contract for everything that paints: order, sizes, many instructions, odd and tiny frames, and what it refuses.

A family joins by one line of FAMILIES: a function from the session's tiny models and graphs to a generator, or to its
name and options.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from vision_banana_ros.core import About, Camera, Frame, GeneratorError, Takes, Target, Task
from vision_banana_ros.generators import OracleGenerator, load_generator
from vision_banana_ros.prompts import Generator, Instruction
from vision_banana_ros.world.moving import MovingScene

Tiny = Callable[[str], Path]
Named = tuple[str, dict[str, Any]]


def hf(name: str, **options: Any) -> Callable[[Tiny, Path], Named]:
    return lambda tiny, _graphs: (f"hf:{tiny(name)}", options)


def chain(boxes: str) -> Callable[[Tiny, Path], Named]:
    return lambda tiny, _graphs: (f"hf:{tiny(boxes)}+{tiny('sam2')}", {})


def card(name: str, **options: Any) -> Callable[[Tiny, Path], Named]:
    return lambda _tiny, graphs: (f"onnx:{graphs / name}.yaml", {"backend": "onnxruntime", **options})


def oracle(_tiny: Tiny, _graphs: Path) -> Generator:
    """Of three frames: it looks at all of them for one that was resized."""
    return OracleGenerator(MovingScene(count=3))


def plain(name: str, **options: Any) -> Callable[[Tiny, Path], Named]:
    return lambda _tiny, _graphs: (name, options)


def moge(tiny: Tiny, _graphs: Path) -> Generator:
    """By a stand-in of its package, which is wanted only while it is loaded."""
    import own_packages

    path = tiny("segformer").parent / "moge.pt"
    with pytest.MonkeyPatch.context() as patch:
        own_packages.install(patch)
        return load_generator(f"moge:{own_packages.moge_checkpoint(path)}")


FAMILIES: dict[str, Callable[[Tiny, Path], Named | Generator]] = {
    "student": plain("student", backend="onnxruntime"),
    "oracle": oracle,
    "onnx-metric": card("plane"),
    "onnx-relative": card("inverse", anchor="sparse"),
    "onnx-points": card("points"),
    "onnx-classes": card("logits"),
    "depth-anything": hf("metric"),
    "depth-anything-relative": hf("relative", anchor="sparse"),
    "prompt-depth-anything": hf("prompted"),
    "depth-pro": hf("depth_pro"),
    "zoedepth": hf("zoedepth"),
    "glpn": hf("glpn"),
    "dpt": hf("midas", anchor="height:0.5"),
    "tipsv2": hf("tips"),
    "segformer": hf("segformer"),
    "upernet": hf("upernet"),
    "mask2former": hf("mask2former"),
    "maskformer": hf("maskformer"),
    "eomt": hf("eomt"),
    "sam3": hf("sam3"),
    "oneformer": hf("oneformer"),
    "rf-detr": hf("rf_detr"),
    "sapiens2": hf("sapiens2"),
    "florence2": hf("florence2"),
    "moge": moge,
    "clipseg": hf("clipseg"),
    "grounding-dino+sam2": chain("grounding_dino"),
    "owlv2+sam2": chain("owlv2"),
}


@pytest.fixture(scope="module", params=FAMILIES)
def generator(request: pytest.FixtureRequest) -> Generator:
    tiny, graphs = request.getfixturevalue("tiny"), request.getfixturevalue("graphs")
    if request.param not in ("student", "oracle") and not request.param.startswith("onnx"):
        pytest.importorskip("transformers")
    made = FAMILIES[request.param](tiny, graphs)
    return load_generator(made[0], **made[1]) if isinstance(made, tuple) else made


def image(wh: tuple[int, int], camera: bool = True) -> Frame:
    """The first frame of the moving scene, which every generator can be asked about, in any size."""
    import cv2

    source = MovingScene(count=3).frame(0)
    rgb = np.asarray(cv2.resize(source.rgb, wh, interpolation=cv2.INTER_AREA))
    return Frame(rgb, camera=Camera.from_hfov(70.0, *wh) if camera else None)


def ask(task: Task, words: tuple[str, ...] = ("floor", "swivel chair")) -> Instruction:
    colors = ((255, 0, 0), (0, 255, 0), (0, 0, 255))
    if task.takes is Takes.NOTHING:
        return Instruction(task)
    if task.takes is Takes.TEXT:
        return Instruction(task, text="make it night")
    if task.takes is Takes.CLASS:
        return Instruction(task, (Target(words[-1]),), background=(0, 0, 0))
    if task.takes is Takes.MIXED:
        return Instruction(task, (Target(words[0], colors[0]), Target(words[-1])), background=(0, 0, 0))
    targets = tuple(Target(word, color) for word, color in zip(words, colors, strict=False))
    return Instruction(task, targets, background=(0, 0, 0))


def everything(generator: Generator) -> list[Instruction]:
    return [ask(task) for task in sorted(generator.tasks)]


def test_it_says_what_it_is(generator: Generator) -> None:
    assert isinstance(generator, Generator)
    assert generator.tasks
    assert all(isinstance(task, Task) for task in generator.tasks)
    about = generator.about
    assert isinstance(about, About)
    assert about.name
    assert about.licence
    if Task.DEPTH not in generator.tasks:
        assert about.metric is None


def test_canvases_come_in_the_order_of_the_instructions_and_in_one_size(generator: Generator) -> None:
    instructions = everything(generator)
    instructions += [ask(task, ("person", "wall")) for task in generator.tasks if task.takes is Takes.COLORS]
    for order in (instructions, instructions[::-1]):
        canvases = generator.generate(image((128, 96)), order)
        assert [canvas.instruction for canvas in canvases] == order
        assert len({canvas.rgb.shape for canvas in canvases}) == 1
        assert all(canvas.rgb.dtype == np.uint8 for canvas in canvases)


def test_nothing_asked_is_nothing_painted(generator: Generator) -> None:
    assert generator.generate(image((128, 96)), []) == []


@pytest.mark.parametrize("wh", [(65, 49), (640, 32), (16, 12)])
def test_odd_long_and_tiny_frames_are_painted(generator: Generator, wh: tuple[int, int]) -> None:
    """The oracle finds its footage by content, of which a strip has too little."""
    if generator.about.name == "oracle":
        pytest.skip("the oracle knows whole frames only")
    canvases = generator.generate(image(wh), everything(generator))
    assert len(canvases) == len(generator.tasks)
    assert len({canvas.rgb.shape for canvas in canvases}) == 1


def test_a_frame_without_a_camera_is_painted(generator: Generator) -> None:
    assert len(generator.generate(image((128, 96), camera=False), everything(generator))) == len(generator.tasks)


def test_the_frame_is_left_as_it_was(generator: Generator) -> None:
    frame = image((128, 96))
    before = frame.rgb.copy()
    generator.generate(frame, everything(generator))
    np.testing.assert_array_equal(frame.rgb, before)


def test_the_same_frame_gives_the_same_canvases(generator: Generator) -> None:
    assert generator.about.deterministic
    frame, instructions = image((128, 96)), everything(generator)
    first = [canvas.rgb.copy() for canvas in generator.generate(frame, instructions)]
    again = generator.generate(frame, instructions)
    assert all(np.array_equal(a, b.rgb) for a, b in zip(first, again, strict=True))


def test_several_instructions_of_one_task_are_each_answered(generator: Generator) -> None:
    coloured = [task for task in generator.tasks if task.takes is Takes.COLORS]
    if not coloured:
        instructions = [ask(sorted(generator.tasks)[0])] * 2
        assert len(generator.generate(image((128, 96)), instructions)) == 2
        return
    one = Instruction(coloured[0], (Target("floor", (255, 0, 0)),), background=(0, 0, 0))
    two = Instruction(coloured[0], (Target("floor", (0, 0, 255)),), background=(0, 0, 0))
    red, blue = (canvas.rgb for canvas in generator.generate(image((128, 96)), [one, two]))
    if generator.about.name != "student":  # which paints shades between
        np.testing.assert_array_equal(red[..., 0], blue[..., 2])


def test_what_it_cannot_paint_is_refused_in_one_line(generator: Generator) -> None:
    others = [task for task in (Task.NORMALS, Task.DEPTH, Task.INSTANCE, Task.IMAGE) if task not in generator.tasks]
    if not others or generator.about.name in ("student", "oracle"):
        pytest.skip("it paints all of these")
    with pytest.raises(GeneratorError, match=f"cannot paint {others[0].value}: it paints ") as refused:
        generator.generate(image((128, 96)), [ask(others[0])])
    assert "\n" not in str(refused.value)


def test_an_interrupt_goes_through(generator: Generator, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl-C is nobody's error to swallow, and the next frame is painted as ever."""
    if not hasattr(generator, "_look"):
        pytest.skip("it calls nobody else's code")

    class Interrupt:
        """However it is called, by itself or by any of its methods."""

        def __call__(self, *_arguments: Any, **_named: Any) -> Any:
            raise KeyboardInterrupt

        def __getattr__(self, _name: str) -> Any:
            return self

    inner = next((n for n in ("_model", "_cutter") if hasattr(generator, n)), None)
    if inner is None:
        pytest.skip("a graph runs in one call")
    frame, instructions = image((128, 96)), everything(generator)
    with monkeypatch.context() as patched:
        patched.setattr(generator, inner, Interrupt())
        if hasattr(generator, "_detector"):
            patched.setattr(generator, "_detector", Interrupt())
        if "prompt" in generator.remarks or generator.about.name.endswith("prompted"):
            generator.give_depth(np.full((96, 128), 2, np.float32), 0)  # type: ignore[attr-defined]
        with pytest.raises(KeyboardInterrupt):
            generator.generate(frame, instructions)
    assert len(generator.generate(frame, instructions)) == len(instructions)


def test_it_paints_in_the_size_asked_for(tiny: Tiny, graphs: Path) -> None:
    for name in ("onnx-metric", "depth-anything", "segformer"):
        made = FAMILIES[name](tiny, graphs)
        assert isinstance(made, tuple)
        generator = load_generator(f"{made[0]}@40x30", **made[1])
        assert generator.generate(image((128, 96)), everything(generator))[0].rgb.shape == (30, 40, 3)
