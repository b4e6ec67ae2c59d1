"""Raw messages of a ROS 2 bag, mcap or sqlite3, whole or damaged: by rosbags, without ROS.

A bag whose recorder was killed has no index, and often no metadata.yaml: an mcap is then read record by record from its
start, a sqlite3 file row by row, as far as each is whole.

Reference: MCAP 0 specification (mcap.dev/spec): magic, then records of opcode (1 byte), length (8), content.
"""

from __future__ import annotations

import sqlite3
import struct
from collections.abc import Callable, Collection, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from vision_banana_ros.core import DataError, require_package

_MCAP_MAGIC = b"\x89MCAP0\r\n"
_SCHEMA, _CHANNEL, _MESSAGE, _CHUNK, _DATA_END = 0x03, 0x04, 0x05, 0x06, 0x0F
#: No record of a camera is larger; a damaged length is.
_LARGEST_RECORD = 1 << 30


@dataclass(frozen=True, slots=True)
class Topic:
    """`count` is -1 where the file does not tell."""

    name: str
    msgtype: str
    count: int


@dataclass(frozen=True, slots=True, eq=False)
class RawMessage:
    topic: str
    msgtype: str
    log_ns: int
    data: bytes


class BagMessages:
    """What is in a bag. `damage` says in a line what is wrong with the file, empty when nothing is."""

    def __init__(self, path: Path) -> None:
        require_package("rosbags", extra="bags", purpose="Reading ROS 2 bags")
        self._path = path
        self.damage = ""
        self._files: list[Path] = []
        self.topics = self._open()

    def _open(self) -> list[Topic]:
        from rosbags.rosbag2 import Reader, ReaderError

        try:
            with Reader(self._path) as reader:
                return [Topic(c.topic, c.msgtype, c.msgcount) for c in reader.connections]
        except (ReaderError, OSError, ValueError, KeyError, struct.error, TypeError) as error:
            reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        except Exception as error:  # SQLite's own errors have no common base that is ours to import
            reason = f"{type(error).__name__} {error}"
        is_folder = self._path.is_dir()
        self._files = (
            sorted(f for f in self._path.iterdir() if f.suffix in (".mcap", ".db3")) if is_folder else [self._path]
        )
        if not self._files:
            raise DataError(f"{self._path} is no ROS 2 bag: it holds neither .mcap nor .db3 ({reason})")
        self.damage = f"{self._path.name}: no whole bag ({reason}): what can be read is used"
        found: dict[str, str] = {}
        for message in self._salvaged(()):
            found.setdefault(message.topic, message.msgtype)
        if not found:
            raise DataError(f"{self._path} is no ROS 2 bag that can be read: {reason}")
        return [Topic(name, msgtype, -1) for name, msgtype in found.items()]

    def read(self, topics: Collection[str]) -> Iterator[RawMessage]:
        """Messages of these topics (empty: of all) in the order of the log."""
        if self.damage:
            yield from self._salvaged(topics)
            return
        from rosbags.rosbag2 import Reader, ReaderError

        with Reader(self._path) as reader:
            wanted = [c for c in reader.connections if not topics or c.topic in topics]
            if not wanted:
                return
            try:
                for connection, log_ns, data in reader.messages(wanted):
                    yield RawMessage(connection.topic, connection.msgtype, log_ns, data)
            except (ReaderError, OSError, ValueError, struct.error) as error:
                self.damage = f"{self._path.name}: breaks off ({error}): what came before is used"
            except Exception as error:
                if "apsw" not in type(error).__module__:
                    raise
                self.damage = f"{self._path.name}: breaks off ({error}): what came before is used"

    def _salvaged(self, topics: Collection[str]) -> Iterator[RawMessage]:
        for file in self._files:
            messages = _mcap_messages if file.suffix == ".mcap" else _sqlite_messages
            yield from messages(file, lambda topic: not topics or topic in topics)


def _mcap_messages(path: Path, wanted: Callable[[str], bool]) -> Iterator[RawMessage]:
    schemas: dict[int, str] = {}
    channels: dict[int, tuple[str, str]] = {}
    with path.open("rb") as file:
        if file.read(8) != _MCAP_MAGIC:
            return
        for opcode, content in _records(file):
            if opcode == _DATA_END:
                return
            inner = _chunk_records(content) if opcode == _CHUNK else iter([(opcode, content)])
            for kind, body in inner:
                if kind == _SCHEMA:
                    schemas[struct.unpack_from("<H", body)[0]] = _text(body, 2)[0]
                elif kind == _CHANNEL:
                    number, schema = struct.unpack_from("<HH", body)
                    channels[number] = (_text(body, 4)[0], schemas.get(schema, ""))
                elif kind == _MESSAGE:
                    number, _, log_ns = struct.unpack_from("<HIQ", body)
                    if number in channels and wanted(channels[number][0]):
                        yield RawMessage(*channels[number], log_ns, body[22:])


def _records(file: BinaryIO) -> Iterator[tuple[int, bytes]]:
    while len(head := file.read(9)) == 9:
        length = int.from_bytes(head[1:], "little")
        if length > _LARGEST_RECORD:
            return
        content = file.read(length)
        if len(content) < length:
            if head[0] == _CHUNK:
                yield head[0], content  # its first messages may be whole
            return
        yield head[0], content


def _chunk_records(content: bytes) -> Iterator[tuple[int, bytes]]:
    size = struct.unpack_from("<Q", content, 16)[0]
    compression, at = _text(content, 28)
    packed = content[at + 8 :]
    raw = packed
    if compression:
        try:
            raw = _decompressed(packed, compression, size)
        except Exception:  # whatever a codec raises, the chunk is lost and no more than it
            return
    at = 0
    while at + 9 <= len(raw):
        length = int.from_bytes(raw[at + 1 : at + 9], "little")
        if at + 9 + length > len(raw):
            return
        yield raw[at], raw[at + 9 : at + 9 + length]
        at += 9 + length


def _decompressed(packed: bytes, compression: str, size: int) -> bytes:
    """By the codecs that rosbags brings."""
    if compression == "lz4":
        from importlib import import_module  # has no types

        return bytes(import_module("lz4.frame").decompress(packed))
    try:
        from compression import zstd  # type: ignore[import-not-found, unused-ignore]
    except ImportError:
        from backports import zstd
    return bytes(zstd.decompress(packed))[:size]


def _text(body: bytes, at: int) -> tuple[str, int]:
    length = struct.unpack_from("<I", body, at)[0]
    return body[at + 4 : at + 4 + length].decode("utf-8", "replace"), at + 4 + length


def _sqlite_messages(path: Path, wanted: Callable[[str], bool]) -> Iterator[RawMessage]:
    with suppress(sqlite3.Error):
        # the journal of a recorder that was killed holds its last seconds; without one nobody is writing
        how = "mode=ro" if path.with_name(path.name + "-wal").exists() else "mode=ro&immutable=1"
        connection: Any = sqlite3.connect(f"file:{path}?{how}", uri=True)
        try:
            connection.execute("PRAGMA writable_schema = ON")  # else a file shorter than its header says is refused
            topics = {i: (name, kind) for i, name, kind in connection.execute("SELECT id, name, type FROM topics")}
            # by row: the index on time is what a cut takes first
            for topic, log_ns, data in connection.execute("SELECT topic_id, timestamp, data FROM messages"):
                if topic in topics and wanted(topics[topic][0]):
                    yield RawMessage(*topics[topic], log_ns, bytes(data))
        finally:
            connection.close()
