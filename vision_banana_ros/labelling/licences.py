"""Which terms forbid commercial use, by the words that licences are called by."""

from __future__ import annotations

import re
from collections.abc import Sequence

from vision_banana_ros.core import About, DataError

_CLOSED = re.compile(r"\bnc\b|non.?commercial|research|academic|evaluation only|personal use", re.IGNORECASE)
_OPEN = re.compile(r"not non.?commercial", re.IGNORECASE)


def forbids_commerce(licence: str) -> bool:
    """Whether words such as CC-BY-NC-4.0, "non-commercial" or "research only" are in it."""
    return bool(_CLOSED.search(licence)) and not _OPEN.search(licence)


def require_accepted(teachers: Sequence[About], accepted: bool) -> None:
    """Labels of a model that may not be used commercially may not be either: somebody has to say that he knows."""
    closed = [about for about in teachers if forbids_commerce(about.licence)]
    if closed and not accepted:
        names = ", ".join(f"{about.name} ({about.licence})" for about in closed)
        raise DataError(
            f"{names}: not for commercial use, and what learns from its labels is not either; "
            "say --accept-licence, or name another teacher"
        )
