"""Engines on disk: built once per GPU, TensorRT version, model and profile; never trusted, always checked.

    file = magic, SHA-256 of all that follows, length of the key, key (JSON), engine

A file that is damaged, cut short or made for something else is built anew. Files are written beside their place and
moved there, so that a reader sees all of one or none. Two processes that need the same engine at once: one builds, the
other waits on a lock file and reads. Where the directory cannot be written, the engine lives in memory, and the log
says so.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from vision_banana_ros.models.manifest import Precision
from vision_banana_ros.runtimes.runtime import default_directory
from vision_banana_ros.runtimes.tensorrt.build import Profile, Shapes

__all__ = ["EngineCache", "EngineKey", "default_directory", "pack", "unpack"]

_MAGIC = b"vision-banana engine 1\n"
_DIGEST_BYTES = 32
_LENGTH_BYTES = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineKey:
    """All that an engine depends on: another value of any field needs another engine."""

    graph_sha256: str
    tensorrt: str
    gpu: str
    compute_capability: str
    precision: Precision
    profile: Profile | Shapes

    def to_json(self) -> bytes:
        return json.dumps(asdict(self), sort_keys=True).encode()

    @property
    def file_name(self) -> str:
        return f"{self.precision.value}-{hashlib.sha256(self.to_json()).hexdigest()[:20]}.engine"

    @property
    def timings_name(self) -> str:
        """What was measured on a GPU holds for every model on it."""
        place = f"{self.tensorrt} {self.gpu} {self.compute_capability}"
        return f"{hashlib.sha256(place.encode()).hexdigest()[:20]}.timings"


class EngineCache:
    """`get` gives the engine of a key, from disk or from `build`."""

    def __init__(self, directory: Path, tell: Callable[[str], None]) -> None:
        self._directory = directory
        self._tell = tell

    def get(self, key: EngineKey, build: Callable[[bytes], tuple[bytes, bytes]], *, anew: bool = False) -> bytes:
        """`build` takes what earlier builds measured, and gives the engine and what is known now. `anew` is for an
        engine that lies there whole, and that TensorRT refuses all the same.
        """
        with self._locked(key):
            engine = None if anew else self.load(key)
            if engine is not None:
                return engine
            engine, timings = build(self._read(key.timings_name) or b"")
            if self._write(key.file_name, pack(key, engine)):
                self._write(key.timings_name, timings)
            return engine

    def load(self, key: EngineKey) -> bytes | None:
        """The cached engine, or None where there is none that can be trusted."""
        data = self._read(key.file_name)
        if data is None:
            return None
        try:
            return unpack(key, data)
        except ValueError as error:
            self._tell(f"cached engine {self._directory / key.file_name} is {error}: building it anew")
            return None

    def _read(self, name: str) -> bytes | None:
        try:
            return (self._directory / name).read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            self._tell(f"cannot read {self._directory / name} ({error.strerror}): building without it")
            return None

    def _write(self, name: str, data: bytes) -> bool:
        try:
            self._directory.mkdir(parents=True, exist_ok=True)
            handle, draft = tempfile.mkstemp(dir=self._directory, prefix=f".{name}-")
            try:
                with os.fdopen(handle, "wb") as file:
                    file.write(data)
                    file.flush()
                    os.fsync(file.fileno())  # a robot loses power without shutting down
                os.replace(draft, self._directory / name)
            except BaseException:
                Path(draft).unlink(missing_ok=True)
                raise
        except OSError as error:
            self._tell(
                f"cannot keep the engine in {self._directory} ({error.strerror}): it runs from memory and is built "
                "again at the next start; make the directory writable, or name another: parameter engine_cache_dir, "
                "option --cache-dir"
            )
            return False
        return True

    @contextmanager
    def _locked(self, key: EngineKey) -> Iterator[None]:
        """Held while building. Without a writable directory there is nothing to share, and nothing to wait for."""
        try:
            self._directory.mkdir(parents=True, exist_ok=True)
            file = (self._directory / f"{key.file_name}.lock").open("w")
        except OSError:
            yield
            return
        with file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                self._tell("another process is building this engine: waiting for it")
                fcntl.flock(file, fcntl.LOCK_EX)
            except OSError:  # a file system without locks: two may build, and each writes a whole file
                pass
            yield  # closing the file unlocks it, also when a process dies


def pack(key: EngineKey, engine: bytes) -> bytes:
    stated = key.to_json()
    body = len(stated).to_bytes(_LENGTH_BYTES, "big") + stated + engine
    return _MAGIC + hashlib.sha256(body).digest() + body


def unpack(key: EngineKey, data: bytes) -> bytes:
    """The engine; ValueError says what the file is instead."""
    if not data.startswith(_MAGIC):
        raise ValueError("no engine file of this package")
    digest, body = data[len(_MAGIC) :][:_DIGEST_BYTES], data[len(_MAGIC) + _DIGEST_BYTES :]
    if hashlib.sha256(body).digest() != digest:
        raise ValueError("damaged or cut short")
    length = int.from_bytes(body[:_LENGTH_BYTES], "big")
    if body[_LENGTH_BYTES : _LENGTH_BYTES + length] != key.to_json():
        raise ValueError("made for another model, GPU or TensorRT")
    return body[_LENGTH_BYTES + length :]
