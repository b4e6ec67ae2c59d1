"""`vision-banana eval retention`: is a tuned editor still the generator that it was?

The same prompts and seeds with the adapter off and on: losses on held-out pairs (--own), agreement with the words
(--clip), a judge (--judge gemini:MODEL, http:URL#MODEL, hf:ID), and a page with everything side by side (--page).
Exit code 1 where the loss of held-out pairs rose by more than --most-rise.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from vision_banana_ros.core import DataError, require_package
from vision_banana_ros.evaluation.agreement import Agreement
from vision_banana_ros.evaluation.retention import Retention, Shown, Wish, compare, page


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--model", required=True, metavar="ID+LORA", help="base and adapter, as diffusers:ID+LORA")
    parser.add_argument("--own", action="append", metavar="DIR", help="held-out captions and edit pairs")
    parser.add_argument("--prompts", type=Path, metavar="FILE", help="a prompt a line")
    parser.add_argument("--genai-bench", type=Path, metavar="DIR", help="prompts of GenAI-Bench")
    parser.add_argument("--imgedit", type=Path, metavar="DIR", help="edits of ImgEdit-Bench")
    parser.add_argument("--limit", type=int, default=64, metavar="N", help="prompts of each source (default 64)")
    parser.add_argument("--size", default="512x384", metavar="WxH")
    parser.add_argument("--steps", type=int, metavar="N", help="of the sampler; default: the family's own")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--clip", metavar="ID", help="a CLIP or SigLIP of this disk")
    parser.add_argument("--judge", metavar="NAME", help="a vision-language model")
    parser.add_argument("--page", type=Path, metavar="FILE", help="write the side-by-side page")
    parser.add_argument("--most-rise", type=float, default=0.05, metavar="SHARE", help="of a loss (default 0.05)")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--precision", default="auto", choices=("auto", "fp32", "bf16"))
    parser.add_argument("--accept-licence", action="store_true")
    parser.add_argument("--json", metavar="FILE", help="all numbers as JSON; - for stdout")


def run(args: argparse.Namespace) -> int:
    for package in ("torch", "diffusers", "peft"):
        require_package(package, extra="editors", purpose="comparing a tuned editor with its base")
    from vision_banana_ros.generators.editors.loading import EditorOptions, load
    from vision_banana_ros.generators.reasoning import load_chat
    from vision_banana_ros.tuning.bases import wrap
    from vision_banana_ros.tuning.freehand import Freehand

    name = args.model.removeprefix("diffusers:")
    if "+" not in name:
        raise DataError(f"retention compares a base with an adapter on it, ID+LORA; {name!r} names one model")
    options = EditorOptions(device=args.device, precision=args.precision, accept_licence=args.accept_licence)
    generator: Any = load(name, options=options)
    pipeline = generator._pipeline
    if not hasattr(pipeline, "disable_lora"):
        raise DataError(
            f"{type(pipeline).__name__} takes no adapter that can be turned off: compare by --model ID+LORA"
        )
    width, height = (int(part) for part in args.size.lower().split("x"))
    hand = Freehand(pipeline, size_wh=(width, height), steps=args.steps)
    shown: tuple[Shown, ...] = ()
    wishes = _wishes(args)
    chat = load_chat(args.judge, device=args.device) if args.judge else None
    clip = Agreement(args.clip, device=args.device) if args.clip else None
    if wishes:
        shown = compare(
            wishes, _switched(hand, on=False), _switched(hand, on=True), seed=args.seed, agreement=clip, judge=chat
        )
    losses = _losses(args, wrap(pipeline)) if args.own else {}
    if not shown and not losses:
        raise DataError("nothing to compare by: give --own DIR, --prompts FILE, --genai-bench DIR or --imgedit DIR")
    base, _, tuned = name.partition("+")
    found = Retention(
        base=base, tuned=tuned, shown=shown, agreement_model=args.clip or "", judge=args.judge or "", losses=losses
    )
    print(found.report(), file=sys.stderr if args.json == "-" else sys.stdout)
    if args.page:
        args.page.write_text(page(found), encoding="utf-8")
    text = json.dumps(found.to_json(), indent=1) + "\n"
    if args.json == "-":
        sys.stdout.write(text)
    elif args.json:
        Path(args.json).write_text(text, encoding="utf-8")
    return 1 if any(change.low > args.most_rise for _, _, change in found.loss_change().values()) else 0


def _switched(hand: Any, *, on: bool) -> Any:
    def paint(prompt: str, picture: Any, seed: int) -> Any:
        (hand.pipeline.enable_lora if on else hand.pipeline.disable_lora)()
        return hand.paint(prompt, picture, seed)

    return paint


def _losses(args: argparse.Namespace, base: Any) -> dict[str, list[tuple[float, float]]]:
    """(off, on) of every held-out pair, at the same noise."""
    import torch

    from vision_banana_ros.tuning.bases import Batch
    from vision_banana_ros.tuning.lessons import load_pair, read_pairs

    width, height = (int(part) for part in args.size.lower().split("x"))
    size_wh = base.size_wh((width, height))
    found: dict[str, list[tuple[float, float]]] = {}
    for root in args.own:
        for number, pair in enumerate(read_pairs(Path(root))[: args.limit]):
            lesson = load_pair(pair, size_wh, kind=pair.kind, source=root)
            if lesson.picture is None and not base.paints_without_picture:
                raise DataError(f"{base.family.name} paints only from a picture: {lesson.name} of {root} has none")
            batch = Batch(
                targets=base.encode(lesson.target)[None],
                sources=None if lesson.picture is None else base.encode_source(lesson.picture)[None],
                words={k: v[None] for k, v in base.words(lesson.prompt, lesson.picture).items()},
                seeds=[args.seed + number],
            )
            both = []
            for switch in (base.pipeline.disable_lora, base.pipeline.enable_lora):
                switch()
                with torch.no_grad():
                    both.append(float(base.losses(batch)[0]))
            found.setdefault(lesson.kind, []).append((both[0], both[1]))
    return found


def _wishes(args: argparse.Namespace) -> list[Wish]:
    wishes: list[Wish] = []
    if args.prompts:
        lines = [line.strip() for line in args.prompts.read_text(encoding="utf-8").splitlines()]
        wishes += [Wish(f"{args.prompts.name}:{k}", line) for k, line in enumerate(filter(None, lines))][: args.limit]
    if args.genai_bench:
        from vision_banana_ros.data.readers.benchmarks.genai_bench import read_prompts

        wishes += [Wish(f"genai-bench:{p.index}", p.text) for p in read_prompts(args.genai_bench)[: args.limit]]
    if args.imgedit:
        from vision_banana_ros.data.readers.benchmarks.imgedit import read_edits
        from vision_banana_ros.tuning.lessons import read_picture

        wishes += [
            Wish(f"imgedit:{e.key}", e.prompt, read_picture(e.picture)) for e in read_edits(args.imgedit)[: args.limit]
        ]
    return wishes
