"""A box of paints -> how to paint, and what each paint is for."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn

from vision_banana_ros.student.boxes import Boxes, for_prompts
from vision_banana_ros.student.paintbox import BACKGROUND, FREE, KINDS, KNOT
from vision_banana_ros.student.text import EMBEDDING_SIZE

_PLACE_WAVES = 8


class Reader(nn.Module):
    """The steering vector of each prompt (N, D), and a key per paint (N, P, C). The lens is none of its business."""

    def __init__(self, tasks: int, prompt: int, key: int, glance: int) -> None:
        super().__init__()
        self.words = nn.Linear(EMBEDDING_SIZE, prompt)
        self.hear = nn.Linear(tasks + prompt + 3, 2 * prompt)
        self.see = nn.Linear(glance, 2 * prompt, bias=False)
        self.say = nn.Linear(2 * prompt, prompt)
        self.key = nn.Sequential(
            nn.Linear(prompt + KINDS + 2 * _PLACE_WAVES, 2 * prompt), nn.ReLU(), nn.Linear(2 * prompt, key)
        )
        nn.init.normal_(self.see.weight, std=1e-2)
        waves = math.pi * 2.0 ** torch.arange(_PLACE_WAVES) / 2
        self.waves: Tensor
        self.register_buffer("waves", waves, persistent=False)

    def forward(self, boxes: Boxes, glance: Tensor) -> tuple[Tensor, Tensor]:
        words = self.words(boxes.text * math.sqrt(EMBEDDING_SIZE))
        # targets and free paints have words; their mean is the prompt's subject
        has_words = (boxes.text.abs().sum(-1, keepdim=True) > 0).to(words.dtype)
        subject = (words * has_words).sum(1) / has_words.sum(1).clamp(min=1)
        # a painter that is free to choose must know which colour is taken; nobody else needs any colour
        free = boxes.kind[..., FREE].amax(1, keepdim=True)
        taken = (boxes.color * boxes.kind[..., BACKGROUND : BACKGROUND + 1]).sum(1) * free
        heard = self.hear(torch.cat([boxes.task, subject, taken], dim=-1))
        prompt = F.relu(self.say(F.relu(heard + for_prompts(self.see(glance), heard, boxes.image_of))))
        angle = boxes.place[..., None] * self.waves
        knot = boxes.kind[..., KNOT : KNOT + 1]
        place = torch.cat([torch.sin(angle), torch.cos(angle)], dim=-1) * knot
        key = self.key(torch.cat([words * has_words, boxes.kind, place], dim=-1))
        return prompt, key
