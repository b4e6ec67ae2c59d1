"""What is set for large messages, and what is left alone."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from collections import namedtuple
from pathlib import Path

import pytest

from vision_banana_ros.ros import transport

ROOT = Path(__file__).parents[2]
_Usage = namedtuple("_Usage", "total used free")


def _with_room(monkeypatch: pytest.MonkeyPatch, megabytes: int) -> None:
    free = megabytes * transport.MEGABYTE
    monkeypatch.setattr(transport.shutil, "disk_usage", lambda _: _Usage(free, 0, free))


@pytest.mark.parametrize(("room", "segment"), [(4000, 128), (172, 128), (170, 64), (64, 32), (25, 16)])
def test_the_segment_is_as_large_as_the_room_allows(monkeypatch: pytest.MonkeyPatch, room: int, segment: int) -> None:
    _with_room(monkeypatch, room)
    environment: dict[str, str] = {}
    applied = transport.use_large_shared_memory(environment)
    assert applied.ok
    profile = Path(environment["FASTDDS_DEFAULT_PROFILES_FILE"])
    text = profile.read_text(encoding="utf-8")
    profile.unlink()
    assert re.findall(r"<segment_size>(\d+)<", text) == [str(segment * transport.MEGABYTE)]
    ElementTree.fromstring(text)


def test_without_room_there_is_a_warning_with_the_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    _with_room(monkeypatch, 20)
    environment: dict[str, str] = {}
    applied = transport.use_large_shared_memory(environment)
    assert not applied.ok
    assert "--shm-size" in applied.words
    assert environment == {}


def test_without_shared_memory_there_is_a_warning(tmp_path: Path) -> None:
    environment: dict[str, str] = {}
    applied = transport.use_large_shared_memory(environment, shm=tmp_path / "absent")
    assert not applied.ok
    assert environment == {}


@pytest.mark.parametrize("name", ["FASTDDS_DEFAULT_PROFILES_FILE", "FASTRTPS_DEFAULT_PROFILES_FILE"])
def test_a_profile_of_the_users_own_is_left_alone(name: str) -> None:
    environment = {name: "/my/profile.xml"}
    assert name in transport.use_large_shared_memory(environment).words
    assert environment == {name: "/my/profile.xml"}


def test_another_middleware_is_left_alone() -> None:
    environment = {"RMW_IMPLEMENTATION": "rmw_cyclonedds_cpp"}
    assert transport.use_large_shared_memory(environment).ok
    assert len(environment) == 1


@pytest.mark.parametrize(
    "environment",
    [
        {"MALLOC_TRIM_THRESHOLD_": "1"},
        {"MALLOC_MMAP_THRESHOLD_": "1"},
        {"GLIBC_TUNABLES": "glibc.malloc.tcache_count=1"},
    ],
)
def test_malloc_settings_of_the_users_own_are_left_alone(environment: dict[str, str]) -> None:
    assert "left to" in transport.keep_large_allocations(environment).words


@pytest.mark.skipif(sys.platform != "linux", reason="mallopt is glibc's")
def test_freed_memory_stays_in_the_process() -> None:
    """Without the settings glibc unmaps a freed 64 MB block at once; measured in a process of its own."""
    script = (
        "import ctypes, os, sys\n"
        "from vision_banana_ros.ros.transport import keep_large_allocations\n"
        "if sys.argv[1] == 'kept': keep_large_allocations({})\n"
        "libc = ctypes.CDLL(None); libc.malloc.restype = ctypes.c_void_p; libc.free.argtypes = [ctypes.c_void_p]\n"
        "block = libc.malloc(64 << 20); ctypes.memset(ctypes.c_void_p(block), 1, 64 << 20); libc.free(block)\n"
        "print(int(open('/proc/self/statm').read().split()[1]) * os.sysconf('SC_PAGE_SIZE') >> 20)\n"
    )
    environment = {name: value for name, value in os.environ.items() if "MALLOC" not in name and "TUNABLES" not in name}
    resident = {
        mode: int(
            subprocess.run(
                [sys.executable, "-c", script, mode], env=environment, capture_output=True, check=True
            ).stdout
        )
        for mode in ("kept", "default")
    }
    assert resident["kept"] - resident["default"] > 50


def test_the_profile_in_config_is_the_one_inside() -> None:
    inside = ROOT / "vision_banana_ros" / "ros" / "data" / "fastdds_large_messages.xml"
    assert (ROOT / "config" / "fastdds_large_messages.xml").read_bytes() == inside.read_bytes()
