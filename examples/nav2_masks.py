"""Keepout and speed masks for Nav2 out of what the camera sees of the ground: grass is not driven on, carpet slowly.

    python examples/nav2_masks.py --keepout grass,road --slow carpet=40 [--frame map] [--size 40] [--resolution 0.1]

Listens to points/nav2, whose points carry their class, and segmentation/labels; looks up where the camera is; publishes
nav_msgs/OccupancyGrid, latched: keepout_filter_mask (100: not here) and speed_filter_mask (40: 40 % slower). Nav2's
costmap_filter_info_server and filters take them from there: config/nav2/semantic_masks.yaml. Needs a ROS distribution
with tf2_ros and nav_msgs. The classes must be among the node's `classes`, and not in `nav2_without`.

A cell takes a value once it was seen so several times more often than otherwise, and loses it in the same way.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

#: So much more often must a cell be seen as one thing than as another, at most that surely is it remembered.
ENOUGH, MOST = 3, 20
TICK_S = 0.5


@dataclass
class Mask:
    """Cells of `resolution_m` around the origin of a frame; `values` by class: what a cell of that class is worth."""

    values: Mapping[str, int]
    size_m: float = 40.0
    resolution_m: float = 0.1
    votes: np.ndarray = field(init=False)
    worth: np.ndarray = field(init=False)

    def __post_init__(self) -> None:
        cells = round(self.size_m / self.resolution_m)
        self.votes, self.worth = np.zeros((cells, cells), np.int16), np.zeros((cells, cells), np.int8)

    def see(self, xy: np.ndarray, labels: np.ndarray, names: Mapping[int, str]) -> None:
        """Points of one cloud, in the mask's frame, with their class ids; each cell has one vote a cloud."""
        cells = np.floor((xy + self.size_m / 2) / self.resolution_m).astype(int)
        inside = ((cells >= 0) & (cells < self.votes.shape[0])).all(axis=1) & (labels != 255)
        columns, rows = cells[inside].T
        by_id = np.array([self.values.get(names.get(label, ""), 0) for label in range(256)], np.int8)
        seen = by_id[labels[inside]]
        told = np.zeros_like(self.worth)
        looked_at = np.zeros(self.votes.shape, bool)
        looked_at[rows, columns] = True
        np.maximum.at(told, (rows, columns), seen)
        marked = looked_at & (told > 0)
        self.votes[marked] += 1
        self.votes[looked_at & (told == 0)] -= 1
        np.clip(self.votes, 0, MOST, out=self.votes)
        self.worth[marked] = told[marked]

    def grid(self) -> np.ndarray:
        """int8, 0 where nothing is said; rows along y."""
        return np.where(self.votes >= ENOUGH, self.worth, np.int8(0))


def values_of(words: str, *, default: int | None = None) -> dict[str, int]:
    """ "carpet=40, grass" as numbers; those without one are `default`."""
    values = {}
    for word in filter(None, (part.strip() for part in words.split(","))):
        name, _, number = word.partition("=")
        if not number and default is None:
            raise SystemExit(f"{name} needs a number, as in {name}=40")
        values[name.strip()] = int(number or default or 0)
    return values


def main() -> None:
    parser = argparse.ArgumentParser(description="Nav2 masks from what the camera sees of the ground.")
    parser.add_argument("--keepout", default="", help="classes that are not driven on: grass,road")
    parser.add_argument("--slow", default="", help="classes and by how many per cent slower: carpet=40")
    parser.add_argument("--frame", default="map")
    parser.add_argument("--size", type=float, default=40.0, help="metres, around the frame's origin")
    parser.add_argument("--resolution", type=float, default=0.1, help="metres a cell")
    args = parser.parse_args()
    masks = {
        "keepout_filter_mask": Mask(values_of(args.keepout, default=100), args.size, args.resolution),
        "speed_filter_mask": Mask(values_of(args.slow), args.size, args.resolution),
    }
    spin(masks, args.frame)


def spin(masks: Mapping[str, Mask], frame: str) -> None:
    import rclpy
    import tf2_ros
    from nav_msgs.msg import OccupancyGrid
    from rclpy.qos import DurabilityPolicy, QoSProfile, ReliabilityPolicy
    from sensor_msgs.msg import PointCloud2
    from std_msgs.msg import String

    from vision_banana_ros.ros.transforms import rotation

    rclpy.init()
    node = rclpy.create_node("nav2_masks")
    buffer = tf2_ros.Buffer()
    _listener = tf2_ros.TransformListener(buffer, node)
    latched = QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL)
    publishers = {name: node.create_publisher(OccupancyGrid, name, latched) for name in masks}
    names: dict[int, str] = {}

    def on_labels(message: String) -> None:
        names.clear()
        names.update({entry["id"]: entry["name"] for entry in json.loads(message.data)["classes"]})

    def on_cloud(cloud: PointCloud2) -> None:
        try:
            found = buffer.lookup_transform(frame, cloud.header.frame_id, rclpy.time.Time())
        except tf2_ros.TransformException as error:
            node.get_logger().warning(f"no place for the cloud: {error}", throttle_duration_sec=5.0)
            return
        turn, shift = found.transform.rotation, found.transform.translation
        packed = np.frombuffer(cloud.data, np.uint8).reshape(-1, cloud.point_step)
        points = packed[:, :12].copy().view("<f4") @ rotation(turn.x, turn.y, turn.z, turn.w).T
        for mask in masks.values():
            mask.see(points[:, :2] + [shift.x, shift.y], packed[:, 12], names)

    def publish() -> None:
        for name, mask in masks.items():
            message = OccupancyGrid()
            message.header.frame_id, message.header.stamp = frame, node.get_clock().now().to_msg()
            message.info.resolution = mask.resolution_m
            message.info.height, message.info.width = mask.votes.shape
            message.info.origin.position.x = message.info.origin.position.y = -mask.size_m / 2
            message.info.origin.orientation.w = 1.0
            message.data = mask.grid().reshape(-1).tolist()
            publishers[name].publish(message)

    sensor = QoSProfile(depth=1, reliability=ReliabilityPolicy.BEST_EFFORT)
    keep: list[Any] = [
        node.create_subscription(String, "segmentation/labels", on_labels, latched),
        node.create_subscription(PointCloud2, "points/nav2", on_cloud, sensor),
        node.create_timer(TICK_S, publish),
    ]
    try:
        rclpy.spin(node)
    except KeyboardInterrupt:
        keep.clear()


if __name__ == "__main__":
    main()
