"""Remote generators against a server on this machine: what they send, how they wait, what they make of any answer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import cv2
import numpy as np
import pytest

from vision_banana_ros.core import Frame, GeneratorError, Target, Task
from vision_banana_ros.generators import OracleGenerator, load_generator
from vision_banana_ros.generators.remote import (
    Pace,
    RemoteGenerator,
    RemoteOptions,
    load_gemini,
    load_http,
    require_pace,
)
from vision_banana_ros.generators.remote.openai import Address
from vision_banana_ros.perceive import perceive
from vision_banana_ros.prompts import Instruction
from vision_banana_ros.tasks import DecodeSettings
from vision_banana_ros.world.moving import MovingScene

SCENE = MovingScene(count=1, width=150, height=90)
FRAME = SCENE.frame(0)
DEPTH, NORMALS = Instruction(Task.DEPTH), Instruction(Task.NORMALS)
CLASSES = Instruction(
    Task.SEMANTIC, (Target("floor", (128, 192, 0)), Target("wall", (255, 0, 0)), Target("box", (0, 0, 255))), (0, 0, 0)
)
KEY = "k-secret-123"
OPTIONS: dict[str, Any] = {
    "allowed": True, "timeout_s": 0.5, "attempts": 3, "first_wait_s": 0.01, "most_wait_s": 0.05,
}  # fmt: skip
UNAVAILABLE = (503, {"error": {"code": 503, "status": "UNAVAILABLE", "message": "overloaded"}})
LIMITED = (429, {"error": {"code": 429, "message": "You exceeded your quota"}})

Loader = Callable[..., RemoteGenerator]


@pytest.fixture(params=["gemini", "http"])
def loader(request: pytest.FixtureRequest, fake_server: Any, monkeypatch: pytest.MonkeyPatch) -> Loader:
    """Loads a generator whose service is the fake one, with a key in the environment."""
    monkeypatch.setenv("GEMINI_API_KEY", KEY)
    monkeypatch.setenv("VISION_BANANA_HTTP_KEY", KEY)
    if request.param == "gemini":
        pytest.importorskip("google.genai")

    def load(size_wh: tuple[int, int] | None = None, **more: Any) -> RemoteGenerator:
        given = OPTIONS | more
        if request.param == "gemini":
            if "timeout_s" not in more:
                given["timeout_s"] = 2.0
            return load_gemini("banana-9", size_wh=size_wh, options=RemoteOptions(**given, base_url=fake_server.url))
        return load_http(f"{fake_server.url}#banana-9", size_wh=size_wh, options=RemoteOptions(**given))

    return load


#: What a service paints is no metres for sure; here it is, and what it costs is the question.
AS_PAINTED = DecodeSettings(believes_unmetric=True)


def paints_truth(picture: np.ndarray, prompt: str) -> np.ndarray:
    """What a perfect model answers, at the picture's own size: found by the words of the prompt."""
    instruction = next(i for i in (DEPTH, NORMALS, CLASSES) if prompt.startswith(i.to_text()))
    canvas = OracleGenerator(SCENE).generate(FRAME, [instruction])[0].rgb
    height, width = picture.shape[:2]
    padded = np.zeros((height, width, 3), np.uint8)
    padded[: canvas.shape[0], : canvas.shape[1]] = canvas
    return padded


def test_what_it_paints_is_decoded_as_anybodys(loader: Loader, fake_server: Any) -> None:
    fake_server.paint = paints_truth
    asked = [DEPTH, NORMALS, CLASSES]
    seen, known = perceive(FRAME, loader(), asked, AS_PAINTED), perceive(FRAME, OracleGenerator(SCENE), asked)
    np.testing.assert_array_equal(seen.depth_m, known.depth_m)
    np.testing.assert_array_equal(seen.normals, known.normals)
    np.testing.assert_array_equal(seen.mask, known.mask)
    assert len(fake_server.asked) == 3


def test_the_picture_is_sent_padded_never_cropped_with_the_papers_words(loader: Loader, fake_server: Any) -> None:
    loader().generate(FRAME, [DEPTH])
    sent = fake_server.asked[0]
    np.testing.assert_array_equal(sent.picture[:90, :150], FRAME.rgb)
    assert sent.prompt.startswith(DEPTH.to_text())
    assert "black, red, yellow, green, cyan, blue, magenta, white" in sent.prompt
    if "generateContent" in sent.path:
        assert sent.path.endswith("/models/banana-9:generateContent")
        assert sent.picture.shape[:2] == (90, 160)
        assert sent.fields["imageConfig"] == {"aspectRatio": "16:9"}
        assert sent.headers["x-goog-api-key"] == KEY
    else:
        assert sent.path == "/v1/images/edits"
        assert sent.picture.shape[:2] == (96, 160)
        assert sent.fields["size"] == "160x96"
        assert sent.fields["model"] == "banana-9"
        assert sent.headers["authorization"] == f"Bearer {KEY}"


