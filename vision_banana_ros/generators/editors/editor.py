"""An image editor as a generator: the frame and the paper's prompt in, the painted picture back on the frame's pixels.

Every prompt starts from the same noise (one seed each), so a canvas does not depend on what else was asked, and the
same frame gives the same canvas again.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from typing import Any

import numpy as np

from vision_banana_ros.core import About, Canvas, Frame, GeneratorError, Task, UInt8Array
from vision_banana_ros.generators.asking import require_tasks
from vision_banana_ros.generators.editors.decoder import decoding_by
from vision_banana_ros.generators.editors.families import Family
from vision_banana_ros.generators.editors.once import nothing, one_step
from vision_banana_ros.generators.fitting import Fit
from vision_banana_ros.generators.wording import PROMPTED, prompt_text
from vision_banana_ros.prompts import Instruction


@dataclass(frozen=True, slots=True, kw_only=True)
class Asking:
    """How a loaded editor is asked. `tuned`: it was trained on the paper's prompts; steps, guidance: None for the
    family's own; `batch`: prompts in one call at most. `once`: canvases are painted in one step without noise, pictures
    as ever."""

    tuned: bool = False
    seed: int = 0
    steps: int | None = None
    guidance: float | None = None
    batch: int = 4
    once: bool = False


class EditorGenerator:
    """A `Generator` around a diffusers pipeline that takes a picture and a prompt."""

    def __init__(
        self,
        pipeline: Any,
        family: Family,
        about: About,
        *,
        asking: Asking | None = None,
        tasks: frozenset[Task] = PROMPTED,
        size_wh: tuple[int, int] | None = None,
        decoder: Any = None,
    ) -> None:
        """`decoder`: in the place of the autoencoder's own while canvases are painted."""
        self._pipeline = pipeline
        self._family = family
        self._about = about
        self._asking = asking or Asking()
        self._tasks = tasks
        self._size_wh = size_wh
        self._decoder = decoder
        self._batch = max(1, self._asking.batch) if family.batches else 1

    @property
    def tasks(self) -> frozenset[Task]:
        return self._tasks

    @property
    def about(self) -> About:
        return self._about

    def generate(self, frame: Frame, instructions: Sequence[Instruction]) -> list[Canvas]:
        require_tasks(self, instructions)
        if not instructions:
            return []
        fit = self._family.fit((frame.hw[1], frame.hw[0]), self._size_wh, self._pipeline)
        prompts = [prompt_text(i, tuned=self._asking.tuned) for i in instructions]
        for prompt in prompts:
            self._require_whole(prompt)
        picture = fit.enter(frame.rgb)
        painted: dict[int, UInt8Array] = {}
        for freely in (True, False):  # pictures, then canvases
            which = [k for k, i in enumerate(instructions) if (i.task is Task.IMAGE) is freely]
            while which:
                now, which = which[: self._batch], which[self._batch :]
                rgbs = self._painted(picture, [prompts[k] for k in now], fit, freely=freely)
                painted |= dict(zip(now, rgbs, strict=True))
        return [Canvas(fit.leave(painted[k]), i) for k, i in enumerate(instructions)]

    def _painted(self, picture: UInt8Array, prompts: list[str], fit: Fit, *, freely: bool) -> list[UInt8Array]:
        """One call of the pipeline; where memory is too small for all prompts at once, one call each from now on."""
        import torch

        try:
            with torch.inference_mode(), self._for_canvases(freely=freely):
                answer = self._pipeline(**self._arguments(picture, prompts, fit, freely=freely))
        except torch.OutOfMemoryError as error:
            torch.cuda.empty_cache()
            if len(prompts) > 1:
                self._batch = 1
                return [rgb for prompt in prompts for rgb in self._painted(picture, [prompt], fit, freely=freely)]
            raise GeneratorError(
                f"{self.about.name} runs out of GPU memory at {fit.model_wh[0]}x{fit.model_wh[1]}: "
                "ask for smaller canvases (MODEL@WIDTHxHEIGHT), or load it with offload"
            ) from error
        except (RuntimeError, TypeError, ValueError) as error:
            lines = str(error).strip().splitlines() or [type(error).__name__]
            raise GeneratorError(f"{self.about.name} failed on {prompts[0][:60]!r}: {lines[0][:200]}") from error
        if any(getattr(answer, "nsfw_content_detected", None) or ()):
            raise GeneratorError(f"the safety filter of {self.about.name} blacked a picture out: drop this frame")
        pictures = [np.asarray(image.convert("RGB"), np.uint8) for image in answer.images]
        if len(pictures) != len(prompts):
            raise GeneratorError(f"{self.about.name} painted {len(pictures)} pictures for {len(prompts)} prompts")
        return pictures

    @contextmanager
    def _for_canvases(self, *, freely: bool) -> Iterator[None]:
        """The schedule and the decoder of canvases; for pictures the base's own."""
        schedule = one_step(self._pipeline) if self._asking.once and not freely else nullcontext()
        decoder = nullcontext() if self._decoder is None or freely else decoding_by(self._pipeline, self._decoder)
        with schedule, decoder:
            yield

    def _arguments(self, picture: UInt8Array, prompts: list[str], fit: Fit, *, freely: bool = False) -> dict[str, Any]:
        import torch
        from PIL import Image

        family, asking = self._family, self._asking
        image = Image.fromarray(picture)
        seeds = [torch.Generator("cpu").manual_seed(asking.seed) for _ in prompts]
        one = len(prompts) == 1
        call: dict[str, Any] = {
            **family.call,
            "image": [image] * len(prompts) if family.repeats_image and not one else image,
            "prompt": prompts[0] if one else prompts,
            "generator": seeds[0] if one else seeds,
        }
        steps = asking.steps or family.steps
        if steps is not None:
            call["num_inference_steps"] = steps
        if asking.guidance is not None:
            call[family.guidance_name] = asking.guidance
        if asking.once and not freely:
            call |= {"num_inference_steps": 1, family.guidance_name: 1.0}
            call["latents"] = nothing(self._pipeline, fit.model_wh, len(prompts))
        if family.takes_size:
            call |= {"width": fit.model_wh[0], "height": fit.model_wh[1]}
        if family.takes_area:
            call["max_area"] = fit.model_wh[0] * fit.model_wh[1]
        if family.negative is not None and call.get(family.guidance_name, 1) > 1:
            call[family.negative] = " " if one else [" "] * len(prompts)
        known = inspect.signature(self._pipeline.__call__).parameters
        if not any(p.kind is p.VAR_KEYWORD for p in known.values()):
            call = {name: value for name, value in call.items() if name in known}
        return call

    def _require_whole(self, prompt: str) -> None:
        """A prompt that is cut off would be answered for the classes that come first, without a word."""
        tokenizer = getattr(self._pipeline, "tokenizer_2", None) or getattr(self._pipeline, "tokenizer", None)
        if self._family.most_tokens is None or tokenizer is None:
            return
        tokens = len(tokenizer(prompt, truncation=False, verbose=False).input_ids)
        if tokens > self._family.most_tokens:
            raise GeneratorError(
                f"{self.about.name} reads {self._family.most_tokens} tokens, the prompt has {tokens}: "
                f"name fewer classes ({prompt[:60]!r}...)"
            )
