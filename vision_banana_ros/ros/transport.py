"""Settings of the process that large messages need, applied before rclpy.init() unless the user has set their own.

Shared memory. Fast DDS's segment is 512 KB by default, and best-effort samples beyond that mostly get lost between
two processes. data/fastdds_large_messages.xml gives the publisher a segment of its own: 128 MB for the perception node,
six frames of everything at VGA, and 32 MB for a camera; VISION_BANANA_SEGMENT_MB says otherwise. The system takes it
whole, used or not. Where /dev/shm has not that much room (Docker's default is 64 MB) a smaller one, or none and a
warning. Segments of processes that were killed stay; the next start removes them. The profile also gives a receiver a
queue of 8192 pieces of a message; with Fast DDS's 512 one that is late loses even 17 MB (ros/receivers.py).

malloc. glibc maps and unmaps each large message anew, and the page faults cost more than the copying. Two thresholds,
set together, keep such memory in the process: M_MMAP_THRESHOLD and M_TRIM_THRESHOLD. Either alone makes it worse.
"""

from __future__ import annotations

import atexit
import contextlib
import ctypes
import fcntl
import os
import re
import shutil
import tempfile
import time
from collections.abc import Mapping, MutableMapping
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

MEGABYTE = 2**20
SEGMENT_VARIABLE = "VISION_BANANA_SEGMENT_MB"
#: What is tried, best first, and the part of the free room that one process may take.
SEGMENT_SIZES: tuple[int, ...] = (128 * MEGABYTE, 64 * MEGABYTE, 32 * MEGABYTE, 16 * MEGABYTE)
#: Enough for a camera's images up to full HD.
CAMERA_SEGMENT = 32 * MEGABYTE
_SHARE_OF_ROOM = 0.75
_PROFILE_VARIABLES = ("FASTDDS_DEFAULT_PROFILES_FILE", "FASTRTPS_DEFAULT_PROFILES_FILE")
_MALLOC_VARIABLES = ("MALLOC_MMAP_THRESHOLD_", "MALLOC_TRIM_THRESHOLD_")
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3
_SHM = Path("/dev/shm")
_YOUNG_S = 2.0


@dataclass(frozen=True, slots=True)
class Applied:
    """What was done, in a line for the log; `ok` is False when large messages may get lost."""

    ok: bool
    words: str


def prepare_process(largest_segment: int = SEGMENT_SIZES[0]) -> tuple[Applied, ...]:
    """Apply both to this process and its environment, and clean up after processes that were killed."""
    removed = remove_orphans()
    applied = (
        use_large_shared_memory(os.environ, largest=largest_segment),
        keep_large_allocations(os.environ),
    )
    if not removed:
        return applied
    return Applied(True, f"shared memory: removed {removed} segments of processes that were killed"), *applied


def use_large_shared_memory(
    environment: MutableMapping[str, str], *, shm: Path = _SHM, largest: int = SEGMENT_SIZES[0]
) -> Applied:
    own = next((name for name in _PROFILE_VARIABLES if environment.get(name)), None)
    if own is not None:
        return Applied(True, f"shared memory: left to {own}={environment[own]}")
    rmw = environment.get("RMW_IMPLEMENTATION", "rmw_fastrtps_cpp")
    if "fastrtps" not in rmw:
        return Applied(True, f"shared memory: left to {rmw}")
    try:
        free = shutil.disk_usage(shm).free
    except OSError:
        return Applied(False, f"shared memory: no {shm}, so messages go by UDP and large ones may get lost")
    try:
        sizes = _sizes(environment, largest)
    except ValueError:
        return Applied(False, f"shared memory: {SEGMENT_VARIABLE} must be megabytes, left as the system has it")
    size = next((size for size in sizes if size <= free * _SHARE_OF_ROOM), None)
    if size is None:
        return Applied(
            False,
            f"shared memory: only {free // MEGABYTE} MB free in {shm}, so large messages may get lost: remove old "
            "segments (fastdds shm clean) or give the container more (docker run --shm-size=512m, or --ipc=host)",
        )
    environment[_PROFILE_VARIABLES[0]] = str(_write_profile(size))
    return Applied(True, f"shared memory: a segment of {size // MEGABYTE} MB (Fast DDS profile large_messages)")


def _sizes(environment: Mapping[str, str], largest: int) -> list[int]:
    asked = environment.get(SEGMENT_VARIABLE)
    if asked:
        largest = int(asked) * MEGABYTE
    return [largest, *(size for size in SEGMENT_SIZES if size < largest)]


def segment_bytes(environment: Mapping[str, str]) -> int | None:
    """The size of this process's segment, ours or one by a profile of the user's; None where that cannot be told."""
    profile = next((environment[name] for name in _PROFILE_VARIABLES if environment.get(name)), None)
    if profile is None:
        return None
    try:
        size = re.search(r"<segment_size>\s*(\d+)\s*<", Path(profile).read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError):
        return None
    return None if size is None else int(size[1])


def remove_orphans(shm: Path = _SHM) -> int:
    """Segments whose owner was killed; their number. Fast DDS locks NAME_el while the owner of NAME lives, as its own
    `fastdds shm clean` asks too. What is younger than a moment may just be coming into being.
    """
    removed = 0
    for lock in [*shm.glob("fastdds_*_el"), *shm.glob("fastrtps_*_el")]:
        try:
            if "_port" in lock.name or time.time() - lock.stat().st_ctime < _YOUNG_S:
                continue  # ports are shared, and Fast DDS opens those of the dead again by itself
            with lock.open("r+b") as file:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                segment = lock.with_name(lock.name.removesuffix("_el"))
                segment.unlink(missing_ok=True)
                lock.unlink(missing_ok=True)
                removed += 1
        except OSError:
            continue  # alive, another user's, or gone meanwhile
    return removed


def _write_profile(size: int) -> Path:
    """A private copy of the profile with that segment size; Fast DDS reads it while the node starts."""
    text = resources.files("vision_banana_ros.ros").joinpath("data", "fastdds_large_messages.xml").read_text("utf-8")
    handle, name = tempfile.mkstemp(prefix="fastdds_large_messages_", suffix=".xml")
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(re.sub(r"<segment_size>\d+<", f"<segment_size>{size}<", text))
    atexit.register(_remove, name)
    return Path(name)


def _remove(name: str) -> None:
    with contextlib.suppress(OSError):
        os.unlink(name)


def keep_large_allocations(environment: MutableMapping[str, str]) -> Applied:
    own = [name for name in _MALLOC_VARIABLES if name in environment]
    if "glibc.malloc" in environment.get("GLIBC_TUNABLES", ""):
        own.append("GLIBC_TUNABLES")
    if own:
        return Applied(True, f"malloc: left to {', '.join(own)}")
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError):
        return Applied(True, "malloc: no glibc, nothing to set")
    mallopt.argtypes, mallopt.restype = (ctypes.c_int, ctypes.c_int), ctypes.c_int
    if not (mallopt(_M_MMAP_THRESHOLD, 2**30) and mallopt(_M_TRIM_THRESHOLD, 2**31 - 1)):
        return Applied(True, "malloc: thresholds refused, large messages cost more time")
    return Applied(True, "malloc: large messages stay in the process")


def give_back_memory() -> None:
    """What was kept for large messages, to the system: they will not come for a while."""
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).malloc_trim(0)
