"""A server on this machine that stands in for remote models: it answers by a list of acts, then by painting.

It speaks both tongues: Gemini's generateContent and the OpenAI-style image edit and chat. What it was asked is kept.
"""

from __future__ import annotations

import base64
import email.parser
import email.policy
import json
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import cv2
import numpy as np


@dataclass
class Asked:
    """One request: path, headers in lower case, prompt, picture and the other fields."""

    path: str
    headers: dict[str, str]
    prompt: str
    picture: np.ndarray | None
    fields: dict[str, Any]


@dataclass
class FakeServer:
    """acts: what to do with the next requests, one each: (status, JSON), "slow", "drip", "garbage", "hang up", "html",
    "no picture", "moved". paint: (picture, prompt) -> picture; write: picture -> file; say: (prompt, picture) -> words.
    """

    acts: list[Any] = field(default_factory=list)
    asked: list[Asked] = field(default_factory=list)
    paint: Callable[[np.ndarray, str], np.ndarray] = lambda picture, _prompt: picture
    say: Callable[[str, np.ndarray | None], str] = lambda _prompt, _picture: "nothing"
    write: Callable[[np.ndarray], bytes] = lambda rgb: as_file(rgb, ".png")
    retry_after: str = ""

    def __post_init__(self) -> None:
        self.stop = threading.Event()
        handler = type("Handler", (_Handler,), {"fake": self})
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def close(self) -> None:
        self.stop.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def as_file(rgb: np.ndarray, kind: str, quality: int = 90) -> bytes:
    parameters = [cv2.IMWRITE_JPEG_QUALITY, quality] if kind == ".jpg" else []
    return bytes(cv2.imencode(kind, np.ascontiguousarray(rgb[..., ::-1]), parameters)[1])


class _Handler(BaseHTTPRequestHandler):
    fake: FakeServer
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: Any) -> None:
        pass

    def do_POST(self) -> None:
        with suppress(BrokenPipeError, ConnectionResetError):  # the client had enough
            self._answer()

    def _answer(self) -> None:
        asked = self._read()
        self.fake.asked.append(asked)
        act = self.fake.acts.pop(0) if self.fake.acts else "paint"
        if act == "slow":
            self.fake.stop.wait(5)
            self.close_connection = True
        elif act == "drip":
            self._drip()
        elif act == "hang up":
            self.close_connection = True
        elif act == "garbage":
            self._send(200, b"\x00\xffnot json", "application/json")
        elif act == "html":
            self._send(502, b"<html>bad gateway</html>", "text/html")
        elif act == "moved":
            self._send(307, b"", "text/plain", {"Location": "http://elsewhere.invalid/"})
        elif isinstance(act, tuple):
            headers = {"Retry-After": self.fake.retry_after} if self.fake.retry_after else {}
            self._send(act[0], json.dumps(act[1]).encode(), "application/json", headers)
        else:
            self._send(200, json.dumps(self._painted(asked, act)).encode(), "application/json")

    def _painted(self, asked: Asked, act: str) -> dict[str, Any]:
        is_gemini = "generateContent" in asked.path
        wants_words = asked.path.endswith("chat/completions") or (
            is_gemini and "IMAGE" not in asked.fields.get("responseModalities", [])
        )
        if wants_words:
            words = self.fake.say(asked.prompt, asked.picture)
            if is_gemini:
                return {
                    "candidates": [{"content": {"role": "model", "parts": [{"text": words}]}, "finishReason": "STOP"}]
                }
            return {"choices": [{"message": {"role": "assistant", "content": words}}]}
        if act == "no picture":
            return {"candidates": [{"finishReason": "IMAGE_SAFETY"}]} if is_gemini else {"data": []}
        assert asked.picture is not None
        data = base64.b64encode(self.fake.write(self.fake.paint(asked.picture, asked.prompt))).decode()
        if not is_gemini:
            return {"created": 1, "data": [{"b64_json": data}]}
        parts = [{"text": "Here it is."}, {"inlineData": {"mimeType": "image/png", "data": data}}]
        return {"candidates": [{"content": {"role": "model", "parts": parts}, "finishReason": "STOP", "index": 0}]}

    def _drip(self) -> None:
        """A byte now and then: no single read takes long."""
        self.send_response(200)
        self.send_header("Content-Length", "1000000")
        self.end_headers()
        end = time.monotonic() + 5
        while time.monotonic() < end and not self.fake.stop.wait(0.02):
            self.wfile.write(b" ")
            self.wfile.flush()

    def _read(self) -> Asked:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        headers = {name.lower(): value for name, value in self.headers.items()}
        if headers["content-type"].startswith("multipart/form-data"):
            return self._read_form(headers, body)
        found = json.loads(body)
        if "contents" in found:
            parts = [part for content in found["contents"] for part in content["parts"]]
            pictures = [part["inlineData"]["data"] for part in parts if "inlineData" in part]
            prompt = " ".join(part["text"] for part in parts if "text" in part)
            fields = found.get("generationConfig", {})
        else:
            parts = found["messages"][-1]["content"]
            urls = [part["image_url"]["url"] for part in parts if part["type"] == "image_url"]
            pictures = [url.split(",", 1)[1] for url in urls]
            prompt = " ".join(part["text"] for part in parts if part["type"] == "text")
            fields = {name: value for name, value in found.items() if name != "messages"}
        picture = (
            _opened(base64.urlsafe_b64decode(pictures[0].replace("+", "-").replace("/", "_"))) if pictures else None
        )
        return Asked(self.path, headers, prompt, picture, fields)

    def _read_form(self, headers: dict[str, str], body: bytes) -> Asked:
        head = f"Content-Type: {headers['content-type']}\r\n\r\n".encode()
        message = email.parser.BytesParser(policy=email.policy.HTTP).parsebytes(head + body)
        fields = {part.get_param("name", header="content-disposition"): part for part in message.iter_parts()}
        picture = _opened(fields.pop("image").get_payload(decode=True))
        words = {name: part.get_payload(decode=True).decode() for name, part in fields.items()}
        return Asked(self.path, headers, words.pop("prompt"), picture, words)

    def _send(self, status: int, body: bytes, kind: str, headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def _opened(data: bytes) -> np.ndarray:
    return np.ascontiguousarray(cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)[..., ::-1])