def test_a_tuned_model_gets_the_papers_words_alone(loader: Loader, fake_server: Any) -> None:
    generator = loader(tuned=True)
    generator.generate(FRAME, [DEPTH])
    assert fake_server.asked[0].prompt == DEPTH.to_text()
    assert generator.about.metric is True


def test_an_overloaded_server_is_asked_again(loader: Loader, fake_server: Any) -> None:
    fake_server.acts = [UNAVAILABLE, UNAVAILABLE]
    assert len(loader().generate(FRAME, [NORMALS])) == 1
    assert len(fake_server.asked) == 3


def test_and_given_up_after_the_last_attempt(loader: Loader, fake_server: Any) -> None:
    fake_server.acts = [UNAVAILABLE] * 9
    with pytest.raises(GeneratorError, match=r"HTTP 503.*\(asked for normals\)"):
        loader().generate(FRAME, [NORMALS])
    assert len(fake_server.asked) == 3


def test_a_used_up_quota_is_said(loader: Loader, fake_server: Any) -> None:
    fake_server.acts = [LIMITED] * 9
    with pytest.raises(GeneratorError, match="quota is used up"):
        loader().generate(FRAME, [NORMALS])


def test_a_refused_key_is_said_without_the_key(loader: Loader, fake_server: Any) -> None:
    fake_server.acts = [(401, {"error": {"code": 401, "message": f"bad key {KEY}"}})]
    with pytest.raises(GeneratorError, match="key") as caught:
        loader().generate(FRAME, [NORMALS])
    assert KEY not in str(caught.value)
    assert len(fake_server.asked) == 1


def test_an_answer_without_a_picture_says_why(loader: Loader, fake_server: Any) -> None:
    fake_server.acts = ["no picture"]
    with pytest.raises(GeneratorError, match=r"painted no picture: IMAGE_SAFETY|answered without a picture"):
        loader().generate(FRAME, [NORMALS])
    assert len(fake_server.asked) == 1


def test_garbage_is_one_line(loader: Loader, fake_server: Any) -> None:
    fake_server.acts = ["garbage"] * 9
    with pytest.raises(GeneratorError) as caught:
        loader().generate(FRAME, [NORMALS])
    assert "\n" not in str(caught.value)
    fake_server.acts = []
    fake_server.write = lambda _rgb: b"no picture at all"
    with pytest.raises(GeneratorError, match="17 bytes that are no picture"):
        loader().generate(FRAME, [NORMALS])


def test_a_silent_server_is_not_waited_for(loader: Loader, fake_server: Any) -> None:
    fake_server.acts = ["slow"] * 9
    with pytest.raises(GeneratorError, match="no answer"):
        loader(timeout_s=0.2, attempts=1).generate(FRAME, [NORMALS])


def test_sizes_of_the_models_own_are_brought_back(loader: Loader, fake_server: Any) -> None:
    """A picture of 4 pixels for each, as from a model that always paints a megapixel."""
    fake_server.paint = lambda picture, prompt: np.kron(paints_truth(picture, prompt), np.ones((2, 2, 1), np.uint8))
    canvas = loader().generate(FRAME, [CLASSES])[0].rgb
    np.testing.assert_array_equal(canvas, OracleGenerator(SCENE).generate(FRAME, [CLASSES])[0].rgb)


def test_another_shape_than_asked_for_is_refused(loader: Loader, fake_server: Any) -> None:
    fake_server.paint = lambda picture, _prompt: np.ascontiguousarray(picture[:, : picture.shape[0]])
    with pytest.raises(GeneratorError, match="with another shape nobody knows which part it shows"):
        loader().generate(FRAME, [NORMALS])


def test_jpeg_costs_little(loader: Loader, fake_server: Any) -> None:
    """Quality 90 with colours at half size: pinned, for it decides whether a service's JPEG can be lived with."""
    fake_server.paint = paints_truth
    fake_server.write = lambda rgb: bytes(cv2.imencode(".jpg", rgb[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 90])[1])
    asked = [DEPTH, NORMALS, CLASSES]
    seen, known = perceive(FRAME, loader(), asked, AS_PAINTED), perceive(FRAME, OracleGenerator(SCENE), asked)
    assert seen.depth_m is not None
    assert known.depth_m is not None
    assert seen.normals is not None
    assert known.normals is not None
    both = np.isfinite(seen.depth_m) & np.isfinite(known.depth_m)
    assert np.median(np.abs(seen.depth_m - known.depth_m)[both] / known.depth_m[both]) < 0.005
    cosine = np.nansum(seen.normals * known.normals, axis=-1).clip(-1, 1)
    assert np.degrees(np.median(np.arccos(cosine))) < 1.5
    assert np.mean(seen.mask != known.mask) < 0.03


