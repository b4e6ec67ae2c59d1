"""Files that are there whole or not at all."""

from __future__ import annotations

import errno
import os
from pathlib import Path

from vision_banana_ros.core.errors import DataError


def write_whole(path: Path, content: bytes) -> None:
    """The whole file or none, whenever the process may be stopped; a full disk is one line that says what to do."""
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with part.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(part, path)
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
            raise DataError(
                f"no room for {path} ({len(content)} bytes): free some and run the same command again, "
                "it goes on where it stopped"
            ) from error
        raise
    finally:
        part.unlink(missing_ok=True)
