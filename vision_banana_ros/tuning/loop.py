"""The tuning run: prepare the lessons, learn, keep, go on where it stopped.

    DIR/config.json, log.jsonl, checkpoint.pt, cache/        of the run
    DIR/adapter/                                             what `diffusers:BASE+DIR/adapter` loads, with its card

One GPU, several, or FSDP: the same command under `accelerate launch` or torchrun.
"""

from __future__ import annotations

import json
import math
import signal
import threading
from collections.abc import Callable
from contextlib import nullcontext
from datetime import timedelta
from importlib import import_module
from pathlib import Path
from typing import Any

import torch

from vision_banana_ros.core import DataError
from vision_banana_ros.tuning.bases import open_base
from vision_banana_ros.tuning.bases.base import Base
from vision_banana_ros.tuning.bases.opening import Opened
from vision_banana_ros.tuning.book import Book
from vision_banana_ros.tuning.card import training_card, write_card
from vision_banana_ros.tuning.config import TuningConfig
from vision_banana_ros.tuning.drawing import Draws, batches
from vision_banana_ros.tuning.mixture import items
from vision_banana_ros.tuning.sharding import shard, whole
from vision_banana_ros.tuning.splitting import require_divisible, split_tokens
from vision_banana_ros.tuning.weights import (
    RunningMean,
    load_checkpoint,
    make_trainable,
    save_checkpoint,
    save_result,
    trainable,
)

ADAPTER_FOLDER = "adapter"
#: How long other processes wait while one encodes and renders.
_PREPARING = timedelta(days=2)
LOG = "log.jsonl"


def tune(
    config: TuningConfig,
    folder: Path,
    *,
    cache: Path | None = None,
    opened: Opened | None = None,
    tell: Callable[[str], None] = print,
) -> Path:
    """Run to `config.steps`, or go on; the folder of the adapter. `opened`: a base that is loaded already."""
    folder.mkdir(parents=True, exist_ok=True)
    _keep_config(config, folder)
    opened = opened or open_base(
        config.base,
        precision=config.precision,
        device=config.device,
        accept_licence=config.accept_licence,
        warn=tell,
    )
    base = opened.base
    size_wh = base.size_wh((config.width, config.height))
    accelerate: Any = import_module("accelerate")
    accelerator = accelerate.Accelerator(
        cpu=base.device.type == "cpu",
        mixed_precision="bf16" if config.full and base.device.type == "cuda" else "no",
        kwargs_handlers=[accelerate.utils.InitProcessGroupKwargs(timeout=_PREPARING)],
    )
    if not accelerator.is_main_process:
        tell = _silent
    on_pixels = config.form == "once" and config.once_loss == "canvas"
    with accelerator.main_process_first():  # the others find all of it done
        book = Book(
            cache or folder / "cache", base, opened.disk.name, keep_words=config.cache_words, keep_canvases=on_pixels
        )
        book.prepare(items(config, size_wh), tell)
    draws = Draws(
        book.entries,
        config,
        drops=not base.words_see_picture,
        drops_picture=base.part == "unet",
    )
    _leave_the_card(base, keep_words=config.cache_words, decodes=on_pixels)
    weights = make_trainable(base, rank=config.rank, alpha=config.alpha, full=config.full, seed=config.seed)
    if config.checkpointing:
        base.network.enable_gradient_checkpointing()
    if config.split > 1:
        require_divisible(base, size_wh, config.split)
        split_tokens(base.network, config.split)
    if config.shard:
        shard(base.network)
        weights = trainable(base)
    optimizer: Any = torch.optim.AdamW(
        weights.values(), lr=config.learning_rate, weight_decay=config.weight_decay, betas=(0.9, 0.99)
    )
    mean = RunningMean(weights, config.ema)
    step = load_checkpoint(folder, weights, mean, optimizer)
    if config.shard:
        base.wrapped, optimizer = base.network, accelerator.prepare(optimizer)
    else:
        base.wrapped, optimizer = accelerator.prepare(base.network, optimizer)
    main = accelerator.is_main_process
    tell(
        f"{sum(p.numel() for p in weights.values()):,} weights learn from {len(book.entries)} lessons at "
        f"{size_wh[0]}x{size_wh[1]}, ratio {config.ratio}" + (f"; going on at step {step}" if step else "")
    )
    journal = _Journal(folder / LOG, step, write=accelerator.is_main_process)
    if step == 0:
        journal.write({"step": 0, "held_out": _judge(draws, book, base, config)})
    with _Stop() as stop:
        while step < config.steps and not stop.asked:
            losses = _step(step, draws, book, base, config, accelerator, optimizer, weights)
            step += 1
            mean.update(weights, step)
            journal.write({"step": step, **losses})
            if step % config.judge_every == 0 or step == config.steps:
                with mean.instead(weights):
                    held_out = _judge(draws, book, base, config)
                journal.write({"step": step, "held_out": held_out})
                tell(f"step {step}: {_words(held_out) or losses['loss']}")
            if step % config.save_every == 0:
                save_checkpoint(folder, step, weights, mean, optimizer, write=main)
        if step % config.save_every:
            save_checkpoint(folder, step, weights, mean, optimizer, write=main)
    if stop.asked:
        raise KeyboardInterrupt
    base.wrapped = None
    mean.replace(weights)
    base.network.eval()
    adapter = folder / ADAPTER_FOLDER
    adapter.mkdir(exist_ok=True)
    save_result(base, adapter, full=config.full, sharded=config.shard, write=main)
    if main:
        write_card(adapter, training_card(config, opened.disk, book.entries, size_wh, step))
    accelerator.wait_for_everyone()
    return adapter


