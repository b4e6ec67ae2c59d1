"""One POST, with a deadline, retries and plain words about what went wrong. The standard library alone.

Retried: no connection, time-outs, 408, 429 and 5xx, after a wait that doubles, or the one that the server asks for.
Redirections are not followed: they would carry picture and key to a machine that nobody named.
"""

from __future__ import annotations

import http.client
import json
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from vision_banana_ros.core import GeneratorError
from vision_banana_ros.generators.remote.options import RemoteOptions

_RETRIED = frozenset((408, 429, 500, 502, 503, 504))
_MOST_BYTES = 64 << 20
_CHUNK = 1 << 16


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back with status 200."""

    body: bytes
    content_type: str

    def json(self, who: str) -> dict[str, Any]:
        """The body as a JSON object; GeneratorError when it is none."""
        try:
            found = json.loads(self.body)
        except ValueError:
            found = None
        if not isinstance(found, dict):
            raise GeneratorError(f"{who} answered no JSON but {self.body[:40]!r}: is this the address of its API?")
        return found


class _FailedError(Exception):
    """One attempt: why it failed, whether another is worth it and how long the server wants to be left alone."""

    def __init__(self, why: str, *, again: bool, wait_s: float = 0.0) -> None:
        super().__init__(why)
        self.again = again
        self.wait_s = wait_s


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: Any) -> None:
        return None


_OPENER = urllib.request.build_opener(_NoRedirects)


def post(
    url: str,
    body: bytes,
    headers: Mapping[str, str],
    options: RemoteOptions,
    *,
    who: str,
    sleep: Callable[[float], None] = time.sleep,
) -> Answer:
    """The answer to a POST; GeneratorError after the last attempt. `who` is the server's name in messages."""
    wait_s = options.first_wait_s
    for attempt in range(1, options.attempts + 1):
        try:
            return _once(url, body, headers, options.timeout_s)
        except _FailedError as failed:
            if not failed.again or attempt == options.attempts:
                tried = f" ({attempt} attempts)" if attempt > 1 else ""
                raise GeneratorError(f"{who}: {failed}{tried}") from None  # the cause may hold headers, and so the key
            sleep(min(max(wait_s, failed.wait_s), options.most_wait_s))
            wait_s *= 2
    raise AssertionError("unreachable")


def _once(url: str, body: bytes, headers: Mapping[str, str], timeout_s: float) -> Answer:
    request = urllib.request.Request(url, data=body, headers=dict(headers), method="POST")
    deadline = time.monotonic() + timeout_s
    try:
        with _OPENER.open(request, timeout=timeout_s) as response:
            return Answer(_read(response, deadline, timeout_s), response.headers.get("Content-Type", ""))
    except urllib.error.HTTPError as error:
        raise _explained(error) from None
    except TimeoutError as error:
        raise _FailedError(f"no answer within {timeout_s:g} s", again=True) from error
    except urllib.error.URLError as error:
        if isinstance(error.reason, TimeoutError):
            raise _FailedError(f"no answer within {timeout_s:g} s", again=True) from error
        raise _FailedError(f"cannot be reached: {error.reason}", again=True) from error
    except (http.client.HTTPException, OSError) as error:
        raise _FailedError(f"broke the connection off: {type(error).__name__}", again=True) from error


def _read(response: Any, deadline: float, timeout_s: float) -> bytes:
    """A server that sends a byte now and then keeps every single read alive, so the whole has a deadline too."""
    parts, size = [], 0
    while chunk := response.read1(_CHUNK):
        parts.append(chunk)
        size += len(chunk)
        if size > _MOST_BYTES:
            raise _FailedError(f"sent more than {_MOST_BYTES >> 20} MiB", again=False)
        if time.monotonic() > deadline:
            raise _FailedError(f"no whole answer within {timeout_s:g} s", again=True)
    return b"".join(parts)


def _explained(error: urllib.error.HTTPError) -> _FailedError:
    said = _message(error)
    if error.code in (401, 403):
        return _FailedError(f"refused the key or has none of yours (HTTP {error.code})", again=False)
    if error.code == 429 and "quota" in said.lower():
        return _FailedError(f"the quota is used up: {said}", again=False)
    if 300 <= error.code < 400:
        return _FailedError(
            f"sends elsewhere (HTTP {error.code}), which is not followed: give the final address", again=False
        )
    wait = error.headers.get("Retry-After", "") if error.headers else ""
    wait_s = float(wait) if wait.isdigit() else 0.0
    return _FailedError(f"HTTP {error.code}: {said or error.reason}", again=error.code in _RETRIED, wait_s=wait_s)


def _message(error: urllib.error.HTTPError) -> str:
    """The server's own words, one line of them."""
    try:
        text = error.read(4096).decode("utf-8", "replace")
    except (OSError, http.client.HTTPException):
        return ""
    try:
        found = json.loads(text)
        inner = found.get("error", found.get("detail", ""))
        text = str(inner.get("message", "")) if isinstance(inner, dict) else str(inner)
    except (ValueError, AttributeError):
        text = ""  # an HTML page, most likely
    return " ".join(text.split())[:160]
