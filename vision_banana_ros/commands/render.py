"""`vision-banana render`: shards of the world, contact sheets, statistics of what was rendered, the bundled clip."""

from __future__ import annotations

import argparse
import json
import re
import sys
import time
from collections.abc import Iterator
from concurrent.futures import as_completed
from pathlib import Path
from typing import Any

from vision_banana_ros.core import DataError, require_package
from vision_banana_ros.tasks.vocabulary import labels
from vision_banana_ros.world.dataset import WorldSettings, render_sample, workers
from vision_banana_ros.world.manifest import FILE_NAME, Manifest, code_version, read_manifest, write_manifest
from vision_banana_ros.world.shards import shard_path, write_shard


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--out", type=Path, metavar="DIR", help="folder of the shards; run again to continue")
    parser.add_argument("--count", type=int, default=256, metavar="N", help="frames altogether (default 256)")
    parser.add_argument("--size", default="256x192", metavar="WxH", help="size of the frames (default 256x192)")
    parser.add_argument("--grammar", default="all", metavar="NAME[,NAME]", help='kinds of place, or "all"')
    parser.add_argument("--seed", type=int, default=0, metavar="S", help="seed of the first frame (default 0)")
    parser.add_argument("--samples", type=int, default=2, metavar="K", help="light paths per pixel (default 2)")
    parser.add_argument("--clean", action="store_true", help="without the effects of a real sensor")
    parser.add_argument("--per-shard", type=int, default=64, metavar="N", help="frames per shard (default 64)")
    parser.add_argument("--processes", type=int, default=2, metavar="P", help="processes that render (default 2)")
    parser.add_argument(
        "--ray", metavar="auto|ADDRESS", help="render in --processes actors of Ray, here or on a cluster"
    )
    parser.add_argument("--sheet", type=Path, metavar="FILE", help="write a contact sheet of --count frames instead")
    parser.add_argument("--clip", action="store_true", help="make the bundled clip anew in --out DIR instead")
    parser.add_argument("--statistics", type=Path, metavar="DIR", help="describe the shards of a folder instead")
    parser.add_argument("--real", type=Path, metavar="DIR", help="frames folder to set beside --statistics")
    parser.add_argument("--json", action="store_true", help="print the result as JSON")


def run(args: argparse.Namespace) -> int:
    """Renders what is missing of what was asked."""
    require_package("numba", extra="world", purpose="rendering the procedural world")
    if args.statistics is not None:
        return _statistics(args)
    if args.clip:
        return _clip(args)
    settings = WorldSettings(
        width=_size(args.size)[0],
        height=_size(args.size)[1],
        places=_places(args.grammar),
        samples_per_pixel=args.samples,
        sensor=not args.clean,
    )
    if args.sheet is not None:
        return _sheet(args, settings)
    if args.out is None:
        raise DataError("render needs --out DIR for shards, or --sheet FILE, or --statistics DIR")
    if args.count < 1 or args.per_shard < 1 or args.processes < 1:
        raise DataError("--count, --per-shard and --processes must be at least 1")
    manifest = _manifest(args, settings)
    _agree(args.out, manifest)
    todo = [i for i in range(manifest.shard_count) if not shard_path(args.out, i).is_file()]
    start, done = time.monotonic(), 0
    for frames in _render(args.out, manifest, settings, todo, args.processes, args.ray):
        done += frames
        rate = done / (time.monotonic() - start)
        left = sum(len(manifest.shard_seeds(i)) for i in todo) - done
        if not args.json:
            print(f"\r{manifest.count - left}/{manifest.count} frames, {rate:.1f}/s, {left / rate:.0f} s left ", end="")
            sys.stdout.flush()
    seconds = time.monotonic() - start
    if args.json:
        result = {"folder": str(args.out), "frames": manifest.count, "rendered": done, "seconds": round(seconds, 2)}
        print(json.dumps(result))
    else:
        print(f"\n{manifest.count} frames in {manifest.shard_count} shards in {args.out}")
    return 0


def render_shard(folder: Path, shard: int, manifest: Manifest, settings: WorldSettings, threads: int) -> int:
    """Render and write one shard; returns its number of frames."""
    samples = [render_sample(seed, settings, threads=threads) for seed in manifest.shard_seeds(shard)]
    write_shard(shard_path(folder, shard), samples)
    return len(samples)


