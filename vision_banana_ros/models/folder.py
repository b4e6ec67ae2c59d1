"""A model's folder on disk: files are read once, checked against the manifest, and handed on as bytes.

So what was checked is what runs. A graph that keeps weights in files beside itself is refused: OpenVINO would read them
from wherever the graph says, and no hash would know.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from vision_banana_ros.core import DataError
from vision_banana_ros.models.manifest import MANIFEST, Manifest, ModelFile, Precision, Role, read_manifest, sha256

#: How ONNX writes the name of such a file: a string of 8 letters in field 1 of an entry of `external_data`.
_WEIGHTS_OUTSIDE = b"\x0a\x08location"


@dataclass(frozen=True, slots=True)
class ModelFolder:
    """A folder whose manifest fits this code; `read` hands out a file's bytes once they match their hash."""

    root: Path
    manifest: Manifest

    @classmethod
    def open(cls, root: Path) -> ModelFolder:
        """Raises a DataError for a folder that this code must not run. Reads no other file yet."""
        return cls(root, read_manifest(root / MANIFEST))

    def verify(self) -> None:
        """Every file, also those that are not needed now: a folder is whole or it is refused."""
        for file in self.manifest.files:
            self._checked(file)

    def read(self, role: Role, precision: Precision | None = None) -> bytes:
        file = self.manifest.file(role, precision)
        if file is None:
            what = role.value if precision is None else f"{precision.value} {role.value}"
            option = " --several-images" if role is Role.SEVERAL else ""
            raise DataError(f"model {self.root} has no {what} file: export it with  vision-banana export{option}")
        return self._checked(file)

    def _checked(self, file: ModelFile) -> bytes:
        path = self.root / file.path
        try:
            data = path.read_bytes()
        except OSError as error:
            raise DataError(
                f"model file {path} cannot be read ({error.strerror}): copy the whole folder again"
            ) from error
        found = sha256(data)
        if found != file.sha256:
            raise DataError(
                f"model file {path} is damaged or was changed: its SHA-256 is {found[:12]}..., "
                f"the manifest says {file.sha256[:12]}... ; copy the whole folder again or export it anew"
            )
        if file.role in (Role.GRAPH, Role.SEVERAL) and _WEIGHTS_OUTSIDE in data:
            raise DataError(f"model file {path} keeps weights outside of itself, unchecked: export the model anew")
        return data
