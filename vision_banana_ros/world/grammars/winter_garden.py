"""Rooms full of tall plants: near, dark and ragged things before bright windows, which single cameras tend to miss."""

from __future__ import annotations

from vision_banana_ros.world.furniture import floorware, people, seats, storage, tabletop
from vision_banana_ros.world.furniture.greenery import tall_plant
from vision_banana_ros.world.grammars.home import indoor_place, open_room, scatter_on
from vision_banana_ros.world.layout import Room
from vision_banana_ros.world.place import Place
from vision_banana_ros.world.stage import Stage


def winter_garden(stage: Stage) -> Place:
    """Plants along the walls and in the room, tables and seats between them."""
    room = Room.drawn(stage, (3.5, 9.0), (3.0, 7.0))
    plan, _ = open_room(stage, room, windowed=0.95)
    for _ in range(stage.count(2, 6)):
        plan.freely(stage, tall_plant, square=0)
    for _ in range(stage.count(1, 4)):
        plan.against_wall(stage, tall_plant)
    for maker in (storage.table, seats.sofa, storage.desk, storage.cabinet):
        if stage.chance(0.5):
            scatter_on(stage, plan.freely(stage, maker), tabletop.LIVING, stage.uniform(0.1, 0.8))
    for maker in (seats.chair, seats.chair, seats.armchair, seats.stool, floorware.plant, floorware.plant):
        if stage.chance(0.5):
            plan.freely(stage, maker)
    if stage.chance(0.2):
        plan.freely(stage, people.person, square=0)
    return indoor_place(room)
