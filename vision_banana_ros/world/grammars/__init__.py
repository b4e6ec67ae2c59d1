"""Grammars: one file per kind of place. Each function furnishes an empty stage and says where cameras may be."""

from collections.abc import Callable

from vision_banana_ros.world.grammars.drive import drive
from vision_banana_ros.world.grammars.flat import flat
from vision_banana_ros.world.grammars.home import bathroom, bedroom, living_room
from vision_banana_ros.world.grammars.kitchen import kitchen
from vision_banana_ros.world.grammars.office import corridor, office
from vision_banana_ros.world.grammars.open_country import field, park, yard
from vision_banana_ros.world.grammars.shop import shop
from vision_banana_ros.world.grammars.staircase import staircase
from vision_banana_ros.world.grammars.street import city_street, square
from vision_banana_ros.world.grammars.tabletop import in_reach, shelf_front, table_top
from vision_banana_ros.world.grammars.warehouse import warehouse, workshop
from vision_banana_ros.world.grammars.winter_garden import winter_garden
from vision_banana_ros.world.place import Place
from vision_banana_ros.world.stage import Stage

GRAMMARS: dict[str, Callable[[Stage], Place]] = {
    "living room": living_room,
    "bedroom": bedroom,
    "bathroom": bathroom,
    "kitchen": kitchen,
    "flat": flat,
    "office": office,
    "corridor": corridor,
    "staircase": staircase,
    "shop": shop,
    "warehouse": warehouse,
    "workshop": workshop,
    "table top": table_top,
    "shelf": shelf_front,
    "street": city_street,
    "square": square,
    "park": park,
    "field": field,
    "yard": yard,
    "winter garden": winter_garden,
    "drive": drive,
    "in reach": in_reach,
}

#: How often a mixed set shows each place; 0: by name only, so that the mixed sets of old seeds stay what they are.
WEIGHTS: dict[str, float] = {
    "living room": 2.0,
    "bedroom": 1.2,
    "bathroom": 0.6,
    "kitchen": 1.4,
    "flat": 0.8,
    "office": 1.8,
    "corridor": 1.0,
    "staircase": 0.7,
    "shop": 0.8,
    "warehouse": 1.0,
    "workshop": 0.7,
    "table top": 1.5,
    "shelf": 0.7,
    "street": 2.5,
    "square": 0.7,
    "park": 1.0,
    "field": 1.0,
    "yard": 0.7,
    "winter garden": 0.0,
    "drive": 0.0,
    "in reach": 0.0,
}
