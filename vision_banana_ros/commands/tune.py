"""`vision-banana tune [ACTION]`: tune an image editor to the paper's prompts, and see beforehand what can come of it.

    run      (default) an adapter, or all weights; go on where DIR stopped. --plan: what it will take, nothing is loaded
    floor    how exact a canvas can be through a base's autoencoder, and which remedies help
    replay   what the base itself paints for a list of prompts, to be mixed in as its own work

    vision-banana tune --plan
    vision-banana tune --run DIR --world 2000 --world-edits 500 --own MY_PAIRS --ratio 0.1
    vision-banana image --model diffusers:BASE+DIR/adapter picture.jpg

Several GPUs: accelerate launch --num_processes N -m vision_banana_ros.cli tune --run DIR ... [--shard]
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import sys
from pathlib import Path
from typing import Any

from vision_banana_ros.core import DataError, require_package

_EVALUATION_SEED = 60_000_000


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("action", nargs="?", default="run", choices=("run", "floor", "replay"))
    parser.add_argument("--run", dest="folder", type=Path, metavar="DIR", help="log, checkpoint, cache and adapter")
    parser.add_argument("--config", type=Path, metavar="FILE", help="JSON; default: DIR/config.json if there is one")
    parser.add_argument("--base", metavar="ID", help="pipeline to tune (default FLUX.2-klein-base-4B); floor: 'pixels'")
    parser.add_argument("--plan", action="store_true", help="say memory and hours, load nothing")
    parser.add_argument("--card", default="H100", help="the GPU that the plan is for (default H100)")
    learn = parser.add_argument_group("what is learnt")
    learn.add_argument("--data", action="append", metavar="DIR", help="frames with truth; may be repeated")
    learn.add_argument("--world", type=int, metavar="N", help="scenes of the world, rendered for instructions")
    learn.add_argument("--world-edits", type=int, metavar="N", help="scenes rendered for captions and true edits")
    learn.add_argument("--own", action="append", metavar="DIR", help="your captions and edit pairs; may be repeated")
    learn.add_argument("--replay", action="append", metavar="DIR", help="what the base painted (tune replay)")
    learn.add_argument("--ratio", type=float, metavar="R", help="share of instructions (default 0.1)")
    learn.add_argument("--shares", type=_shares, metavar="TASK=S,...", help="of the instructions: depth=2,normals=1")
    learn.add_argument(
        "--own-shares", type=_shares, metavar="KIND=S,...", help="of the rest: caption=1,edit=1,replay=1"
    )
    how = parser.add_argument_group("how")
    how.add_argument("--size", type=_size, metavar="WxH", help="of the canvases (default 512x384)")
    for name, kind, what in (
        ("steps", int, "altogether (default 2000)"),
        ("batch", int, "lessons of a step on each GPU (default 8)"),
        ("learning-rate", float, "default 1e-4"),
        ("rank", int, "of the adapter (default 32)"),
        ("alpha", int, "of the adapter (default 32)"),
        ("ema", float, "decay of the running mean that is saved (default 0.999, 0: none)"),
        ("held-out", float, "share of the lessons that is judged and never learnt (default 0.03)"),
        ("seed", int, "default 0"),
        ("split", int, "processes that share the tokens of one lesson, where activations are too large (default 1)"),
        ("inference-steps", int, "written on the card: how many steps the node takes"),
    ):
        how.add_argument(f"--{name}", type=kind, metavar="N", help=what)
    how.add_argument("--full", action="store_true", default=None, help="tune all weights, not an adapter")
    how.add_argument("--shard", action="store_true", default=None, help="divide the weights among the GPUs (FSDP)")
    how.add_argument("--form", choices=("many", "once"), help="once: canvases in one step without noise (default many)")
    how.add_argument("--once-loss", choices=("latents", "canvas"), help="of that step (default latents)")
    how.add_argument("--precision", choices=("auto", "fp32", "bf16"))
    how.add_argument("--device", metavar="NAME", help="auto, cpu, cuda, cuda:1")
    how.add_argument("--cache", type=Path, metavar="DIR", help="encoded lessons, on another disk or of another run")
    how.add_argument("--no-cache-words", dest="cache_words", action="store_false", default=None)
    how.add_argument("--accept-licence", action="store_true", default=None)
    how.add_argument("--allow-non-commercial", action="store_true", default=None)
    other = parser.add_argument_group("floor and replay")
    other.add_argument("--tune-decoder", type=int, metavar="STEPS", help="floor: also with a decoder tuned on canvases")
    other.add_argument("--prompts", type=Path, metavar="FILE", help="replay: a prompt a line, or a folder of pairs")
    other.add_argument("--out", type=Path, metavar="DIR", help="replay: where the pairs go; floor: the tuned decoder")
    other.add_argument("--painting-steps", type=int, metavar="N", help="replay: default: the family's own")
    parser.add_argument("--json", metavar="FILE", help="plan and floor: the numbers as JSON; - for stdout")


def run(args: argparse.Namespace) -> int:
    for package in ("torch", "diffusers"):
        require_package(package, extra="editors", purpose="tuning an image editor")
    if args.action == "floor":
        return _floor(args)
    config = configuration(args)
    if args.plan:
        from vision_banana_ros.tuning.plan import make_plan

        plan = make_plan(config, card=args.card)
        _say(args, plan.report(config), plan.to_json())
        return 0 if plan.fits else 1
    if args.action == "replay":
        return _replay(args, config)
    if args.folder is None:
        raise DataError("tuning needs --run DIR, where log, checkpoint and adapter go")
    from vision_banana_ros.tuning.loop import tune

    adapter = tune(config, args.folder, cache=args.cache, tell=lambda words: print(words, flush=True))
    print(f"tuned: --model diffusers:{config.base}+{adapter}")
    return 0


def configuration(args: argparse.Namespace) -> Any:
    """The file's entries with the command line's on top."""
    from vision_banana_ros.tuning.config import TuningConfig

    saved = args.folder / "config.json" if args.folder else None
    path = args.config or (saved if saved is not None and saved.exists() else None)
    entries = TuningConfig.load(path).to_json() if path else {}
    for field in dataclasses.fields(TuningConfig):
        value = getattr(args, field.name, None)
        if value is not None:
            entries[field.name] = value
    if args.size is not None:
        entries["width"], entries["height"] = args.size
    return TuningConfig.from_json(json.loads(json.dumps(entries)))


def _floor(args: argparse.Namespace) -> int:
    from vision_banana_ros.tuning.autoencoders import Autoencoder, open_autoencoder
    from vision_banana_ros.tuning.config import DEFAULT_BASE
    from vision_banana_ros.tuning.floor import measure_floor, report, tuned_decoder

    size_wh = args.size or (512, 384)
    through = open_autoencoder(args.base or DEFAULT_BASE, device=args.device or "auto")
    examples = _examples(args, size_wh, args.world or (0 if args.data else 16), _EVALUATION_SEED)
    rows = measure_floor(examples, through, size_wh=size_wh)
    words = [report(through, rows, size_wh)]
    tables = {through.name: [dataclasses.asdict(row) for row in rows]}
    if args.tune_decoder:
        if not isinstance(through, Autoencoder):
            raise DataError("a base that paints pixels has no decoder to tune: leave --tune-decoder out")
        learnt = _examples(args, size_wh, max(4, len(examples)), _EVALUATION_SEED + 100_000)
        tuned = tuned_decoder(
            through, learnt, size_wh=size_wh, steps=args.tune_decoder, tell=lambda w: print(w, file=sys.stderr)
        )
        rows = measure_floor(examples, tuned, size_wh=size_wh)
        words.append(report(tuned, rows, size_wh))
        tables[tuned.name] = [dataclasses.asdict(row) for row in rows]
        if args.out is not None:
            tuned.vae.save_pretrained(args.out)
            words.append(f"kept: --model diffusers:{args.base or DEFAULT_BASE}+{args.out}, or as ADAPTER/vae")
    _say(args, "\n\n".join(words), tables)
    return 0


def _examples(args: argparse.Namespace, size_wh: tuple[int, int], count: int, first_seed: int) -> list[Any]:
    from itertools import islice

    from vision_banana_ros.data import open_dataset

    found: list[Any] = []
    for root in args.data or ():
        found += list(islice(open_dataset(Path(root)), 64))
    if count and not found:
        from vision_banana_ros.world.dataset import WorldSettings, render_sample

        settings = WorldSettings(width=size_wh[0], height=size_wh[1])
        found += [render_sample(seed, settings) for seed in range(first_seed, first_seed + count)]
    return found


def _replay(args: argparse.Namespace, config: Any) -> int:
    from vision_banana_ros.tuning.bases import open_base
    from vision_banana_ros.tuning.freehand import Freehand, make_replay
    from vision_banana_ros.tuning.lessons import Pair, read_pairs

    if args.prompts is None or args.out is None:
        raise DataError("replay needs --prompts FILE (one a line, or a folder of pairs) and --out DIR")
    prompts: list[str | Pair]
    if args.prompts.is_dir():
        prompts = list(read_pairs(args.prompts))
    else:
        lines = args.prompts.read_text(encoding="utf-8").splitlines()
        prompts = [line.strip() for line in lines if line.strip()]
    opened = open_base(
        config.base, precision=config.precision, device=config.device, accept_licence=config.accept_licence
    )
    hand = Freehand(opened.base.pipeline, size_wh=(config.width, config.height), steps=args.painting_steps)
    made = make_replay(hand, prompts, args.out, seed=config.seed, tell=lambda words: print(words, flush=True))
    print(f"painted {made} pictures into {args.out}")
    return 0


def _say(args: argparse.Namespace, words: str, numbers: Any) -> None:
    text = json.dumps(numbers, indent=1) + "\n"
    print(words, file=sys.stderr if args.json == "-" else sys.stdout)
    if args.json == "-":
        sys.stdout.write(text)
    elif args.json:
        Path(args.json).write_text(text, encoding="utf-8")


def _size(text: str) -> tuple[int, int]:
    try:
        width, height = (int(part) for part in text.lower().split("x"))
    except ValueError:
        raise argparse.ArgumentTypeError(f"a size is WIDTHxHEIGHT, such as 512x384, got {text!r}") from None
    return width, height


def _shares(text: str) -> dict[str, float]:
    try:
        return {name.strip(): float(share) for name, _, share in (part.partition("=") for part in text.split(","))}
    except ValueError:
        raise argparse.ArgumentTypeError(
            f"shares are NAME=NUMBER,..., such as depth=2,normals=1, got {text!r}"
        ) from None
