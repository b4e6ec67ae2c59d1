"""`vision-banana models list|get|show|check`: models that are known by name, and whether one tells the truth here.

`get` is the one command that downloads; everything else reads what lies on this disk.
"""

from __future__ import annotations

import argparse
import dataclasses
import sys
from importlib.util import find_spec
from pathlib import Path

from vision_banana_ros.commands.output import write_json
from vision_banana_ros.core import DataError, Footage
from vision_banana_ros.generators.options import DEVICES, PRECISIONS
from vision_banana_ros.generators.registry import load_generator
from vision_banana_ros.generators.specialists.card import find_card, read_card
from vision_banana_ros.models.hub import ALLOWED, ALLOWED_ONNX, fetch, find_folder, is_cached, is_id
from vision_banana_ros.models.known import KnownModel, find_known, known_models
from vision_banana_ros.models.probe import WRONG, Finding, memory_mib, probe


def add_arguments(parser: argparse.ArgumentParser) -> None:
    kinds = parser.add_subparsers(dest="kind", metavar="KIND", required=True)
    listed = kinds.add_parser("list", help="names, what they paint, licence, size, whether they are here")
    listed.add_argument("--paints", metavar="TASK", help="only those that paint it: depth, normals, semantic ...")
    listed.add_argument("--json", type=Path, metavar="FILE", help="write them as JSON, - for stdout")
    show = kinds.add_parser("show", help="all that is known of one model")
    show.add_argument("name")
    show.add_argument("--json", type=Path, metavar="FILE")
    get = kinds.add_parser("get", help="download a model into the cache of the hub")
    get.add_argument("name", help="a name of the list, hf:OWNER/NAME, or a card")
    get.add_argument("--revision", default="", help="a commit, tag or branch of the hub")
    get.add_argument("--accept-licence", action="store_true", help="for models that are not for every use")
    check = kinds.add_parser("check", help="ask a model on scenes whose truth is known: metres, axes, colours, speed")
    check.add_argument("name", help="any model: hf:ID, onnx:CARD.yaml, student, a folder ...")
    check.add_argument("--frames", type=int, default=3, metavar="N", help="frames of each scene")
    check.add_argument("--backend", default="auto")
    check.add_argument("--device", default="auto", help=", ".join(DEVICES))
    check.add_argument("--precision", default="auto", choices=PRECISIONS)
    check.add_argument("--anchor", default="", help="for relative depth: sparse, height:METRES, or a model")
    check.add_argument("--words", type=Path, metavar="FILE", help="YAML of a model's classes and the words for them")
    check.add_argument("--accept-licence", action="store_true")
    check.add_argument("--json", type=Path, metavar="FILE")


def run(args: argparse.Namespace) -> int:
    if args.kind == "list":
        return _list(args)
    if args.kind == "show":
        return _show(args)
    if args.kind == "get":
        return _get(args)
    return _check(args)


def _list(args: argparse.Namespace) -> int:
    models = [m for m in known_models() if not args.paints or args.paints in m.paints]
    rows = [{**dataclasses.asdict(model), "here": is_here(model)} for model in models]
    if args.json:
        write_json(args.json, rows)
        if args.json == Path("-"):
            return 0
    for model, row in zip(models, rows, strict=True):
        size = "" if model.size_mb is None else f"{model.size_mb:.0f} MB"
        mark = "*" if row["here"] else " "
        restricted = " (accept the licence)" if model.restricted else ""
        print(f"{mark} {model.name:70} {size:>8}  {', '.join(model.paints)}; {model.licence}{restricted}")
    print("* is here; fetch one with  vision-banana models get NAME", file=sys.stderr)
    return 0


def _show(args: argparse.Namespace) -> int:
    model = _known(args.name)
    row = {**dataclasses.asdict(model), "here": is_here(model)}
    if args.json:
        write_json(args.json, row)
        if args.json == Path("-"):
            return 0
    for name, value in row.items():
        if value not in ("", (), None):
            print(f"{name.replace('_', ' '):14} {', '.join(map(str, value)) if isinstance(value, tuple) else value}")
    return 0


