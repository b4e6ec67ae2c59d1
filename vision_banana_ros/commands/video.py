"""`vision-banana video IN -o OUT`: a film, a folder of pictures or a camera, seen frame by frame.

OUT gets
    side_by_side.mp4    picture, depth, normals and classes beside each other, at the film's own pace
    depth/NNNNNN.png    16-bit millimetres, 0 none; or depth.mkv (--depth ffv1, lossless); not with --depth none
    frames.jsonl        a line a frame: number, stamp, scale, camera, classes' shares, instances
    files/NNNNNN_*      with --files: all that `vision-banana image` writes of a frame
An OUT that ends in .mp4, .webm, .mkv or .avi is that film alone. Ctrl-C ends after the frame at hand: what is there is
whole, and the same command goes on from it.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from vision_banana_ros.commands.image import write_files
from vision_banana_ros.commands.output import write_json
from vision_banana_ros.commands.seeing import Eyes, Progress, add_seeing_arguments, ending_softly
from vision_banana_ros.core import DataError, FloatArray, Frame, UInt8Array, UInt16Array
from vision_banana_ros.perceiver import Sight
from vision_banana_ros.viewing.films import DepthFilm, Film, FilmWriter, Shot
from vision_banana_ros.viewing.panel import draw_panel

_FILMS = (".mp4", ".webm", ".mkv", ".avi")
_LONGEST_TICKS = 300  # a film that stands still for minutes is no film
_MOST_PANEL_WIDTH = 1920


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("input", metavar="IN", help="a video file, a folder of pictures, or a camera's number")
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="OUT", help="a folder, or a film's name")
    parser.add_argument("--format", choices=("mp4", "webm"), default="mp4", help="of the side-by-side film")
    parser.add_argument("--depth", choices=("png", "ffv1", "none"), default="png", help="how depth is kept")
    parser.add_argument("--files", action="store_true", help="write every layer of every frame too")
    parser.add_argument("--limit", type=int, metavar="N", help="only the first N frames")
    parser.add_argument("--rate", type=float, default=0.0, metavar="HZ", help="of a folder's pictures; default: 10")
    parser.add_argument("--anew", action="store_true", help="do not go on from what OUT has; overwrite it")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write a summary as JSON; - for stdout")
    add_seeing_arguments(parser)


def run(args: argparse.Namespace) -> int:
    film = Film(args.input, rate_hz=args.rate)
    alone = args.output.suffix.lower() in _FILMS
    folder = args.output.parent if alone else args.output
    _require_writable(folder)
    log = sys.stderr if args.json == Path("-") else sys.stdout
    eyes = Eyes(args)
    desk = _FilmDesk(args.output) if alone else _Desk(folder, args, fresh=args.anew or film.is_live)
    first = desk.done
    if first:
        print(f"{first} frames are there: going on from them", file=log)
    total = film.length if args.limit is None else min(args.limit, film.length or args.limit)
    progress = Progress(total, first=first)
    try:
        with ending_softly() as asked:
            for shot in film.shots(first=first):
                if asked.is_set() or (args.limit is not None and shot.number >= args.limit):
                    break
                sight = eyes.see(Frame(shot.rgb, stamp_ns=shot.stamp_ns, frame_id="camera"))
                desk.keep(shot, sight, film.rate_hz, eyes)
                progress.at(shot.number + 1)
    finally:
        progress.end()
        desk.close()
        film.close()
    if film.problem:
        print(f"vision-banana: {film.problem}; what came before is done", file=sys.stderr)
    stopped = " (interrupted; the same command goes on)" if asked.is_set() else ""
    print(f"{args.input}: {desk.done} frames in {args.output}{stopped}; {eyes.cost()}", file=log)
    if args.json:
        summary = {"input": args.input, "frames": desk.done, "model": args.model, "problem": film.problem}
        write_json(args.json, {**summary, "interrupted": asked.is_set(), "ms_a_frame": _ms(eyes)})
    return 130 if asked.is_set() else 0


class _FilmDesk:
    """The side-by-side film alone."""

    def __init__(self, path: Path) -> None:
        self.done = 0
        self._path = path
        self._pace = _Pace()
        self._film: FilmWriter | None = None

    def keep(self, shot: Shot, sight: Sight, rate_hz: float, _eyes: Eyes) -> None:
        panel = _panel(sight)
        self._film = self._film or FilmWriter(self._path, rate_hz, panel.shape[:2])
        for _ in range(self._pace.ticks(shot.stamp_ns, rate_hz, self._film.ticks)):
            self._film.write(panel)
        self.done += 1

    def close(self) -> None:
        if self._film is not None:
            self._film.close()


class _Desk:
    """A folder of results; `frames.jsonl` is the journal that says how far it is."""

    def __init__(self, folder: Path, args: argparse.Namespace, *, fresh: bool) -> None:
        self._folder, self._args = folder, args
        self._panels, self._depth_film = folder / f"side_by_side.{args.format}", folder / "depth.mkv"
        self._journal = folder / "frames.jsonl"
        self._question = _question(args)
        lines = [] if fresh else self._read_journal()
        self.done = len(lines)
        self._ticks = int(lines[-1]["ticks"]) if lines else 0
        self._pace = _Pace()
        self._film: FilmWriter | None = None
        self._depth: DepthFilm | None = None
        head = [json.dumps({"question": self._question})] + [json.dumps(line) for line in lines]
        self._journal.write_text("\n".join(head) + "\n", encoding="utf-8")
        self._lines = self._journal.open("a", encoding="utf-8")

    def _read_journal(self) -> list[dict[str, Any]]:
        """The frames that are whole: in the journal, in the films and in the folders."""
        if not self._journal.is_file():
            return []
        lines = []
        for text in self._journal.read_text(encoding="utf-8").splitlines():
            try:
                lines.append(json.loads(text))
            except ValueError:
                break  # the line that was being written when the power went
        if not lines or "question" not in lines[0]:
            raise DataError(f"{self._journal} is no journal of this command: give another folder, or --anew")
        if lines[0]["question"] != self._question:
            raise DataError(f"{self._folder} holds answers to another question: give another folder, or --anew")
        done = lines[1:]
        ticks = _length(self._panels)
        depths = _length(self._depth_film) if self._args.depth == "ffv1" else len(done)
        return [line for number, line in enumerate(done) if line["ticks"] <= ticks and number < depths]

    def keep(self, shot: Shot, sight: Sight, rate_hz: float, eyes: Eyes) -> None:
        panel = _panel(sight)
        seen = sight.perception
        if self._film is None:
            self._film = FilmWriter(self._panels, rate_hz, panel.shape[:2])
            self._film.carry_over(self._ticks)
            if self._args.depth == "ffv1":
                self._depth = DepthFilm(self._depth_film, rate_hz, seen.hw)
                self._depth.carry_over(self.done)
        for _ in range(self._pace.ticks(shot.stamp_ns, rate_hz, self._film.ticks)):
            self._film.write(panel)
        if seen.depth_m is not None and self._args.depth == "png":
            _write_png(self._folder / "depth" / f"{shot.number:06d}.png", millimetres(seen.depth_m))
        elif seen.depth_m is not None and self._depth is not None:
            self._depth.write(millimetres(seen.depth_m))
        if self._args.files:
            (self._folder / "files").mkdir(exist_ok=True)
            write_files(self._folder / "files" / f"{shot.number:06d}", sight.frame, seen)
        self._lines.write(json.dumps({**_line(shot, sight, eyes), "ticks": self._film.ticks}) + "\n")
        self.done += 1

    def close(self) -> None:
        self._lines.close()
        for film in (self._film, self._depth):
            if film is not None:
                film.close()


class _Pace:
    """How often a frame is written so that a film of even rate keeps the time of one of uneven rate."""

    def __init__(self) -> None:
        self._start: tuple[int, int] | None = None

    def ticks(self, stamp_ns: int, rate_hz: float, written: int) -> int:
        if self._start is None:
            self._start = (stamp_ns, written)
        start_ns, before = self._start
        due = before + round((stamp_ns - start_ns) * 1e-9 * rate_hz) + 1
        return max(1, min(due - written, _LONGEST_TICKS))


def _panel(sight: Sight) -> UInt8Array:
    panel = draw_panel(sight.frame, sight.perception)
    width = min(panel.shape[1], _MOST_PANEL_WIDTH)
    height = round(panel.shape[0] * width / panel.shape[1])
    wh = (width - width % 2, height - height % 2)  # codecs halve the colours
    return panel if wh == panel.shape[1::-1] else np.asarray(cv2.resize(panel, wh, interpolation=cv2.INTER_AREA))


def _line(shot: Shot, sight: Sight, eyes: Eyes) -> dict[str, Any]:
    seen = sight.perception
    mask = np.zeros(1, np.uint8) if seen.mask is None else seen.mask
    shares = np.bincount(mask.reshape(-1), minlength=256) / mask.size
    return {
        "number": shot.number,
        "stamp_ns": shot.stamp_ns,
        "camera": None if seen.camera is None else asdict(seen.camera),
        "camera_source": sight.camera_source,
        "scale": sight.scale,
        "classes": {name: round(float(shares[i]), 5) for i, name in enumerate(seen.labels) if shares[i] > 0},
        "tracks": [asdict(track) for track in eyes.tracks],
        "generate_ms": round(1e3 * sight.generate_s, 2),
    }


def millimetres(depth_m: FloatArray) -> UInt16Array:
    """0 where there is no depth or it does not fit."""
    values = np.rint(np.nan_to_num(depth_m, nan=0.0, posinf=0.0) * np.float32(1000))
    values[(values > 65_535) | (values < 0)] = 0
    return np.asarray(values, np.uint16)


def _write_png(path: Path, image: UInt16Array) -> None:
    path.parent.mkdir(exist_ok=True)
    ok, data = cv2.imencode(".png", image, [cv2.IMWRITE_PNG_COMPRESSION, 3])
    if not ok:
        raise DataError(f"{path} cannot be encoded as PNG")
    path.write_bytes(data.tobytes())


def _length(film: Path) -> int:
    if not film.is_file():
        return 0
    capture = cv2.VideoCapture(str(film))
    frames = int(capture.get(cv2.CAP_PROP_FRAME_COUNT))
    capture.release()
    return max(0, frames)


def _question(args: argparse.Namespace) -> dict[str, Any]:
    asked = ("input", "model", "classes", "instances", "prompt", "maps", "hfov", "camera_height", "max_range", "width")
    return {name: getattr(args, name) for name in (*asked, "steady", "depth", "format", "files")}


def _require_writable(folder: Path) -> None:
    """Before the model is loaded and the first frame is seen."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DataError(f"{folder} cannot be made: {error.strerror}") from error
    if not os.access(folder, os.W_OK):
        raise DataError(f"{folder} cannot be written to: check its permissions, or give another -o")


def _ms(eyes: Eyes) -> float | None:
    return round(1e3 * eyes.all_s / eyes.frames, 2) if eyes.frames else None
