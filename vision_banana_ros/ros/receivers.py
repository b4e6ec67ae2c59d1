"""Which processes here listen with Fast DDS's own queue: they lose large messages that come while they are late.

A message goes in pieces through the receiver's port, a file of shared memory, and a port holds 512 pieces. What comes
while it is full reliable readers ask for again; best effort ones lose it, and nobody is told. Our profile gives its
processes a port of 8192. The file's size tells which it is, the lock beside it whose. A port that a killed process left
is taken over as it is, so a process may have a small one for all its profile.
"""

from __future__ import annotations

import os
import time
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rclpy.qos import ReliabilityPolicy

#: What 512 pieces hold of one message to a receiver that stands still: 10 and 12 MB always came, 17 MB never.
QUEUE_BYTES = 12e6
_SHM = Path("/dev/shm")
_LOCKS = Path("/proc/locks")
#: Ports by the rules of RTPS: 250 for a domain, of them each second one from the eleventh on a process's own.
_FIRST, _A_DOMAIN, _OFFSET, _STEP, _PROCESSES = 7400, 250, 11, 2, 120
_LOOK_S = 1.0
#: Of a port's file: 512 pieces take 52 kB, 8192 take 206.
_SMALL_BYTES = 100_000


class Receivers:
    """Asked with every frame, looks once a second. Of this machine only: others are reached in other ways."""

    def __init__(self, node: Any) -> None:
        self._node = node
        self._looked_s = float("-inf")
        self._problem = ""

    def problem(self, sizes: Mapping[str, int]) -> str:
        """Of a frame, bytes by topic (whole names): who may lose some of it."""
        if sum(sizes.values()) <= QUEUE_BYTES:
            return ""
        if time.monotonic() - self._looked_s > _LOOK_S:
            self._looked_s = time.monotonic()
            self._problem = self._look(sizes)
        return self._problem

    def _look(self, sizes: Mapping[str, int]) -> str:
        takes, node = max(((taken, node) for node, taken in self._taken(sizes).items()), default=(0, ""))
        small = small_queues(self._node.context.get_domain_id()) if takes > QUEUE_BYTES else ""
        return small and (
            f"{node} takes {takes / 1e6:.0f} MB of a frame, and the queue of {small} holds {QUEUE_BYTES / 1e6:.0f} MB: "
            "what it takes best effort gets lost when it is late. Start it with FASTDDS_DEFAULT_PROFILES_FILE=.../"
            "vision_banana_ros/config/fastdds_large_messages.xml (after fastdds shm clean, if it was), let it "
            "subscribe reliable, or set output_width"
        )

    def _taken(self, sizes: Mapping[str, int]) -> dict[str, int]:
        """Bytes of a frame by node, of those nodes that take some of it best effort."""
        taken: dict[str, int] = defaultdict(int)
        late: set[str] = set()
        for topic, size in sizes.items():
            for listener in self._node.get_subscriptions_info_by_topic(topic):
                name = f"{listener.node_namespace.rstrip('/')}/{listener.node_name}"
                taken[name] += size
                if listener.qos_profile.reliability == ReliabilityPolicy.BEST_EFFORT:
                    late.add(name)
        return {name: taken[name] for name in late}


def small_queues(domain: int, *, shm: Path = _SHM, locks: Path = _LOCKS) -> str:
    """The other processes of a domain whose queue is Fast DDS's own, as "rviz2 (4711), python3 (4712)"."""
    holders = _holders(locks)
    sizes: dict[int, int] = {}
    first = _FIRST + _A_DOMAIN * domain + _OFFSET
    for port in range(first, first + _STEP * _PROCESSES, _STEP):
        for lock in (shm / f"fastdds_port{port}_el", shm / f"fastrtps_port{port}_el"):
            try:
                pid = holders.get(lock.stat().st_ino)
                if pid is not None:
                    sizes[pid] = lock.with_name(lock.name.removesuffix("_el")).stat().st_size
            except OSError:
                continue
    small = sorted(pid for pid, size in sizes.items() if size < _SMALL_BYTES and pid != os.getpid())
    return ", ".join(f"{_name(pid)} ({pid})" for pid in small)


def _holders(locks: Path) -> dict[int, int]:
    """Process by inode of what it has locked. Its lines are "1: FLOCK ADVISORY WRITE 4711 00:1b:198940 0 EOF"."""
    try:
        lines = locks.read_text(encoding="ascii").splitlines()
    except (OSError, UnicodeDecodeError):
        return {}
    words = (line.split() for line in lines if " FLOCK " in line and "->" not in line)
    return {int(word[5].rpartition(":")[2]): int(word[4]) for word in words}


def _name(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/comm").read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError):
        return "process"
