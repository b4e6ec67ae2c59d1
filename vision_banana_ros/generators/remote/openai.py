"""The OpenAI-style image edit: POST {URL}/v1/images/edits, a form with the picture, answered with base64 in JSON.

Self-hosted servers of open editors speak it, and OpenAI itself. The address may be a server's root, its /v1, or the
whole; `#MODEL` names the model where a server has several.
"""

from __future__ import annotations

import base64
import binascii
import ipaddress
import secrets
from urllib.parse import urlsplit, urlunsplit

from vision_banana_ros.core import GeneratorError
from vision_banana_ros.generators.fitting import Fit, fit_grid
from vision_banana_ros.generators.remote.options import RemoteOptions
from vision_banana_ros.generators.remote.transport import Answer, post

EDITS, CHAT = "images/edits", "chat/completions"
HTTP_KEY = "VISION_BANANA_HTTP_KEY"
_MOST_PIXELS = 1024 * 1024


class Address:
    """URL[#MODEL], checked; `host` for messages, `model` "" where none is named."""

    def __init__(self, url: str, endpoint: str, key: str) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise GeneratorError(f"an address is http(s)://HOST[:PORT][/PATH][#MODEL], got {url!r}")
        if parts.username or parts.password:
            raise GeneratorError(f"keep the password out of the address of {parts.hostname}: set {HTTP_KEY}")
        if key and parts.scheme == "http" and not _is_near(parts.hostname):
            raise GeneratorError(
                f"the key would travel unencrypted to {parts.hostname}: use https, or unset {HTTP_KEY}"
            )
        path = parts.path.rstrip("/")
        if not path.endswith(endpoint):
            path = f"{path}/{endpoint}" if path.endswith("/v1") else f"{path}/v1/{endpoint}"
        self.url = urlunsplit((parts.scheme, parts.netloc, path, parts.query, ""))
        self.host = parts.netloc
        self.model = parts.fragment
        self.headers = {"Authorization": f"Bearer {key}"} if key else {}
        self.is_openai = parts.hostname == "api.openai.com"

    def __repr__(self) -> str:
        return f"Address({self.url!r})"  # never the headers


class OpenAIDoor:
    """A `Door` to /v1/images/edits."""

    def __init__(self, address: Address, options: RemoteOptions) -> None:
        self._address = address
        self._options = options

    def fit(self, frame_wh: tuple[int, int], size_wh: tuple[int, int] | None) -> Fit:
        return fit_grid(frame_wh, multiple=16, least_side=64, most_pixels=_MOST_PIXELS, most_aspect=8, size_wh=size_wh)

    def paint(self, png: bytes, prompt: str, fit: Fit) -> bytes:
        address = self._address
        fields = {"prompt": prompt, "size": f"{fit.model_wh[0]}x{fit.model_wh[1]}", "n": "1", "output_format": "png"}
        if address.model:
            fields["model"] = address.model
        if not address.is_openai:  # which refuses what it does not know
            fields |= {"response_format": "b64_json", "seed": str(self._options.seed)}
        body, content_type = _form(fields, png)
        headers = {**address.headers, "Content-Type": content_type, "Accept": "application/json"}
        return _picture(post(address.url, body, headers, self._options, who=address.host), address.host)


def _picture(answer: Answer, who: str) -> bytes:
    if answer.content_type.startswith("image/"):
        return answer.body
    found = answer.json(who).get("data")
    first = found[0] if isinstance(found, list) and found and isinstance(found[0], dict) else {}
    if isinstance(first.get("b64_json"), str) and first["b64_json"]:
        try:
            return base64.b64decode(first["b64_json"].rsplit(",", 1)[-1], validate=True)
        except binascii.Error as error:
            raise GeneratorError(f"{who} answered a picture that is no base64") from error
    if "url" in first:
        raise GeneratorError(f"{who} answered with an address to fetch from, which is not done: let it send b64_json")
    raise GeneratorError(f"{who} answered without a picture")


def _form(fields: dict[str, str], png: bytes) -> tuple[bytes, str]:
    boundary = f"canvas-{secrets.token_hex(16)}"
    parts = [
        f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode()
        for name, value in fields.items()
    ]
    head = (
        f'--{boundary}\r\nContent-Disposition: form-data; name="image"; filename="frame.png"\r\n'
        "Content-Type: image/png\r\n\r\n"
    ).encode()
    body = b"".join([*parts, head, png, f"\r\n--{boundary}--\r\n".encode()])
    return body, f"multipart/form-data; boundary={boundary}"


def _is_near(host: str) -> bool:
    """This machine or its own network."""
    if host == "localhost" or host.endswith((".local", ".lan", ".internal")):
        return True
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return "." not in host
    return address.is_private or address.is_loopback