def test_requests_of_a_frame_keep_their_order(loader: Loader, fake_server: Any) -> None:
    fake_server.paint = paints_truth
    asked = [CLASSES, DEPTH, NORMALS, DEPTH]
    canvases = loader().generate(FRAME, asked)
    expected = OracleGenerator(SCENE).generate(FRAME, asked)
    for canvas, right in zip(canvases, expected, strict=True):
        assert canvas.instruction == right.instruction
        np.testing.assert_array_equal(canvas.rgb, right.rgb)


def test_the_user_sets_the_size_that_is_sent(loader: Loader, fake_server: Any) -> None:
    canvas = loader(size_wh=(128, 64)).generate(FRAME, [NORMALS])[0].rgb
    assert canvas.shape == (64, 128, 3)
    assert fake_server.asked[0].picture.shape[:2] in [(64, 128), (72, 128)]  # as it is, or padded to 16:9


def test_a_picture_that_failed_by_chance_is_asked_for_with_another_seed(
    fake_server: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("google.genai")
    monkeypatch.setenv("GEMINI_API_KEY", KEY)
    options = RemoteOptions(**OPTIONS, base_url=fake_server.url)
    fake_server.acts = [(200, {"candidates": [{"finishReason": "NO_IMAGE"}]})]
    assert len(load_gemini("banana-9", options=options).generate(FRAME, [NORMALS])) == 1
    assert [asked.fields["seed"] for asked in fake_server.asked] == [0, 1]
    fake_server.acts = [(200, {"promptFeedback": {"blockReason": "PROHIBITED_CONTENT"}})]
    with pytest.raises(GeneratorError, match=r"the prompt was blocked \(PROHIBITED_CONTENT\)"):
        load_gemini("banana-9", options=options).generate(FRAME, [NORMALS])


# Privacy, keys, addresses


def test_no_picture_leaves_without_being_allowed(monkeypatch: pytest.MonkeyPatch, fake_server: Any) -> None:
    monkeypatch.setenv("GEMINI_API_KEY", KEY)
    monkeypatch.delenv("VISION_BANANA_ALLOW_REMOTE", raising=False)
    for load in (lambda: load_http(fake_server.url), lambda: load_gemini("banana-9")):
        with pytest.raises(GeneratorError, match=r"would send camera pictures .* VISION_BANANA_ALLOW_REMOTE=1"):
            load()
    assert fake_server.asked == []
    monkeypatch.setenv("VISION_BANANA_ALLOW_REMOTE", "1")
    assert load_http(fake_server.url).about.cost == "remote"


def test_gemini_without_a_key_says_which_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("google.genai")
    monkeypatch.delenv("GEMINI_API_KEY", raising=False)
    monkeypatch.delenv("GOOGLE_API_KEY", raising=False)
    with pytest.raises(GeneratorError, match="needs a key: set GEMINI_API_KEY"):
        load_gemini("banana-9", options=RemoteOptions(allowed=True))


def test_the_key_shows_nowhere(loader: Loader) -> None:
    generator = loader()
    for thing in (
        generator,
        generator._door,
        generator._options,
        generator.about,
        Address("http://localhost", "x", KEY),
    ):
        assert KEY not in repr(thing)


@pytest.mark.parametrize(
    ("url", "reached"),
    [
        ("http://gpu:8000", "http://gpu:8000/v1/images/edits"),
        ("https://gpu.example/v1/", "https://gpu.example/v1/images/edits"),
        ("https://gpu.example/a/v1/images/edits#m", "https://gpu.example/a/v1/images/edits"),
    ],
)
def test_addresses(url: str, reached: str) -> None:
    assert Address(url, "images/edits", "").url == reached


@pytest.mark.parametrize(
    ("url", "key", "said"),
    [
        ("file:///etc/passwd", "", "an address is http"),
        ("http://", "", "an address is http"),
        ("http://me:secret@gpu/", "", "keep the password out"),
        ("http://far.example/", KEY, "would travel unencrypted to far.example"),
    ],
)
def test_addresses_that_are_refused(url: str, key: str, said: str) -> None:
    with pytest.raises(GeneratorError, match=said) as caught:
        Address(url, "images/edits", key)
    assert "secret" not in str(caught.value)


def test_a_key_may_go_over_http_at_home() -> None:
    for near in ("localhost", "127.0.0.1", "192.168.1.7", "gpu", "gpu.local"):
        assert Address(f"http://{near}:8000", "images/edits", KEY).headers == {"Authorization": f"Bearer {KEY}"}


def test_http_only_failures(fake_server: Any) -> None:
    """What google-genai meets inside itself."""
    options = RemoteOptions(**(OPTIONS | {"attempts": 1}))
    for act, said in [
        ("moved", r"sends elsewhere .* not followed"),
        ("html", r"HTTP 502: Bad Gateway"),
        ("hang up", "broke the connection off"),
        ((200, {"data": [{"url": "http://elsewhere.invalid/a.png"}]}), "address to fetch from, which is not done"),
        ((200, {"data": [{"b64_json": "$$$"}]}), "no base64"),
        ((200, ["a list"]), "no JSON but"),
    ]:
        fake_server.acts = [act]
        with pytest.raises(GeneratorError, match=said):
            load_http(fake_server.url, options=options).generate(FRAME, [NORMALS])


def test_a_server_that_drips_is_left(fake_server: Any) -> None:
    fake_server.acts = ["drip"]
    options = RemoteOptions(**(OPTIONS | {"attempts": 1, "timeout_s": 0.3}))
    with pytest.raises(GeneratorError, match=r"no whole answer within 0.3 s"):
        load_http(fake_server.url, options=options).generate(FRAME, [NORMALS])


def test_nobody_listens() -> None:
    options = RemoteOptions(**(OPTIONS | {"attempts": 2}))
    with pytest.raises(GeneratorError, match=r"cannot be reached: .*\(2 attempts\)"):
        load_http("http://127.0.0.1:9", options=options).generate(FRAME, [NORMALS])


def test_the_registry_knows_remote_models(fake_server: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("VISION_BANANA_ALLOW_REMOTE", raising=False)
    host = fake_server.url.removeprefix("http://")
    for name in (f"http:{fake_server.url}", fake_server.url, f"http:{host}#m", "https://gpu.example#m"):
        with pytest.raises(GeneratorError, match="would send camera pictures"):
            load_generator(name)
    generator = load_generator(f"{fake_server.url}#m@128x64", allow_remote=True, max_rate_hz=0.5)
    assert generator.about.name == f"http:{host}#m"
    assert generator.generate(FRAME, [NORMALS])[0].rgb.shape == (64, 128, 3)
    require_pace(generator)
    with pytest.raises(GeneratorError, match="asked faster than max_rate_hz"):
        generator.generate(FRAME, [NORMALS])


# Pace


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_the_budget_is_of_the_last_hour() -> None:
    clock = Clock()
    pace = Pace(max_per_hour=3, clock=clock)
    pace.take(2)
    clock.now += 1800
    pace.take(1)
    assert pace.left == 0
    assert pace.wait_s() == 1800
    with pytest.raises(GeneratorError, match=r"budget of 3 remote pictures an hour is used up: next in 1800 s"):
        pace.take(1)
    clock.now += 1800
    pace.take(2)
    with pytest.raises(GeneratorError, match=r"one frame asks for 4 pictures"):
        pace.take(4)


def test_the_rate_is_of_frames() -> None:
    clock = Clock()
    pace = Pace(max_per_hour=100, max_rate_hz=0.5, clock=clock)
    pace.take(3)
    assert pace.wait_s() == 2.0
    with pytest.raises(GeneratorError, match=r"max_rate_hz = 0.5: next in 2.0 s"):
        pace.take(1)
    clock.now += 2
    assert pace.wait_s() == 0
    pace.take(3)


def test_a_frame_over_the_budget_sends_nothing(fake_server: Any) -> None:
    generator = load_http(fake_server.url, options=RemoteOptions(**OPTIONS, max_per_hour=2))
    with pytest.raises(GeneratorError, match=r"one frame asks for 3 pictures, the budget is 2"):
        generator.generate(FRAME, [DEPTH, NORMALS, CLASSES])
    assert fake_server.asked == []
    assert generator.pace.left == 2


def test_a_loop_needs_a_rate(fake_server: Any) -> None:
    with pytest.raises(GeneratorError, match=r"would be asked for every frame: set max_rate_hz"):
        require_pace(load_http(fake_server.url, options=RemoteOptions(**OPTIONS)))
    require_pace(load_http(fake_server.url, options=RemoteOptions(**OPTIONS, max_rate_hz=0.2)))


def test_rays_are_not_asked_of_a_remote_model(fake_server: Any) -> None:
    with pytest.raises(GeneratorError, match="cannot paint rays"):
        load_http(fake_server.url, options=RemoteOptions(**OPTIONS)).generate(
            Frame(rgb=FRAME.rgb), [Instruction(Task.RAYS)]
        )
    assert fake_server.asked == []