class Renderer:
    """One actor of Ray: renders the shards that it is given, one core each. Their folder is shared by all machines."""

    def __init__(self, job: tuple[Path, Manifest, WorldSettings]) -> None:
        self._folder, self._manifest, self._settings = job

    def __call__(self, batch: dict[str, Any]) -> dict[str, Any]:
        for shard in batch["key"]:
            if not shard_path(self._folder, int(shard)).is_file():
                render_shard(self._folder, int(shard), self._manifest, self._settings, 1)
        return batch


def _render(
    folder: Path, manifest: Manifest, settings: WorldSettings, todo: list[int], processes: int, ray: str | None
) -> Iterator[int]:
    if ray is not None:
        from vision_banana_ros.scaling.actors import RaySettings, spread

        job = (folder.resolve(), manifest, settings)
        for shard in spread(Renderer, job, todo, RaySettings(address=ray, workers=processes, batch=1)):
            yield len(manifest.shard_seeds(int(shard)))
        return
    if processes == 1:
        yield from (render_shard(folder, shard, manifest, settings, 0) for shard in todo)
        return
    pool = workers(min(processes, max(1, len(todo))))
    try:
        futures = [pool.submit(render_shard, folder, shard, manifest, settings, 1) for shard in todo]
        for future in as_completed(futures):
            yield future.result()
    finally:
        # Ctrl-C lands here: shards under way are finished or never appear, waiting ones are dropped.
        pool.shutdown(wait=True, cancel_futures=True)


def _manifest(args: argparse.Namespace, settings: WorldSettings) -> Manifest:
    return Manifest(
        code_version=code_version(),
        first_seed=args.seed,
        count=args.count,
        per_shard=args.per_shard,
        width=settings.width,
        height=settings.height,
        places=settings.places,
        samples_per_pixel=settings.samples_per_pixel,
        sensor=settings.sensor,
        labels=labels(),
    )


def _agree(folder: Path, manifest: Manifest) -> None:
    """A folder holds one render: continue the same, extend its count, refuse another."""
    folder.mkdir(parents=True, exist_ok=True)
    if (folder / FILE_NAME).is_file():
        there = read_manifest(folder)
        for name in Manifest.__slots__:
            mine, other = getattr(manifest, name), getattr(there, name)
            if name == "count" and mine >= other and other % there.per_shard == 0:
                continue
            if mine != other:
                raise DataError(f"{folder} holds a render with {name} = {other}, asked is {mine}: use another --out")
    write_manifest(folder, manifest)


def _sheet(args: argparse.Namespace, settings: WorldSettings) -> int:
    from vision_banana_ros.world.sheet import contact_sheet

    contact_sheet(args.sheet, settings, first_seed=args.seed, count=args.count)
    print(json.dumps({"sheet": str(args.sheet)}) if args.json else f"wrote {args.sheet}")
    return 0


def _clip(args: argparse.Namespace) -> int:
    from vision_banana_ros.world.clip_tour import pack_tour, render_tour

    if args.out is None:
        raise DataError("render --clip needs --out DIR for its frames and the file that it makes of them")
    render_tour(args.out, lambda text: print(f"\r{text} ", end="", file=sys.stderr, flush=True))
    target = args.out / "clip.npz"
    pack_tour(args.out, target)
    size = target.stat().st_size
    print(json.dumps({"clip": str(target), "bytes": size}) if args.json else f"\nwrote {target}, {size / 1e6:.1f} MB")
    return 0


def _statistics(args: argparse.Namespace) -> int:
    from vision_banana_ros.world.statistics import compare, report

    result = compare(args.statistics, args.real)
    print(json.dumps(result.to_json()) if args.json else report(result))
    return 0


def _size(text: str) -> tuple[int, int]:
    match = re.fullmatch(r"(\d+)x(\d+)", text)
    if match is None:
        raise DataError(f"--size must be WIDTHxHEIGHT like 256x192, got {text!r}")
    return int(match[1]), int(match[2])


def _places(text: str) -> tuple[str, ...]:
    from vision_banana_ros.world.grammars import GRAMMARS

    names = () if text == "all" else tuple(name.strip() for name in text.split(","))
    for name in names:
        if name not in GRAMMARS:
            raise DataError(f"no grammar is called {name!r}: choose from {', '.join(GRAMMARS)}, or all")
    return names
