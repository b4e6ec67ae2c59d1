"""What tests reach, room by room, least first: `make coverage` runs them, then this reads what they left behind."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections import defaultdict
from pathlib import Path

PACKAGE = "vision_banana_ros"


def main() -> int:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "coverage.json"
        subprocess.run([sys.executable, "-m", "coverage", "json", "--quiet", "-o", str(path)], check=True)
        files = json.loads(path.read_text(encoding="utf-8"))["files"]
    print("\n".join(table(files)))
    return 0


def table(files: dict[str, dict[str, dict[str, int]]]) -> list[str]:
    """One line a room: the share of lines and of branches that were taken, and the files that are reached least."""
    rooms: dict[str, list[str]] = defaultdict(list)
    for name in files:
        inner = Path(name).parts[Path(name).parts.index(PACKAGE) + 1 :]
        rooms[inner[0] if len(inner) > 1 else Path(inner[0]).stem].append(name)
    shares = {room: share([files[name]["summary"] for name in names]) for room, names in rooms.items()}
    lines = [f"{'room':12} {'lines':>7} {'reached':>8}   least"]
    for room, reached in sorted(shares.items(), key=lambda item: item[1]):
        count = sum(files[name]["summary"]["num_statements"] for name in rooms[room])
        least = sorted(rooms[room], key=lambda name: share([files[name]["summary"]]))[:3]
        told = ", ".join(f"{Path(name).name} {100 * share([files[name]['summary']]):.0f} %" for name in least)
        lines.append(f"{room:12} {count:7} {100 * reached:6.1f} %   {told}")
    whole = share([file["summary"] for file in files.values()])
    return [*lines, f"{'all':12} {sum(f['summary']['num_statements'] for f in files.values()):7} {100 * whole:6.1f} %"]


def share(summaries: list[dict[str, int]]) -> float:
    """Lines and branches count alike; a file without either is reached."""
    there = sum(s["num_statements"] + s.get("num_branches", 0) for s in summaries)
    return sum(s["covered_lines"] + s.get("covered_branches", 0) for s in summaries) / there if there else 1.0


if __name__ == "__main__":
    sys.exit(main())
