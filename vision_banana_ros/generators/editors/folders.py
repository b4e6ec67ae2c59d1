"""Where a model lies on this disk, and what its own files say about it. Nothing is ever downloaded.

A name is a folder, or a hub's ID whose snapshot is in the cache. The licence is that of the table of known models, or
what the model's own card says, or what the training card of a folder that was tuned here says of itself and its base.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vision_banana_ros.core import GeneratorError, require_package
from vision_banana_ros.models.hub import is_restricted, licence_of
from vision_banana_ros.models.known import known_models

#: What is written beside an adapter that was tuned to the paper's prompts.
TRAINING_CARD = "training_card.json"
UNKNOWN_LICENCE = "unknown licence"


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
    """What the table of known models says, else the model's own card."""
    known = next((model for model in known_models() if name in model.repositories), None)
    if known is not None:
        return known.licence, known.restricted
    plain = OnDisk(name=name, folder=folder, licence="", forbids_commerce=False)
    card = plain.read_json(TRAINING_CARD)
    said = [str(card[key]) for key in ("base_licence", "licence") if card.get(key)] or [licence_of(folder)]
    licence = "; ".join(dict.fromkeys(filter(None, said)))
    return licence or UNKNOWN_LICENCE, any(map(is_restricted, said))