def _get(args: argparse.Namespace) -> int:
    model, repositories, files, restricted, licence = _what_to_get(args.name)
    if not repositories:
        needs = model.needs if model is not None and model.needs else "it ships with this package"
        raise DataError(f"{args.name} is not fetched from a hub: {needs}")
    if restricted and not args.accept_licence:
        raise DataError(
            f"{args.name} is not for every use ({licence}): read its terms, then run this again with --accept-licence"
        )
    for repository in repositories:
        print(fetch(repository, revision=args.revision, files=files, tell=_tell))
    return 0


def _what_to_get(name: str) -> tuple[KnownModel | None, tuple[str, ...], tuple[str, ...], bool, str]:
    model = find_known(name) or find_known(f"hf:{name}")
    if model is not None:
        files = model.files or (ALLOWED if model.name.startswith("hf:") else ALLOWED_ONNX)
        return model, model.repositories, files, model.restricted, model.licence
    prefix, _, rest = name.rpartition(":")
    if prefix in ("", "hf") and all(is_id(part) for part in rest.split("+")):
        return None, tuple(rest.split("+")), ALLOWED, False, ""
    if prefix in ("", "onnx"):
        card = read_card(find_card(rest), locate=False)
        repositories = (card.source,) if is_id(card.source) else ()
        files = (*(str(file) for file in card.files), "*.onnx_data", "*.onnx.data")
        return None, repositories, files, not card.commercial, card.licence
    raise DataError(f"no model {name!r} is known: see  vision-banana models list,  or give hf:OWNER/NAME")


def _check(args: argparse.Namespace) -> int:
    if args.frames < 1:
        raise DataError(f"--frames must be at least 1, got {args.frames}")
    before = memory_mib()
    generator = load_generator(
        args.name, backend=args.backend, tell=_tell, device=args.device, precision=args.precision,
        accept_licence=args.accept_licence, anchor=args.anchor, words=args.words,
    )  # fmt: skip
    about = generator.about
    quiet = args.json == Path("-")
    if not quiet:
        tasks = ", ".join(sorted(task.value for task in generator.tasks))
        print(f"{about.name}: paints {tasks}; {about.licence}")
    findings = probe(generator, scenes(args.frames, args.name), tell=lambda _line: None, memory_before_mib=before)
    remarks = {k: v for k, v in getattr(generator, "remarks", {}).items() if v}
    if not quiet:
        for finding in findings:
            print(f"{finding.question:20} {finding.verdict:7} {finding.words}")
        for name, words in remarks.items():
            print(f"{name:20} {'':7} {words}")
    if args.json:
        record = {
            "model": args.name,
            "about": dataclasses.asdict(about),
            "findings": [dataclasses.asdict(finding) for finding in findings],
            "remarks": remarks,
        }
        write_json(args.json, record)
    return 1 if _is_wrong(findings) else 0


def scenes(frames: int, name: str = "") -> list[tuple[Footage, list[int]]]:
    """The moving scene, the bundled clip, and the world where its renderer is installed."""
    from vision_banana_ros.world.clip import bundled_clip
    from vision_banana_ros.world.moving import MovingScene

    footage: dict[str, Footage] = {"oracle:moving": MovingScene(), "oracle:clip": bundled_clip()}
    if name in footage:  # it knows no other
        footage = {name: footage[name]}
    found = [(one, [i * len(one) // frames for i in range(frames)]) for one in footage.values()]
    if name not in footage and find_spec("numba") is not None:
        from vision_banana_ros.world.live import SECONDS_PER_PLACE, LiveWorld

        live = LiveWorld(rate_hz=1.0)
        found.append((live, [i * int(SECONDS_PER_PLACE) for i in range(frames)]))
    return found


def is_here(model: KnownModel) -> bool:
    """Whether it could be loaded now."""
    prefix, _, rest = model.name.partition(":")
    try:
        if prefix == "onnx":
            read_card(find_card(rest))
            return True
        if prefix == "hf":
            return all(bool(find_folder(part)) for part in rest.split("+"))
    except (DataError, ImportError):
        return False
    return not model.repositories or all(is_cached(repository) for repository in model.repositories)


def _is_wrong(findings: tuple[Finding, ...]) -> bool:
    return any(finding.verdict == WRONG for finding in findings)


def _known(name: str) -> KnownModel:
    model = find_known(name) or find_known(f"hf:{name}")
    if model is None:
        raise DataError(f"no model {name!r} is known: see  vision-banana models list")
    return model


def _tell(line: str) -> None:
    print(f"vision-banana: {line}", file=sys.stderr, flush=True)
