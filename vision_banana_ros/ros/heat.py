"""Is this machine so hot that it slows down? Read from the kernel's files, which every Linux has, Jetsons too.

A thermal zone throttles from its `passive` trip point on, and the machine shuts down at its `critical` one. Without
such files nothing is said.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

ZONES = Path("/sys/class/thermal")
#: This near to throttling is worth a word.
_NEAR_C = 3.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Heat:
    """The zone that is nearest to throttling; None: no zone tells."""

    zone: str = ""
    temperature_c: float | None = None
    throttles_at_c: float | None = None

    @property
    def problem(self) -> str:
        if self.temperature_c is None or self.throttles_at_c is None:
            return ""
        if self.temperature_c < self.throttles_at_c - _NEAR_C:
            return ""
        return (
            f"{self.zone} has {self.temperature_c:.0f} degrees and slows down from {self.throttles_at_c:.0f} on: "
            "cool it, or lower max_rate_hz"
        )


def read_heat(folder: Path = ZONES) -> Heat:
    found = [heat for zone in sorted(folder.glob("thermal_zone*")) if (heat := _zone(zone)) is not None]
    return min(found, key=_margin, default=Heat())


def _margin(heat: Heat) -> float:
    if heat.temperature_c is None or heat.throttles_at_c is None:
        return 1e3 - (heat.temperature_c or 0.0)  # of zones that do not throttle the hottest
    return heat.throttles_at_c - heat.temperature_c


def _zone(zone: Path) -> Heat | None:
    temperature = _degrees(zone / "temp")
    if temperature is None or not 0 < temperature < 150:  # sensors that are off say nonsense
        return None
    trips = [
        _degrees(kind.with_name(kind.name.replace("_type", "_temp")))
        for kind in zone.glob("trip_point_*_type")
        if _text(kind) in ("passive", "hot")
    ]
    limits = [limit for limit in trips if limit is not None and 0 < limit < 150]
    name = _text(zone / "type") or zone.name
    return Heat(zone=name, temperature_c=temperature, throttles_at_c=min(limits, default=None))


def _degrees(file: Path) -> float | None:
    try:
        return int(_text(file)) / 1000
    except ValueError:
        return None


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError):  # zones that sleep answer with an error
        return ""
