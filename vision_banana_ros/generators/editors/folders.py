"""Where a model lies on this disk, and what its own files say about it. Nothing is ever downloaded.

A name is a folder, or a hub's ID whose snapshot is in the cache. The licence is the model card's (the head of
README.md) or, where the folder has none, that of the ID in the table of known editors.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vision_banana_ros.core import GeneratorError, require_package

#: What is written beside an adapter that was tuned to the paper's prompts.
TRAINING_CARD = "training_card.json"
UNKNOWN_LICENCE = "unknown licence"

#: Editors by the start of their ID, most special first -> licence, and whether it forbids commercial use.
_KNOWN: tuple[tuple[str, str, bool], ...] = (
    ("black-forest-labs/FLUX.2-klein-4B", "apache-2.0", False),
    ("black-forest-labs/FLUX.2-klein-base-4B", "apache-2.0", False),
    ("black-forest-labs/", "FLUX non-commercial", True),
    ("FunAILab/Open-Vision-Banana", "FLUX non-commercial (its base is FLUX.2-klein-base-9B)", True),
    ("Qwen/Qwen-Image-Edit", "apache-2.0", False),
    ("Qwen/Qwen-Image-2", "Qwen Research", True),
    ("timbrooks/instruct-pix2pix", "MIT", False),
    ("prs-eth/marigold-depth-v1-1", "openrail++", False),
    ("prs-eth/marigold-normals-v1-1", "openrail++", False),
    ("prs-eth/", "apache-2.0", False),
)
_NON_COMMERCIAL = re.compile(r"non-?commercial|\bnc\b|-nc-|research", re.IGNORECASE)
_HEAD = re.compile(r"\A---\s*\n(.*?)\n---", re.DOTALL)
_LICENCE_LINE = re.compile(r"^(license|license_name):\s*[\"']?([^\"'\n#]+)", re.MULTILINE)


@dataclass(frozen=True, slots=True, kw_only=True)
class OnDisk:
    """A model's folder, its name for messages, its licence and the revision, where it is known."""

    name: str
    folder: Path
    licence: str
    forbids_commerce: bool
    revision: str = ""

    def read_json(self, name: str) -> dict[str, Any]:
        """A file of the folder, {} where there is none; GeneratorError where it is damaged."""
        path = self.folder / name
        if not path.is_file():
            return {}
        try:
            found = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise GeneratorError(f"{name} of {self.name} cannot be read ({error}): fetch it again") from error
        return found if isinstance(found, dict) else {}


def locate(name: str) -> OnDisk:
    """The model of that name on this disk; GeneratorError with the command that fetches it."""
    folder, revision = Path(name).expanduser(), ""
    if not folder.exists():
        folder, revision = _in_cache(name)
    licence, forbids = _licence(name, folder)
    return OnDisk(name=name, folder=folder, licence=licence, forbids_commerce=forbids, revision=revision)


def not_here(name: str, why: str = "is not on this disk") -> GeneratorError:
    """What is said of every model that cannot be loaded from disk."""
    return GeneratorError(f"{name} {why}: run  vision-banana models get {name}")


def require_accepted(model: OnDisk, accepted: bool) -> None:
    """A licence that forbids commercial use is accepted by name or the model is not loaded."""
    if model.forbids_commerce and not accepted:
        raise GeneratorError(
            f"{model.name} may not be used commercially ({model.licence}): read its licence, then accept it "
            "(--accept-licence, the node's accept_licence, VISION_BANANA_ACCEPT_LICENCE=1)"
        )


def _in_cache(name: str) -> tuple[Path, str]:
    require_package("huggingface_hub", extra="editors", purpose=f"finding {name!r} in the cache")
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HFValidationError

    try:
        folder = Path(snapshot_download(name, local_files_only=True))
    except HFValidationError as error:
        raise GeneratorError(
            f"no folder {name!r}, and no model can have that name: give a folder or OWNER/NAME"
        ) from error
    except OSError as error:
        raise not_here(name) from error
    return folder, folder.name[:12]


def _licence(name: str, folder: Path) -> tuple[str, bool]:
    card = folder / "README.md"
    said: dict[str, str] = {}
    if card.is_file():
        head = _HEAD.match(card.read_text(encoding="utf-8", errors="replace"))
        said = {key: value.strip() for key, value in _LICENCE_LINE.findall(head[1] if head else "")}
    licence = said.get("license", "")
    if licence in ("", "other"):
        licence = said.get("license_name", licence)
    for start, known, forbids in _KNOWN:
        if name.startswith(start):
            return licence or known, forbids
    if not licence:
        return UNKNOWN_LICENCE, False
    return licence, _NON_COMMERCIAL.search(licence) is not None
