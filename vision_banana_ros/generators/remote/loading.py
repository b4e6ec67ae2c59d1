"""gemini:MODEL and http:URL[#MODEL] -> a generator, if pictures may leave this machine."""

from __future__ import annotations

from typing import Any

from vision_banana_ros.core import About
from vision_banana_ros.generators.options import GeneratorOptions
from vision_banana_ros.generators.remote.gemini import GeminiClient, GeminiDoor
from vision_banana_ros.generators.remote.generator import RemoteGenerator
from vision_banana_ros.generators.remote.openai import EDITS, HTTP_KEY, Address, OpenAIDoor
from vision_banana_ros.generators.remote.options import RemoteOptions, key_from, require_allowed


def load_gemini(
    model: str, *, size_wh: tuple[int, int] | None = None, options: RemoteOptions | None = None
) -> RemoteGenerator:
    """`model` as the service calls it today, such as those of its list of image models."""
    options = options or RemoteOptions.from_environment()
    require_allowed(options, f"gemini:{model}")
    door = GeminiDoor(GeminiClient(model, options), options)
    return RemoteGenerator(door, _about(f"gemini:{model}", "the service's terms", options), options, size_wh=size_wh)


def load_http(
    url: str, *, size_wh: tuple[int, int] | None = None, options: RemoteOptions | None = None
) -> RemoteGenerator:
    """`url`: http(s)://HOST[:PORT][/v1][#MODEL], or what stands behind "http:" in http://HOST."""
    options = options or RemoteOptions.from_environment()
    address = Address(full_url(url), EDITS, key_from(HTTP_KEY))
    name = f"http:{address.host}" + (f"#{address.model}" if address.model else "")
    require_allowed(options, name)
    licence = "that of the model served there"
    return RemoteGenerator(OpenAIDoor(address, options), _about(name, licence, options), options, size_wh=size_wh)


def load_gemini_named(model: str, options: GeneratorOptions) -> RemoteGenerator:
    """What the registry calls for gemini:MODEL."""
    return load_gemini(model, size_wh=options.size, options=_remote_options(options))


def load_http_named(url: str, options: GeneratorOptions) -> RemoteGenerator:
    """What the registry calls for http:URL, and for http://HOST."""
    return load_http(url, size_wh=options.size, options=_remote_options(options))


def load_https_named(url: str, options: GeneratorOptions) -> RemoteGenerator:
    """What the registry calls for https://HOST."""
    return load_http(f"https:{url}", size_wh=options.size, options=_remote_options(options))


def _remote_options(options: GeneratorOptions) -> RemoteOptions:
    given: dict[str, Any] = {"max_rate_hz": options.max_rate_hz}
    if options.allow_remote is not None:
        given["allowed"] = options.allow_remote
    return RemoteOptions.from_environment(**given)


def full_url(url: str) -> str:
    """ "//host/v1", as http://host/v1 reads once its "http:" is taken off, and "host:8000" are http."""
    if url.startswith("//"):
        return f"http:{url}"
    return url if "://" in url else f"http://{url}"


def _about(name: str, licence: str, options: RemoteOptions) -> About:
    # Whose colours are metres is not known of a model that was not tuned to the code, nor the same twice of a service.
    return About(name=name, licence=licence, metric=options.tuned, deterministic=False, cost="remote")
