"""Small things by theme: which of them meet on one table or shelf."""

from __future__ import annotations

from vision_banana_ros.world.furniture.crockery import (
    apple,
    banana,
    bottle,
    bowl,
    can,
    cup,
    drinking_glass,
    fork_and_knife,
    kettle,
    orange,
    pan,
    plate,
    pot,
    vase,
)
from vision_banana_ros.world.furniture.sundries import (
    ball,
    book_stack,
    clock,
    drill,
    hammer,
    paper_sheet,
    pen,
    phone,
    remote_control,
    scissors,
    screwdriver,
    toolbox,
    toy,
    vessel_box,
)
from vision_banana_ros.world.stage import Maker

__all__ = [
    "EVERYTHING",
    "FOOD",
    "KITCHENWARE",
    "LIVING",
    "STATIONERY",
    "TOOLS",
    "apple",
    "ball",
    "banana",
    "book_stack",
    "bottle",
    "bowl",
    "can",
    "clock",
    "cup",
    "drill",
    "drinking_glass",
    "fork_and_knife",
    "hammer",
    "kettle",
    "orange",
    "pan",
    "paper_sheet",
    "pen",
    "phone",
    "plate",
    "pot",
    "remote_control",
    "scissors",
    "screwdriver",
    "toolbox",
    "toy",
    "vase",
    "vessel_box",
]

FOOD: tuple[Maker, ...] = (apple, orange, banana, bowl, plate, cup, drinking_glass, bottle, can, vessel_box)
STATIONERY: tuple[Maker, ...] = (pen, paper_sheet, book_stack, scissors, phone, cup, bottle)
KITCHENWARE: tuple[Maker, ...] = (pot, pan, kettle, cup, plate, bowl, bottle, can, vessel_box, fork_and_knife)
LIVING: tuple[Maker, ...] = (vase, book_stack, remote_control, cup, bowl, phone, clock, toy, bottle, drinking_glass)
TOOLS: tuple[Maker, ...] = (hammer, screwdriver, drill, toolbox, can, vessel_box, scissors)
EVERYTHING: tuple[Maker, ...] = tuple(dict.fromkeys((*FOOD, *STATIONERY, *KITCHENWARE, *LIVING, *TOOLS, ball)))
