"""The training loop, from data to checkpoint, top to bottom.

    RUN/config.json     what was asked for
    RUN/last.pt         weights, averaged weights, optimiser, samples seen: a run that is started again goes on here
    RUN/best.pt         the averaged weights that did best on the gates so far
    RUN/first.pt        the weights that it started from, if those were a whole student's
    RUN/text.npz        the text table
    RUN/sources.json    what it learns from, with licences, for the manifest of what is packed
    RUN/log.jsonl       one JSON object per line: losses, gates
    RUN/pictures/       what the gates look like now

One process on a CPU or GPU, or several under torchrun; bfloat16 where the device computes in it.
"""

from __future__ import annotations

import dataclasses
import json
import os
import time
from collections import defaultdict
from pathlib import Path

import torch
from torch import Tensor, nn

from vision_banana_ros.generators.student import StudentGenerator
from vision_banana_ros.runtimes.torch import TorchRuntime
from vision_banana_ros.student.boxes import Boxes
from vision_banana_ros.student.network import Student, StudentConfig
from vision_banana_ros.student.text import TextTable
from vision_banana_ros.training.batch import Words
from vision_banana_ros.training.checkpoint import BEST, FIRST, LAST, Average, load_run, save_checkpoint
from vision_banana_ros.training.config import TrainingConfig
from vision_banana_ros.training.features import feature_size
from vision_banana_ros.training.gates import Gates
from vision_banana_ros.training.journal import Journal, alive, means, note
from vision_banana_ros.training.losses import total_loss
from vision_banana_ros.training.optimisation import learning_rate, parameter_groups
from vision_banana_ros.training.photometry import vary
from vision_banana_ros.training.questions import Recipe
from vision_banana_ros.training.samples import Sampler
from vision_banana_ros.training.sources import sources
from vision_banana_ros.training.start import IMAGENET, start_from
from vision_banana_ros.training.trainee import Trainee

#: What torch says of a processor; older versions cannot tell.
_BFLOAT16_UNITS = ("_is_avx512_bf16_supported", "_is_amx_tile_supported")


def train(config: TrainingConfig, run: Path, text: TextTable) -> Path:
    """Train, or go on training, until `config.samples`; the path of the last checkpoint."""
    # --- where we are -------------------------------------------------------------------------------------------
    rank, world = int(os.environ.get("RANK", 0)), int(os.environ.get("WORLD_SIZE", 1))
    device = torch.device(f"cuda:{os.environ.get('LOCAL_RANK', 0)}" if torch.cuda.is_available() else "cpu")
    if world > 1:
        torch.distributed.init_process_group("nccl" if device.type == "cuda" else "gloo")
    if config.threads:
        torch.set_num_threads(config.threads)
    torch.manual_seed(config.seed)
    run.mkdir(parents=True, exist_ok=True)
    is_first = rank == 0

    # --- the network, its optimiser, and where an earlier run stopped -------------------------------------------
    tasks = Recipe(config.asked_first, config.asked_in_turn).tasks()
    student = Student(StudentConfig(tasks=tasks))
    if config.initial and not (run / LAST).exists():
        # before the average and the other processes copy the weights
        start_from(student, config.initial)
        if is_first and config.initial != IMAGENET:
            save_checkpoint(run / FIRST, {"average": student.state_dict()})
    student = student.to(device)
    student.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # the stub forgets this form
    vectors = feature_size(config)
    trainee = Trainee(student, features=vectors).to(device)
    trainee.learn(frozen_blocks=config.frozen_blocks, batch_norms=False)  # says what has gradients
    optimiser = torch.optim.AdamW(parameter_groups(trainee, config), lr=config.learning_rate, fused=True)
    average = Average.of(student, config.average)
    seen = 0
    if (run / LAST).exists():
        state = load_run(run / LAST, tasks)
        student.load_state_dict(state["weights"])
        trainee.load_state_dict(state["helpers"], strict=False)
        optimiser.load_state_dict(state["optimiser"])
        for group in optimiser.param_groups:  # runs of older versions remember another way
            group["fused"], group["foreach"] = True, None
        average.shadow = {name: value.to(device) for name, value in state["average"].items()}
        average.steps, seen = state["average_steps"], state["samples"]
    model: nn.Module = trainee
    if config.compile:
        model = compiled(trainee, device)
    if world > 1:
        model = nn.parallel.DistributedDataParallel(
            trainee,
            device_ids=[device.index] if device.index is not None else None,
            find_unused_parameters=False,
        )
    if is_first:
        config.save(run / "config.json")
        text.save(run / "text.npz")
        write_sources(config, run / "sources.json")

    # --- data ---------------------------------------------------------------------------------------------------
    sampler = Sampler(config, Words.of(text, device), device, rank=rank, world=world, start=seen, feature_size=vectors)
    gates = Gates.open(config.gates) if is_first else None
    noise = torch.Generator(device=device).manual_seed(config.seed + seen + rank)

    best, began = -1.0, time.monotonic()
    # --- steps --------------------------------------------------------------------------------------------------
    journal = Journal(run / "log.jsonl")
    clock = {name: time.monotonic() for name in ("log", "checkpoint", "gate")}
    logged_at, recent = seen, defaultdict[str, list[Tensor]](list)
    for batch in sampler:
        done = (time.monotonic() - began) / (60 * config.minutes) if config.minutes else None
        if seen >= config.samples or (done is not None and done >= 1):
            break
        trainee.learn(frozen_blocks=config.frozen_blocks, batch_norms=seen < config.batch_norms)
        for group in optimiser.param_groups:
            group["lr"] = learning_rate(config, seen, done) * group["share"]
        image = vary(batch.image, noise).contiguous(memory_format=torch.channels_last)
        with torch.autocast(device.type, torch.bfloat16, enabled=config.bfloat16 and has_bfloat16(device)):
            painting, sight = model(image, batch.boxes, batch.log_focal)
        losses = total_loss(painting, batch, sight, features_weight=config.features_weight)
        optimiser.zero_grad(set_to_none=True)
        losses.total.backward()  # type: ignore[no-untyped-call]
        norm = nn.utils.clip_grad_norm_(trainee.parameters(), 1.0)
        if torch.isfinite(norm):  # one broken batch must not break the run
            optimiser.step()
            average.update(student)
        seen += config.batch * world
        note(recent, losses, norm)

        now = time.monotonic()
        if is_first and now - clock["log"] > config.log_seconds:
            rate = (seen - logged_at) / (now - clock["log"])
            figures = means(recent) | {"alive": alive(student, batch.image)}
            entry = {name: round(value, 4) for name, value in figures.items()}
            journal.write({"samples": seen, "per_second": round(rate, 1), **entry})
            clock["log"], logged_at = now, seen
            recent.clear()
        if is_first and now - clock["checkpoint"] > config.checkpoint_seconds:
            clock["checkpoint"] = now
            write(run, trainee, average, optimiser, seen)
        if gates is not None and gates.frames and now - clock["gate"] > config.gate_seconds:
            best = judge(gates, average, text, config, run, journal, seen, device, best)
            clock["gate"] = clock["log"] = time.monotonic()
            logged_at = seen
    # --- the end ------------------------------------------------------------------------------------------------
    sampler.end()
    if is_first:
        write(run, trainee, average, optimiser, seen)
        if sampler.live is not None:
            seconds = time.monotonic() - began
            made = {"frames": sampler.live.made, "frames_per_second": round(sampler.live.made / seconds, 1)}
            journal.write({"samples": seen, "world": sampler.live.way, **made})
        if gates is not None and gates.frames:
            judge(gates, average, text, config, run, journal, seen, device, best)
    if world > 1:
        torch.distributed.destroy_process_group()
    return run / LAST