def _step(
    step: int, draws: Draws, book: Book, base: Base, config: TuningConfig, accelerator: Any, optimizer: Any,
    weights: dict[str, torch.Tensor],
) -> dict[str, Any]:  # fmt: skip
    """One update; the losses by kind, as they were."""
    base.network.train()
    drawn = draws.step(step, accelerator.process_index // config.split)
    groups = batches(drawn, book, base, form=config.form)
    by_seed = {d.seed: d.entry.kind for d in drawn}
    said: dict[str, list[float]] = {}
    for number, batch in enumerate(groups):
        last = number == len(groups) - 1
        with _unsynced(accelerator, base.wrapped, last=last):
            losses = base.losses(batch)
            accelerator.backward(losses.sum() * (config.split / len(drawn)))
        for seed, loss in zip(batch.seeds, losses.tolist(), strict=True):
            said.setdefault(by_seed[seed], []).append(loss)
    every = [loss for losses in said.values() for loss in losses]
    if not all(map(math.isfinite, every)):
        raise DataError(f"the loss of step {step + 1} is no number: lower the learning rate ({config.learning_rate})")
    norm = float(whole(accelerator.clip_grad_norm_(weights.values(), config.clip)))
    rate = config.learning_rate * min(1.0, (step + 1) / max(1, config.warmup))
    for group in optimizer.param_groups:
        group["lr"] = rate
    optimizer.step()
    optimizer.zero_grad()
    by_kind = {kind: sum(losses) / len(losses) for kind, losses in sorted(said.items())}
    return {"loss": sum(every) / len(every), "by": by_kind, "norm": norm, "rate": rate}


@torch.no_grad()
def _judge(draws: Draws, book: Book, base: Base, config: TuningConfig) -> dict[str, float]:
    """Mean loss on lessons that are never learnt from, by kind; the noise is the same every time."""
    base.network.eval()
    found = {}
    for kind in sorted(draws.held_out):
        losses: list[float] = []
        for drawn in draws.judged(kind, config.judged):
            losses += [
                loss for batch in batches([drawn], book, base, form=config.form) for loss in base.losses(batch).tolist()
            ]
        if losses:
            found[kind] = sum(losses) / len(losses)
    return found


def _unsynced(accelerator: Any, network: Any, *, last: bool) -> Any:
    """Gradients of several GPUs are summed once a step, with its last group."""
    if hasattr(network, "set_requires_gradient_sync"):  # sharded
        network.set_requires_gradient_sync(last)
        return nullcontext()
    return nullcontext() if last else accelerator.no_sync(network)


def _leave_the_card(base: Base, *, keep_words: bool, decodes: bool) -> None:
    """What only encodes makes room for what learns."""
    if base.device.type != "cuda":
        return
    for name, part in base.pipeline.components.items():
        done = not decodes if name == "vae" else keep_words
        if isinstance(part, torch.nn.Module) and name != base.part and done:
            part.to("cpu")
    torch.cuda.empty_cache()


def _keep_config(config: TuningConfig, folder: Path) -> None:
    path = folder / "config.json"
    if path.is_file():
        changed = config.changed_from(TuningConfig.load(path))
        if changed:
            raise DataError(
                f"{folder} was begun with another {', '.join(changed)}: go on with the same, or give a new folder"
            )
    path.write_text(json.dumps(config.to_json(), indent=1) + "\n", encoding="utf-8")


class _Stop:
    """Ctrl-C between two steps: what is kept is a whole step. A second one ends at once."""

    def __init__(self) -> None:
        self.asked = False
        self._before: Any = None

    def __enter__(self) -> _Stop:
        if threading.current_thread() is threading.main_thread():
            self._before = signal.signal(signal.SIGINT, self._ask)
        return self

    def __exit__(self, *_: object) -> None:
        if self._before is not None:
            signal.signal(signal.SIGINT, self._before)

    def _ask(self, _number: int, _frame: object) -> None:
        if self.asked:
            raise KeyboardInterrupt
        self.asked = True


class _Journal:
    """A line a step; lines after the step that a run goes on from are dropped."""

    def __init__(self, path: Path, step: int, *, write: bool) -> None:
        self._path, self._writes = path, write
        if write and path.is_file():
            rows = [line for line in path.read_text(encoding="utf-8").splitlines() if _step_of(line) is not None]
            kept = [line for line in rows if (_step_of(line) or 0) <= step] if step else []
            path.write_text("".join(f"{line}\n" for line in kept), encoding="utf-8")

    def write(self, row: dict[str, Any]) -> None:
        if self._writes:
            with self._path.open("a", encoding="utf-8") as file:
                file.write(json.dumps(row) + "\n")


def _step_of(line: str) -> int | None:
    try:
        return int(json.loads(line)["step"])
    except (ValueError, KeyError, TypeError):
        return None


def _words(losses: dict[str, float]) -> str:
    return ", ".join(f"{kind} {loss:.4f}" for kind, loss in losses.items())


def _silent(_words: str) -> None:
    return
