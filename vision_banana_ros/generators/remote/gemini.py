"""Gemini's image models by google-genai, which is imported here alone.

They paint a few shapes only, in 1K pixels or so: the frame is padded to the nearest shape, the answer is cropped back.
Models come and go by the month, so the user names one; there is no default.
"""

from __future__ import annotations

from importlib.util import find_spec
from typing import Any

from vision_banana_ros.core import GeneratorError, MissingExtraError
from vision_banana_ros.generators.fitting import Fit, fit_aspect
from vision_banana_ros.generators.remote.options import RemoteOptions, key_from

#: Shapes that every image model of the family paints.
ASPECTS = ((1, 1), (2, 3), (3, 2), (3, 4), (4, 3), (4, 5), (5, 4), (9, 16), (16, 9), (21, 9))
_KEYS = ("GEMINI_API_KEY", "GOOGLE_API_KEY")
_MOST_SIDE = 1024
_RETRIED = [408, 429, 500, 502, 503, 504]
#: Why there was no picture: asked again, another seed may bring one. All other reasons stand.
_BAD_LUCK = ("NO_IMAGE", "IMAGE_OTHER", "OTHER", "MALFORMED_RESPONSE")


class GeminiClient:
    """google-genai with our deadlines and retries; the key is read from the environment and kept nowhere else."""

    def __init__(self, model: str, options: RemoteOptions) -> None:
        if find_spec("google") is None or find_spec("google.genai") is None:
            raise MissingExtraError(package="google-genai", extra="remote", purpose="asking Gemini")
        from google import genai
        from google.genai import types

        key = key_from(*_KEYS)
        if not key:
            raise GeneratorError(f"gemini:{model} needs a key: set {_KEYS[0]} in the environment")
        self.model = model
        self.types: Any = types
        self._key = key
        self._client = genai.Client(
            api_key=key,
            http_options=types.HttpOptions(
                base_url=options.base_url or None,
                timeout=max(1, round(options.timeout_s * 1000)),
                retry_options=types.HttpRetryOptions(
                    attempts=options.attempts, initial_delay=options.first_wait_s, max_delay=options.most_wait_s,
                    http_status_codes=_RETRIED,
                ),
            ),
        )  # fmt: skip

    def __repr__(self) -> str:
        return f"GeminiClient({self.model!r})"

    def ask(self, contents: list[Any], config: Any) -> Any:
        """The response; GeneratorError in one line, from which the key is taken out."""
        from google.genai import errors

        try:
            return self._client.models.generate_content(model=self.model, contents=contents, config=config)
        except errors.APIError as error:
            said = " ".join(str(error.message or error.status or "").split())[:160]
            raise self._failed(_explained(error.code, said)) from None
        except Exception as error:  # the HTTP library's own errors, which google-genai does not wrap
            if isinstance(error, TimeoutError) or "timeout" in type(error).__name__.lower():
                raise self._failed("no answer in time") from None
            raise self._failed(f"cannot be asked: {type(error).__name__}: {str(error)[:160]}") from None

    def _failed(self, why: str) -> GeneratorError:
        return GeneratorError(f"gemini:{self.model}: {why}".replace(self._key, "***"))


class GeminiDoor:
    """A `Door` to generate_content with a picture as the answer."""

    def __init__(self, client: GeminiClient, options: RemoteOptions) -> None:
        self._client = client
        self._options = options

    def fit(self, frame_wh: tuple[int, int], size_wh: tuple[int, int] | None) -> Fit:
        return fit_aspect(frame_wh, ASPECTS, most_side=_MOST_SIDE, size_wh=size_wh)[0]

    def paint(self, png: bytes, prompt: str, fit: Fit) -> bytes:
        types = self._client.types
        aspect = min(ASPECTS, key=lambda a: abs(a[0] / a[1] * fit.model_wh[1] / fit.model_wh[0] - 1))
        contents = [types.Part.from_bytes(data=png, mime_type="image/png"), prompt]
        why = ""
        for attempt in range(min(2, self._options.attempts)):
            config = types.GenerateContentConfig(
                response_modalities=["IMAGE"],
                image_config=types.ImageConfig(aspect_ratio=f"{aspect[0]}:{aspect[1]}"),
                seed=self._options.seed + attempt,
            )
            response = self._client.ask(contents, config)
            picture = _picture(response)
            if picture is not None:
                return picture
            why = why_none(response)
            if why not in _BAD_LUCK:
                break
        raise GeneratorError(f"gemini:{self._client.model} painted no picture: {why}")


def _picture(response: Any) -> bytes | None:
    parts = [part for part in response.parts or [] if part.inline_data and part.inline_data.data]
    return None if not parts else bytes(parts[-1].inline_data.data)  # the last: earlier ones are drafts


def why_none(response: Any) -> str:
    """The reason that the service gives for an answer without content."""
    blocked = getattr(response.prompt_feedback, "block_reason", None)
    if blocked is not None:
        return f"the prompt was blocked ({getattr(blocked, 'name', blocked)})"
    reasons = [c.finish_reason for c in response.candidates or [] if c.finish_reason is not None]
    return str(getattr(reasons[0], "name", reasons[0])) if reasons else "it said nothing"


def _explained(code: int | None, said: str) -> str:
    if code in (401, 403) or (code == 400 and "api key" in said.lower()):
        return f"the key is refused (HTTP {code}): check {_KEYS[0]}"
    if code == 404:
        return f"no such model ({said}): see the service's list for today's names"
    if code == 429:
        return f"the quota is used up: {said}"
    return f"HTTP {code}: {said}"
