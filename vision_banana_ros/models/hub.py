"""Where fetched models lie: the hub's own cache, read without a network. Only `fetch` downloads, and only when told.

A model is data: safetensors, JSON, text, ONNX. Pickled weights and code of a hub are never fetched and never run.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from vision_banana_ros.core import DataError, MissingExtraError

_ID = re.compile(r"[\w.-]+/[\w.-]+$")
ALLOWED = ("*.safetensors", "*.json", "*.txt", "*.model", "README.md", "LICENSE*")
ALLOWED_ONNX = (*ALLOWED, "*.onnx", "*.onnx_data", "*.onnx.data")
_NON_COMMERCIAL = re.compile(r"nc\b|non-?commercial|research|other|amlr", re.IGNORECASE)


def is_id(name: str) -> bool:
    return _ID.match(name) is not None


def find_folder(name: str) -> Path:
    """A folder as it is, or the cached snapshot of an id. DataError says which command fetches it."""
    path = Path(name).expanduser()
    if path.is_dir():
        return whole(path, name)
    if not is_id(name):
        raise DataError(f"no model {name!r}: give a folder or an id such as OWNER/NAME")
    hub = _hub()
    try:
        found = hub.snapshot_download(name, local_files_only=True)
    except Exception as error:  # the hub's classes differ between its versions
        raise DataError(f"model {name} is not on this machine: run  vision-banana models get hf:{name}") from error
    return whole(Path(found), name)


def cached_file(repository: str, name: str) -> Path | None:
    """One file of the cache, or None."""
    try:
        found = _hub().try_to_load_from_cache(repository, name)
    except (MissingExtraError, ValueError):
        return None
    except Exception:  # validation errors of ids have no stable class
        return None
    return Path(found) if isinstance(found, str) else None


def is_cached(repository: str) -> bool:
    """Whether some snapshot of it is in the cache."""
    try:
        _hub().snapshot_download(repository, local_files_only=True)
    except Exception:  # the hub's classes differ between its versions
        return False
    return True


def whole(folder: Path, name: str) -> Path:
    """The folder, if its configuration and every weight file that an index names are there."""
    if not (folder / "config.json").is_file():
        raise DataError(f"{folder} has no config.json: it is no model, or half of one; fetch {name} again")
    for index in folder.glob("*.safetensors.index.json"):
        try:
            files = set(json.loads(index.read_text(encoding="utf-8"))["weight_map"].values())
        except (ValueError, KeyError, AttributeError) as error:
            raise DataError(f"{index} is damaged: fetch {name} again") from error
        lacking = sorted(file for file in files if not (folder / file).is_file())
        if lacking:
            raise DataError(
                f"{name} is half downloaded: {lacking[0]} is missing; run  vision-banana models get hf:{name}"
            )
    if not any(folder.glob("*.safetensors")):
        kind = "only pickled weights, which can run code" if any(folder.glob("*.bin")) else "no weights"
        raise DataError(f"{folder} has {kind}: use a version of {name} in safetensors")
    return folder


def licence_of(folder: Path) -> str:
    """What the model card of a snapshot says; "" where it says nothing. "other" goes by the name and link beside it."""
    try:
        text = (folder / "README.md").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
    found = re.findall(r"^(license(?:_name|_link)?):[ \t]*(\S+)", text.split("\n---", 1)[0], re.MULTILINE)
    said: dict[str, str] = {key: value.strip("\"'") for key, value in found}
    licence, name, link = (said.get(key, "") for key in ("license", "license_name", "license_link"))
    if licence and licence.lower() != "other":
        return licence
    # the word "other" stays in it: nobody has read those terms yet (is_restricted)
    words = " ".join(part for part in (name, f"({link})" if link else "") if part)
    return f"other: {words}" if words else licence


def is_restricted(licence: str) -> bool:
    """Whether a licence's name says that not everybody may use it for everything."""
    return bool(_NON_COMMERCIAL.search(licence))


def fetch(name: str, *, revision: str, files: tuple[str, ...] = (), tell: Callable[[str], None]) -> Path:
    """Download into the hub's cache: the named files, or all data of the model."""
    hub = _hub()
    tell(f"fetching {name}{'@' + revision if revision else ''} into the cache of the hub")
    try:
        return Path(
            hub.snapshot_download(
                name, revision=revision or None, allow_patterns=list(files or ALLOWED), local_files_only=False
            )
        )
    except KeyboardInterrupt:
        raise
    except Exception as error:  # network, gate, unknown id: each library version has its own classes
        kind, words = type(error).__name__, (str(error).strip().splitlines() or ["no reason given"])[0]
        if "Gated" in kind or "401" in words or "403" in words:
            raise DataError(
                f"{name} is gated: accept its terms on its page, log in with  hf auth login, and try again"
            ) from error
        if "RepositoryNotFound" in kind or "404" in words:
            raise DataError(f"the hub knows no model {name}{'@' + revision if revision else ''}") from error
        raise DataError(f"cannot fetch {name}: {words}; what came is kept, run the command again") from error


def _hub() -> Any:
    try:
        import huggingface_hub
    except ImportError as error:
        raise MissingExtraError(package="huggingface_hub", extra="teachers", purpose="Models of the hub") from error
    return huggingface_hub
