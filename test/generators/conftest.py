"""Parts that tests of several generators share: tiny models and graphs, servers that stand in for remote models."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from load_file import load_file

from vision_banana_ros.core import Camera, Frame

sys.path.insert(0, str(Path(__file__).parent))  # for the tiny models beside this file

WH = (65, 48)  # odd and even, neither square


@pytest.fixture
def one_thread() -> Iterator[None]:
    """Networks this small only wait for each other on two."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def tiny_qwen(tiny_editors: ModuleType) -> Iterator[Callable[[bool], Any]]:
    """A Qwen-Image-Edit (plus or not) in memory, whose own megapixel is made a small one."""
    with tiny_editors.small_qwen(128):
        yield lambda is_plus: tiny_editors.qwen(plus=is_plus)


@pytest.fixture
def fake_server() -> Iterator[Any]:
    """A fake_server.FakeServer of one test."""
    server = load_file(Path(__file__).with_name("fake_server.py")).FakeServer()
    yield server
    server.close()


@pytest.fixture(scope="session")
def tiny_vlm(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a tiny vision-language model."""
    pytest.importorskip("transformers")
    folder = tmp_path_factory.mktemp("vlm")
    load_file(Path(__file__).with_name("tiny_vlm.py")).build(folder)
    return folder


#: Everything that the fixture large_generator can make, for contract suites.
LARGE_GENERATORS = (
    "klein-distilled", "kontext", "pix2pix", "qwen-plus", "marigold-normals", "marigold-depth", "http", "gemini", "mix",
    "presence",
)  # fmt: skip


@pytest.fixture
def large_generator(
    request: pytest.FixtureRequest, fake_server: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Callable[[str], Any]:
    """A ready generator of each family of editors, remote models and mixes, by its name in LARGE_GENERATORS."""
    from vision_banana_ros.core import About
    from vision_banana_ros.generators import load_generator
    from vision_banana_ros.generators.editors import EditorGenerator, EditorOptions, load
    from vision_banana_ros.generators.editors.editor import Asking
    from vision_banana_ros.generators.editors.families import family_of
    from vision_banana_ros.generators.reasoning import PresenceGenerator, load_chat
    from vision_banana_ros.generators.remote import RemoteOptions, load_gemini

    monkeypatch.setenv("GEMINI_API_KEY", "k")
    monkeypatch.setenv("VISION_BANANA_ALLOW_REMOTE", "1")
    monkeypatch.setenv("VISION_BANANA_REMOTE_PER_HOUR", "1000")
    fake_server.say = lambda *_: "yes"

    def make(name: str) -> Any:
        if name == "http":
            return load_generator(fake_server.url)
        if name == "gemini":
            return load_gemini("m", options=RemoteOptions.from_environment(base_url=fake_server.url))
        if name == "mix":
            path = tmp_path / "mix.yaml"
            path.write_text(
                "parts: [{model: student, tasks: [depth]}, "
                f"{{model: '{fake_server.url}', tasks: [normals, semantic], background: true, max_rate_hz: 1000}}]"
            )
            return load_generator(f"mix:{path}")
        if name == "presence":
            return PresenceGenerator(load_generator(fake_server.url), load_chat(f"http:{fake_server.url}"))
        if name == "qwen-plus":
            pipeline = request.getfixturevalue("tiny_qwen")(True)
            about = About(name=name, licence="apache-2.0", cost="gpu", metric=False)
            return EditorGenerator(pipeline, family_of(pipeline), about, asking=Asking(tuned=True, steps=1))
        folder = request.getfixturevalue("editor_folder")(name)
        if name.startswith("marigold"):
            return load_generator(f"diffusers:{folder}", anchor="student" if name == "marigold-depth" else "")
        return load(str(folder), options=EditorOptions(steps=1, tuned=True))

    return make


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """The folder of a tiny checkpoint by its name in tiny_models or tiny_unusual, built when it is first asked for."""
    root = tmp_path_factory.mktemp("tiny")

    def folder(name: str) -> Path:
        import tiny_models
        import tiny_unusual
        import torch

        torch.set_num_threads(1)
        place = root / name
        if not place.exists():
            (tiny_models.BUILDERS | tiny_unusual.BUILDERS)[name](place)
        return place

    return folder


@pytest.fixture(scope="session")
def graphs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of small ONNX files with their cards."""
    import tiny_graphs

    root = tmp_path_factory.mktemp("graphs")
    tiny_graphs.write_all(root)
    return root


@pytest.fixture
def frame() -> Frame:
    rgb = np.random.default_rng(0).integers(0, 255, (WH[1], WH[0], 3), np.uint8)
    return Frame(rgb, camera=Camera(60.0, 60.0, 32.0, 24.0, *WH))