def write_sources(config: TrainingConfig, path: Path) -> None:
    entries = [{"name": s.name, "licence": s.licence, "samples": count} for s, count in sources(config)]
    path.write_text(json.dumps(entries, indent=1) + "\n", encoding="utf-8")


def has_bfloat16(device: torch.device) -> bool:
    """Whether bfloat16 is computed in hardware. Any AVX-512 can imitate it, 1.6 times as slow as float32."""
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported())
    return any(getattr(torch.cpu, name, lambda: False)() for name in _BFLOAT16_UNITS)


def compiled(trainee: Trainee, device: torch.device) -> nn.Module:
    """The compiled network; as it is where its first step fails, which is told."""
    model: nn.Module = torch.compile(trainee, dynamic=False)  # type: ignore[assignment]
    try:
        from vision_banana_ros.student.graph import example_inputs

        image, *boxes = example_inputs(64, 64, trainee.student.config.tasks)
        probe = Boxes(*(tensor[None].to(device) for tensor in boxes))
        model(image.permute(0, 3, 1, 2).float().to(device), probe, torch.zeros(1, device=device))
    except Exception as error:  # compilers fail in as many ways as there are machines
        print(f"torch.compile failed ({type(error).__name__}), the network runs as it is", flush=True)
        return trainee
    return model


def judge(
    gates: Gates,
    average: Average,
    text: TextTable,
    config: TrainingConfig,
    run: Path,
    journal: Journal,
    seen: int,
    device: torch.device,
    best: float,
) -> float:
    """The averaged weights on the gates; those that did best so far, by the mean over the gates, are kept."""
    student = Student(StudentConfig(tasks=Recipe(config.asked_first, config.asked_in_turn).tasks())).to(device)
    student.load_state_dict(average.shadow)
    sizes_wh = [(view.width, view.height) for view in config.views]
    generator = StudentGenerator(TorchRuntime(student.eval()), text, sizes_wh, tasks=student.config.tasks)
    figures = []
    for result in gates.judge(generator, run / "pictures"):
        figures.append(result.figure)
        print(f"[{seen}] {result.line()}", flush=True)
        entry = {"samples": seen, "gate": result.name, "far_hit": result.far_hit, "too_far": result.too_far}
        journal.write({**entry, "scores": result.evaluation.to_json()}, quiet=True)
    mean = sum(figures) / len(figures)
    if mean > best:
        save_checkpoint(run / BEST, {"average": average.shadow, "samples": seen, "figure": mean})
    return max(mean, best)


def write(run: Path, trainee: Trainee, average: Average, optimiser: torch.optim.Optimizer, seen: int) -> None:
    save_checkpoint(
        run / LAST,
        {
            "weights": trainee.student.state_dict(),
            "helpers": trainee.helpers(),
            "average": average.shadow,
            "average_steps": average.steps,
            "optimiser": optimiser.state_dict(),
            "samples": seen,
            "network": dataclasses.asdict(trainee.student.config),
        },
    )
