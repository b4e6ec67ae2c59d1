"""What a training sample costs, beside what it cost before samples were tensors.

    made     CPU time of its view, paste, questions and answers, one thread
    learnt   CPU time of its light, forward and backward pass, losses and the optimiser's step
    rate     what two free cores make of that, a process each

Half of the samples are real frames of 480x360 (turned, with things pasted), half renders of 320x240; all are made up,
so that no data is needed. The way of the eighth student is gone; it was measured in turns with this one and with a
yardstick of fixed work, which says how fast this machine is just now: so many yardsticks it took (docs/LOG.md,
2026-11-28).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from statistics import median

import numpy as np

from vision_banana_ros.bench.rows import Row
from vision_banana_ros.core import Camera, Frame, Truth
from vision_banana_ros.tasks import vocabulary

VIEW_WH, BATCH, QUESTIONS = (192, 128), 8, 3
FRAMES, THINGS = 16, 14
RENDER_WH, REAL_WH = (320, 240), (480, 360)
_ROUNDS, _WARM_UPS = 5, 2
#: Yardsticks that the former way took for one sample.
FORMER_MADE, FORMER_LEARNT = 0.57, 3.93


def measure() -> Iterator[Row]:
    """Raises ImportError where the extra `train` is not installed."""
    import torch

    from vision_banana_ros.student.text import EMBEDDING_SIZE, TextTable
    from vision_banana_ros.training.words import known_texts

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        texts = list(dict.fromkeys(known_texts()))
        vectors = np.random.default_rng(0).normal(size=(len(texts), EMBEDDING_SIZE)).astype(np.float32)
        text = TextTable(texts, vectors / np.linalg.norm(vectors, axis=1, keepdims=True))
        make, learn = _paths(text)
        made, learnt, sticks = list[float](), list[float](), list[float]()
        for i in range(_WARM_UPS + _ROUNDS):
            took = (_cpu_ms(make) / BATCH, _cpu_ms(learn) / BATCH, _cpu_ms(yardstick))
            if i >= _WARM_UPS:
                for figures, value in zip((made, learnt, sticks), took, strict=True):
                    figures.append(value)
    finally:
        torch.set_num_threads(threads)
    stick = median(sticks)
    yield _row("the yardstick", stick, "ms")
    yield _beside("made", median(made), FORMER_MADE * stick, "<= 4 ms")
    yield _beside("learnt", median(learnt), FORMER_LEARNT * stick, "")
    rate, former = (2e3 / total for total in (median(made) + median(learnt), (FORMER_MADE + FORMER_LEARNT) * stick))
    against = f"the former way ({former:.1f}/s)"
    bar = ">= 25/s, 2.5 x"
    yield _row("rate on two free cores", rate, "images/s", against=against, ratio=rate / former, bar=bar)


def made_up(seed: int, wh: tuple[int, int] = RENDER_WH) -> tuple[Frame, Truth]:
    """Boxes before a wall and a floor, with every kind of truth."""
    rng = np.random.default_rng(seed)
    width, height = wh
    depth = np.full((height, width), 6.0, np.float32)
    depth[height // 2 :] = np.linspace(6, 1, height - height // 2, dtype=np.float32)[:, None]
    normals = np.zeros((height, width, 3), np.float32)
    normals[..., 2], normals[height // 2 :] = -1, (0, -1, 0)
    mask = np.full((height, width), vocabulary.class_id("wall"), np.uint8)
    mask[height // 2 :] = vocabulary.class_id("floor")
    instances = np.zeros((height, width), np.uint16)
    rgb = rng.integers(60, 200, (height, width, 3), np.uint8)
    for thing in range(THINGS):
        top, left = int(rng.integers(height - 60)), int(rng.integers(width - 60))
        region = np.s_[top : top + int(rng.integers(20, 60)), left : left + int(rng.integers(20, 60))]
        depth[region], instances[region] = rng.uniform(0.8, 5), thing + 1
        mask[region] = vocabulary.class_id(("chair", "box", "table", "person")[thing % 4])
        rgb[region] = rng.integers(0, 256, 3)
    camera = Camera(260.0, 260.0, width / 2 - 0.5, height / 2 - 0.5, width, height)
    truth = Truth(
        camera=camera,
        depth_m=depth,
        normals=normals,
        mask=mask,
        instances=instances,
        labels=vocabulary.labels(),
    )
    return Frame(rgb, camera=camera), truth


def yardstick() -> None:
    """Work of the same kinds: convolutions forward and backward, and passes over memory."""
    import torch

    x = torch.ones(8, 48, 48, 72).contiguous(memory_format=torch.channels_last).requires_grad_()
    weight = torch.ones(48, 48, 3, 3, requires_grad=True)
    y = torch.relu(torch.nn.functional.conv2d(x, weight, padding=1))
    (y * y + y).mean().backward()  # type: ignore[no-untyped-call]


def _paths(text: object) -> tuple[Callable[[], object], Callable[[], object]]:
    import torch

    from vision_banana_ros.student.network import Student
    from vision_banana_ros.student.text import TextTable
    from vision_banana_ros.training.batch import Words
    from vision_banana_ros.training.config import TrainingConfig, View
    from vision_banana_ros.training.losses import total_loss
    from vision_banana_ros.training.photometry import vary
    from vision_banana_ros.training.samples import Sampler
    from vision_banana_ros.training.sources import LONGEST, Group, Renders
    from vision_banana_ros.training.store import Labels, Stack, record
    from vision_banana_ros.training.trainee import Trainee

    assert isinstance(text, TextTable)
    cpu, labels, rng = torch.device("cpu"), Labels(), np.random.default_rng(0)
    stacks = []
    for wh, longest in ((RENDER_WH, None), (REAL_WH, LONGEST)):
        records = [record(*made_up(seed, wh), labels, longest=longest) for seed in range(FRAMES)]
        stack = Stack.empty(records[0].truth.shape, FRAMES, cpu)
        stack.put(records)
        stacks.append(stack)
    view = View(width=VIEW_WH[0], height=VIEW_WH[1])
    config = TrainingConfig(
        views=(view,), batch=BATCH, questions=QUESTIONS, real_share=0.5, paste_share=0.55, turn_share=0.75
    )
    renders = Renders((), 0.0, labels, cpu, 0, 1, rng, {stacks[0].hw: stacks[0]})
    real = [Group(1.0, [stacks[1]])]
    sampler = Sampler(config, Words.of(text, cpu), cpu, labels=labels, renders=renders, real=real)
    student = Student()
    student.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # the stub forgets this form
    trainee = Trainee(student)
    trainee.learn(frozen_blocks=config.frozen_blocks, batch_norms=False)
    optimiser = torch.optim.AdamW([p for p in trainee.parameters() if p.requires_grad], fused=True)
    noise = torch.Generator().manual_seed(0)
    batches = [sampler.batch(view)]

    def make() -> None:
        batches[0] = sampler.batch(view)

    def learn() -> None:
        batch = batches[0]
        image = vary(batch.image, noise).contiguous(memory_format=torch.channels_last)
        painting, sight = trainee(image, batch.boxes, batch.log_focal)
        optimiser.zero_grad(set_to_none=True)
        total_loss(painting, batch, sight).total.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(trainee.parameters(), 1.0)
        optimiser.step()

    return make, learn


def _cpu_ms(work: Callable[[], object]) -> float:
    """CPU time: what other processes do meanwhile counts as little as it can."""
    start = time.process_time()
    work()
    return 1e3 * (time.process_time() - start)


def _beside(name: str, value: float, former: float, bar: str) -> Row:
    return _row(
        f"a sample {name}, CPU time",
        value,
        "ms",
        against=f"the former way ({former:.0f} ms)",
        ratio=former / value,
        bar=bar,
    )


def _row(
    name: str, value: float | None, unit: str, *, against: str = "", ratio: float | None = None, bar: str = ""
) -> Row:
    return Row(area="training", name=name, value=value, unit=unit, against=against, ratio=ratio, bar=bar)
