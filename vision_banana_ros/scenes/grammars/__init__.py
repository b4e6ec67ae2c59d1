"""Grammars: one file per kind of place. Each function furnishes an empty stage and says where cameras may be."""

from collections.abc import Callable

from vision_banana_ros.scenes.grammars.home import bathroom, bedroom, living_room
from vision_banana_ros.scenes.place import Place
from vision_banana_ros.scenes.stage import Stage

GRAMMARS: dict[str, Callable[[Stage], Place]] = {
    "living room": living_room,
    "bedroom": bedroom,
    "bathroom": bathroom,
}

#: How often a mixed set shows each place.
WEIGHTS: dict[str, float] = {
    "living room": 2.0,
    "bedroom": 1.2,
    "bathroom": 0.6,
}
