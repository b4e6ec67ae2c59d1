"""A question about a picture -> expressions that point at things -> those things painted.

The language model never touches a pixel and the painter never meets the question: what links them is the expressions,
which the result names, with the sentence they come from and the model that said it.
"""

from __future__ import annotations

import json
from dataclasses import dataclass

from vision_banana_ros.codecs.palette import Palette
from vision_banana_ros.core import Canvas, Frame, GeneratorError, InstructionError, Rgb, Target, Task
from vision_banana_ros.generators.reasoning.answers import read_expressions
from vision_banana_ros.generators.reasoning.chats import Chat
from vision_banana_ros.prompts import Generator, Instruction

_BLACK: Rgb = (0, 0, 0)
MOST_EXPRESSIONS = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Reasoned:
    """What `model` made of `question`: the answer in a sentence, and an expression for each thing that answers it."""

    question: str
    sentence: str
    expressions: tuple[str, ...]
    model: str

    def instruction(self) -> Instruction | None:
        """REFERRING for these things, in colours far from each other, around them black; None where there are none."""
        if not self.expressions:
            return None
        colors = Palette.distinct(len(self.expressions), avoid=(_BLACK,)).targets
        targets = tuple(Target(said, color) for said, color in zip(self.expressions, colors, strict=True))
        return Instruction(Task.REFERRING, targets, background=_BLACK)


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """A question's answer in words and, where anything answers it, painted by `painter`."""

    reasoned: Reasoned
    painter: str
    canvas: Canvas | None


def reason(frame: Frame, question: str, chat: Chat, *, most: int = MOST_EXPRESSIONS) -> Reasoned:
    """The things in the frame that answer `question`, as `chat` sees it."""
    question = " ".join(question.split())
    if not question:
        raise InstructionError("the question is empty: ask for instance 'what could I sit on?'")
    words = chat.ask(_asked(question, most), frame.rgb)
    found = read_expressions(words, most)
    if found is None:
        raise GeneratorError(f"{chat.name} named no things for {question!r}, it said {words.strip()[:80]!r}")
    sentence, expressions = found
    return Reasoned(question=question, sentence=sentence, expressions=expressions, model=chat.name)


def answer(frame: Frame, question: str, chat: Chat, painter: Generator) -> Answered:
    """The question answered in words, and painted: one call of each model."""
    if Task.REFERRING not in painter.tasks:
        raise GeneratorError(f"{painter.about.name} paints no referring expressions: name a generator that does")
    reasoned = reason(frame, question, chat)
    instruction = reasoned.instruction()
    canvas = None if instruction is None else painter.generate(frame, [instruction])[0]
    return Answered(reasoned=reasoned, painter=painter.about.name, canvas=canvas)


def _asked(question: str, most: int) -> str:
    return (
        f"Look at the picture and answer this question about it: {json.dumps(question, ensure_ascii=False)}\n"
        f"Name every thing in the picture that answers it, at most {most}, each by a short expression that fits it "
        'alone, such as "the red chair left of the table". Only things that can be seen.\n'
        'Reply with JSON only: {"sentence": "the answer in one sentence", "expressions": ["...", "..."]}. '
        "If nothing in the picture answers it, the list is empty."
    )
