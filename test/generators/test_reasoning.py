"""A question goes through a language model to things that are painted; absent things paint nothing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from vision_banana_ros.core import Frame, GeneratorError, InstructionError, Target, Task, UInt8Array
from vision_banana_ros.generators import OracleGenerator
from vision_banana_ros.generators.reasoning import PresenceGenerator, answer, load_chat, reason
from vision_banana_ros.generators.reasoning.answers import read_expressions, read_presence
from vision_banana_ros.generators.reasoning.local import LocalChat
from vision_banana_ros.generators.remote import RemoteOptions
from vision_banana_ros.perceive import perceive
from vision_banana_ros.prompts import Instruction
from vision_banana_ros.world.moving import MovingScene

SCENE = MovingScene(count=2, width=150, height=90)
FRAME = SCENE.frame(0)
OPTIONS = RemoteOptions(allowed=True, timeout_s=2.0, attempts=2, first_wait_s=0.01, most_wait_s=0.05)
RED, GREEN, BLACK = (255, 0, 0), (0, 255, 0), (0, 0, 0)


class Painter(OracleGenerator):
    """The oracle, with what it was asked kept."""

    def __init__(self) -> None:
        super().__init__(SCENE)
        self.asked: list[Instruction] = []

    def generate(self, frame: Frame, instructions: Any) -> Any:
        self.asked += instructions
        return super().generate(frame, instructions)


class Said:
    """A chat with a fixed answer for each part of a prompt."""

    name = "said:model-7"

    def __init__(self, **answers: str) -> None:
        self.answers = answers
        self.asked: list[str] = []

    def ask(self, prompt: str, picture: UInt8Array) -> str:
        assert picture.shape == (90, 150, 3)
        self.asked.append(prompt)
        return next(words for part, words in self.answers.items() if part in prompt)


@pytest.fixture(params=["gemini", "http"])
def chat(request: pytest.FixtureRequest, fake_server: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setenv("GEMINI_API_KEY", "k")
    if request.param == "gemini":
        pytest.importorskip("google.genai")
        from dataclasses import replace

        return load_chat("gemini:thinker", options=replace(OPTIONS, base_url=fake_server.url))
    return load_chat(f"http:{fake_server.url}#thinker", options=OPTIONS)


def test_a_question_is_answered_in_words_and_painted(chat: Any, fake_server: Any) -> None:
    fake_server.say = lambda _prompt, _picture: (
        '```json\n{"sentence": "You could sit on the box.", "expressions": ["the box", "The box", "a ball."]}\n```'
    )
    answered = answer(FRAME, "what could I  sit on?", chat, Painter())
    assert answered.reasoned.question == "what could I sit on?"
    assert answered.reasoned.sentence == "You could sit on the box."
    assert answered.reasoned.expressions == ("the box", "a ball")
    assert answered.reasoned.model == chat.name
    assert answered.painter == "oracle"
    assert chat.name.endswith("thinker")
    np.testing.assert_array_equal(fake_server.asked[0].picture, FRAME.rgb)
    assert '"what could I sit on?"' in fake_server.asked[0].prompt
    seen = perceive(FRAME, Painter(), [answered.canvas.instruction])
    mask, labels = SCENE.truth(0).mask, SCENE.truth(0).labels
    assert mask is not None
    assert seen.referring_labels == ("background", "the box", "a ball")
    np.testing.assert_array_equal(seen.referring == 1, mask == labels.index("box"))


def test_nothing_that_answers_it_is_an_answer(chat: Any, fake_server: Any) -> None:
    fake_server.say = lambda *_: '{"sentence": "Nothing here can be eaten.", "expressions": []}'
    painter = Painter()
    answered = answer(FRAME, "what could I eat?", chat, painter)
    assert answered.canvas is None
    assert answered.reasoned.sentence == "Nothing here can be eaten."
    assert painter.asked == []


def test_a_model_that_names_nothing_is_an_error_with_its_words(chat: Any, fake_server: Any) -> None:
    fake_server.say = lambda *_: "What a lovely picture!"
    with pytest.raises(GeneratorError, match=r"thinker named no things for 'x\?', it said 'What a lovely picture!'"):
        reason(FRAME, "x?", chat)
    fake_server.say = lambda *_: " "
    with pytest.raises(GeneratorError, match="said nothing"):
        reason(FRAME, "x?", chat)


def test_an_empty_question_is_not_asked() -> None:
    with pytest.raises(InstructionError, match="the question is empty"):
        reason(FRAME, "  ", Said())


def test_a_remote_thinker_is_allowed_or_not_asked(fake_server: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("VISION_BANANA_ALLOW_REMOTE", raising=False)
    for name in (f"http:{fake_server.url}", "gemini:thinker"):
        with pytest.raises(GeneratorError, match="would send camera pictures"):
            load_chat(name)
    with pytest.raises(GeneratorError, match="a language model is called gemini:MODEL"):
        load_chat("oracle")


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ('{"sentence": "S.", "expressions": ["a", "b"]}', ("S.", ("a", "b"))),
        ('Sure {"x": 1} no', ("Sure {\"x\": 1} no", ())),
        ("You could use:\n- the **red chair** by the door\n2. a sofa.\n",
         ("You could use:", ("the red chair by the door", "a sofa"))),
        ("There is nothing to sit on.", ("There is nothing to sit on.", ())),
        ('{"expressions": ["", 3, "background", "' + "x" * 200 + '", "ok"]}', ("", ("ok",))),
        ("Beautiful.", None),
    ],
)  # fmt: skip
def test_expressions_are_read_however_they_come(words: str, expected: Any) -> None:
    assert read_expressions(words, 8) == expected


def test_at_most_so_many() -> None:
    found = read_expressions('{"expressions": ' + str([f"thing {i}" for i in range(20)]).replace("'", '"') + "}", 8)
    assert found is not None
    assert len(found[1]) == 8


@pytest.mark.parametrize(
    ("words", "is_there"),
    [
        ("Yes.", True), ("no", False), ("**No**, there is no dog.", False), ("Yes, there is no doubt.", True),
        ("There is a dog.", True), ("I see none.", False), ("Maybe.", None), ("", None),
    ],
)  # fmt: skip
def test_yes_and_no(words: str, is_there: bool | None) -> None:
    assert read_presence(words) is is_there


REFERRING = Instruction(Task.REFERRING, (Target("the box", RED), Target("a tiger", GREEN)), background=BLACK)


def test_absent_things_paint_nothing() -> None:
    painter, chat = Painter(), Said(box="Yes.", tiger="No, there is none.")
    generator = PresenceGenerator(painter, chat)
    canvases = generator.generate(FRAME, [Instruction(Task.DEPTH), REFERRING, REFERRING])
    assert [canvas.instruction for canvas in canvases] == [Instruction(Task.DEPTH), REFERRING, REFERRING]
    assert [target.text for target in painter.asked[1].targets] == ["the box"]
    assert set(map(tuple, canvases[1].rgb.reshape(-1, 3))) == {RED, BLACK}
    assert len(chat.asked) == 2  # once per phrase
    tiger = generator.said["a tiger"]
    assert (tiger.is_there, tiger.sentence, tiger.model) == (False, "No, there is none.", "said:model-7")
    assert generator.about.name == "oracle, asked by said:model-7"
    assert generator.tasks == painter.tasks


def test_all_absent_is_an_empty_canvas_of_the_others_size() -> None:
    painter = OracleGenerator(SCENE, size=(75, 45))
    generator: Any = PresenceGenerator(painter, Said(box="no", tiger="no"))
    canvases = generator.generate(FRAME, [REFERRING, Instruction(Task.DEPTH)])
    assert [canvas.rgb.shape for canvas in canvases] == [(45, 75, 3)] * 2
    assert not canvases[0].rgb.any()
    alone = generator.generate(FRAME, [REFERRING])[0]
    assert alone.rgb.shape == (90, 150, 3)


def test_the_unsure_is_painted() -> None:
    painter = Painter()
    PresenceGenerator(painter, Said(box="Hard to say.", tiger="no")).generate(FRAME, [REFERRING])
    assert [target.text for target in painter.asked[0].targets] == ["the box"]


def test_an_answer_holds_as_long_as_it_may() -> None:
    chat = Said(box="yes", tiger="no")
    generator = PresenceGenerator(Painter(), chat, keep_s=1.0)
    for stamp_ns, asked in [(0, 2), (900_000_000, 2), (1_100_000_000, 4), (500_000_000, 6)]:  # the clock went back
        generator.generate(Frame(rgb=FRAME.rgb, stamp_ns=stamp_ns), [REFERRING])
        assert len(chat.asked) == asked, stamp_ns


def test_a_local_model_answers(tiny_vlm: Path) -> None:
    chat = LocalChat(str(tiny_vlm), most_tokens=5)
    words = chat.ask("what could I sit on?", FRAME.rgb)
    assert words == chat.ask("what could I sit on?", FRAME.rgb)
    assert isinstance(words, str)
    assert words != ""
    assert chat.name == f"hf:{tiny_vlm}"
    with pytest.raises(GeneratorError, match="models get nobody/nothing"):
        load_chat("hf:nobody/nothing")


def test_a_folder_that_is_no_such_model(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text('{"model_type": "clip"}')
    with pytest.raises(GeneratorError, match=r"cannot be loaded as a vision-language model|not whole on this disk"):
        LocalChat(str(tmp_path))
