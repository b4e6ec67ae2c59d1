"""Models that look at a picture and answer in words: Gemini, an OpenAI-style chat endpoint, a local one.

The remote ones obey the same switch, budget and keys as remote generators.
"""

from __future__ import annotations

import base64
import json
from typing import Protocol

from vision_banana_ros.core import GeneratorError, UInt8Array
from vision_banana_ros.generators.remote.gemini import GeminiClient, why_none
from vision_banana_ros.generators.remote.loading import full_url
from vision_banana_ros.generators.remote.openai import CHAT, HTTP_KEY, Address
from vision_banana_ros.generators.remote.options import RemoteOptions, key_from, require_allowed
from vision_banana_ros.generators.remote.pacing import Pace
from vision_banana_ros.generators.remote.pictures import to_png
from vision_banana_ros.generators.remote.transport import post

MOST_TOKENS = 512


class Chat(Protocol):
    """`name` is what results are signed with."""

    @property
    def name(self) -> str: ...

    def ask(self, prompt: str, picture: UInt8Array) -> str:
        """The model's words about the picture; GeneratorError when there are none."""


def load_chat(name: str, *, options: RemoteOptions | None = None, device: str = "auto") -> Chat:
    """gemini:MODEL, http:URL#MODEL, or hf:ID for one on this disk (transformers)."""
    kind, _, rest = name.partition(":")
    if kind == "hf" and rest:
        from vision_banana_ros.generators.reasoning.local import LocalChat

        return LocalChat(rest, device=device, most_tokens=MOST_TOKENS)
    options = options or RemoteOptions.from_environment()
    if kind == "gemini" and rest:
        require_allowed(options, name)
        return GeminiChat(rest, options)
    if kind in ("http", "https") and rest:
        return HttpChat(name if kind == "https" else full_url(rest), options)
    raise GeneratorError(f"a language model is called gemini:MODEL, http:URL#MODEL or hf:ID, got {name!r}")


class GeminiChat:
    """Words by Gemini."""

    def __init__(self, model: str, options: RemoteOptions) -> None:
        self.name = f"gemini:{model}"
        self.pace = Pace(max_per_hour=options.max_per_hour)
        self._client = GeminiClient(model, options)
        self._seed = options.seed

    def ask(self, prompt: str, picture: UInt8Array) -> str:
        types = self._client.types
        self.pace.take(1)
        contents = [types.Part.from_bytes(data=to_png(picture), mime_type="image/png"), prompt]
        response = self._client.ask(contents, types.GenerateContentConfig(seed=self._seed))
        words = "".join(part.text for part in response.parts or [] if part.text and not part.thought)
        if not words.strip():
            raise GeneratorError(f"{self.name} said nothing: {why_none(response)}")
        return words


class HttpChat:
    """Words by an OpenAI-style server: POST {URL}/v1/chat/completions."""

    def __init__(self, url: str, options: RemoteOptions) -> None:
        self._address = Address(url, CHAT, key_from(HTTP_KEY))
        self.name = f"http:{self._address.host}" + (f"#{self._address.model}" if self._address.model else "")
        require_allowed(options, self.name)
        self.pace = Pace(max_per_hour=options.max_per_hour)
        self._options = options

    def ask(self, prompt: str, picture: UInt8Array) -> str:
        self.pace.take(1)
        data = base64.b64encode(to_png(picture)).decode()
        content = [
            {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{data}"}},
            {"type": "text", "text": prompt},
        ]
        body = {
            "model": self._address.model or "default",
            "messages": [{"role": "user", "content": content}],
            "temperature": 0,
            "max_tokens": MOST_TOKENS,
        }
        headers = {**self._address.headers, "Content-Type": "application/json", "Accept": "application/json"}
        found = post(self._address.url, json.dumps(body).encode(), headers, self._options, who=self.name).json(
            self.name
        )
        try:
            words = found["choices"][0]["message"]["content"]
        except (KeyError, IndexError, TypeError):
            words = None
        if not isinstance(words, str) or not words.strip():
            raise GeneratorError(f"{self.name} said nothing")
        return words
