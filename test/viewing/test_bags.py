"""Bags without ROS: the node's bytes, stamps and QoS; cameras found, resumed, left out."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

pytest.importorskip("rosbags")

from rosbags.highlevel import AnyReader
from rosbags.interfaces import QosDurability, QosReliability
from rosbags.rosbag2 import StoragePlugin, Writer

from vision_banana_ros.cli import main
from vision_banana_ros.core import Camera, Perception
from vision_banana_ros.perceiver import Sight
from vision_banana_ros.prompts import read_class_set
from vision_banana_ros.viewing.bags import Bag, our_types, qos
from vision_banana_ros.viewing.messages import CLOUD, IMAGE, INFO, STRING, Messages, topics

MODEL = "student@128x96"
START = 1_700_000_000_000_000_000


@pytest.fixture(scope="module")
def make() -> Messages:
    return Messages(our_types())


@pytest.fixture(scope="module")
def sight(scene) -> Sight:
    frame, truth = scene.frame(3), scene.truth(3)
    depth = truth.depth_m.copy()
    depth[:5] = np.nan
    layers = {
        "depth_m": depth,
        "normals": truth.normals,
        "mask": truth.mask,
        "depth_confidence": np.full(frame.hw, 200, np.uint8),
    }
    seen = Perception(stamp_ns=frame.stamp_ns, frame_id="eye", hw=frame.hw, layers=layers, camera=frame.camera)
    return Sight(frame=replace(frame, frame_id="eye"), perception=seen, camera_source="given", generate_s=0.0)


def same_bytes(message, msgtype: str, ros_message) -> bool:
    from rclpy.serialization import serialize_message

    store = our_types()
    # Once through the same writer: the bytes that only pad are whatever lay in memory before.
    theirs = store.serialize_cdr(store.deserialize_cdr(serialize_message(ros_message), msgtype), msgtype)
    return bytes(store.serialize_cdr(message, msgtype)) == bytes(theirs)


def test_bytes_are_those_of_the_node(make, sight):
    pytest.importorskip("rclpy")
    from vision_banana_ros.geometry import pack_cloud
    from vision_banana_ros.ros import convert, labels

    stamp = START + 123_456_789
    head, ros_head = make.header(stamp, "eye"), convert.header(stamp, "eye")
    seen = sight.perception
    for values, encoding in (
        (seen.depth_m, "32FC1"),
        (seen.normals, "32FC3"),
        (seen.mask, "mono8"),
        (seen.mask.astype(np.uint16), "mono16"),
        (sight.frame.rgb, "rgb8"),
    ):
        ours = make.image(values, encoding, head)
        assert same_bytes(ours, IMAGE, convert.image_message(values, encoding, ros_head)), encoding
    millimetres = Messages(our_types(), depth_format="16UC1").depth(seen.depth_m, head)
    expected = convert.image_message(convert.depth_as_millimetres(seen.depth_m), "16UC1", ros_head)
    assert same_bytes(millimetres, IMAGE, expected)
    assert same_bytes(make.info(seen.camera, head), INFO, convert.info_message(seen.camera, ros_head))
    cloud = convert.empty_cloud(seen.hw)
    cloud.header = ros_head
    pack_cloud(
        seen.depth_m,
        seen.camera,
        rgb=sight.frame.rgb,
        normals=seen.normals,
        mask=seen.mask,
        confidence=seen.depth_confidence,
        out=np.frombuffer(cloud.data, np.uint8),
    )
    assert same_bytes(make.cloud(sight, head), CLOUD, cloud)
    classes = read_class_set("floor=#80C000, chair")
    assert same_bytes(make.labels(classes), STRING, labels.labels_message(classes))
    words = make.words("segments", [{"id": 1}], head)
    assert same_bytes(words, STRING, labels.words_message("segments", [{"id": 1}], ros_head))


def test_distorted_cameras_keep_their_distortion_as_the_node_does(make):
    pytest.importorskip("rclpy")
    from vision_banana_ros.ros import convert

    camera = Camera(100.0, 110.0, 80.0, 60.0, 160, 120)
    ros_like = convert.info_message(camera.scaled_to(320, 240), convert.header(0, "eye"))
    ros_like.d = [0.1, -0.05, 0.0, 0.0, 0.0]
    like = make.info(camera.scaled_to(320, 240), make.header(0, "eye"))
    like = replace(like, d=np.array(ros_like.d))
    ours = make.info(camera, make.header(5, "eye"), like=like)
    assert same_bytes(ours, INFO, convert.info_message(camera, convert.header(5, "eye"), like=ros_like))


def test_topics_are_those_of_the_node():
    pytest.importorskip("rclpy")
    from vision_banana_ros.ros.topics import CLOUD as POINTS
    from vision_banana_ros.ros.topics import topics as node_topics

    live = {"objects", "tracks", "points/nav2"}  # derived from the others, for who drives right now
    wanted = {topic.name for topic in node_topics()} | {POINTS}
    wanted -= {name for name in wanted if name.endswith(("/compressed", "/compressedDepth"))} | live
    assert {topic.name for topic in topics()} == wanted
    kinds = {topic.name: topic.message.__name__ for topic in node_topics()}
    assert all(topic.msgtype.endswith(f"/{kinds[topic.name]}") for topic in topics() if topic.name in kinds)


@pytest.fixture(scope="module")
def bag(scene, make, tmp_path_factory):
    """Two cameras, one of them without info; infos come after the pictures; a picture in between is broken."""
    path = tmp_path_factory.mktemp("bags") / "in"
    store = our_types()
    with Writer(path, version=9, storage_plugin=StoragePlugin.SQLITE3) as writer:
        front = writer.add_connection("/front/image_raw", IMAGE, typestore=store, offered_qos_profiles=[qos()])
        info = writer.add_connection("/front/camera_info", INFO, typestore=store)
        rear = writer.add_connection("/rear/image_raw", IMAGE, typestore=store)
        depth = writer.add_connection("/front/depth/image_raw", IMAGE, typestore=store)
        chat = writer.add_connection("/chatter", STRING, typestore=store)
        for i in range(5):
            stamp, frame = START + i * 10**8, scene.frame(i)
            head = make.header(stamp, "front_eye")
            image = make.image(frame.rgb, "rgb8", head)
            if i == 2:
                image = replace(image, encoding="made-up")
            writer.write(front, stamp + 7, store.serialize_cdr(image, IMAGE))
            writer.write(info, stamp + 9, store.serialize_cdr(make.info(frame.camera, head), INFO))
            bgr = make.image(np.ascontiguousarray(frame.rgb[..., ::-1]), "rgb8", make.header(stamp, "rear_eye"))
            writer.write(rear, stamp + 11, store.serialize_cdr(replace(bgr, encoding="bgr8"), IMAGE))
            writer.write(depth, stamp + 12, store.serialize_cdr(image, IMAGE))
            writer.write(chat, stamp + 13, store.serialize_cdr(make.string({"i": i}), STRING))
    return path


def run(*args: object) -> int:
    return main(["bag", *map(str, args), "--model", MODEL, "--maps", "depth,classes"])


def read(path) -> dict[str, list]:
    found: dict[str, list] = {}
    with AnyReader([path], default_typestore=our_types()) as reader:
        for connection, recorded_ns, raw in reader.messages():
            entry = (recorded_ns, reader.deserialize(raw, connection.msgtype), connection)
            found.setdefault(connection.topic, []).append(entry)
    return found


def test_cameras_are_found(bag):
    with Bag(bag) as opened:
        assert [(c.image, c.info, c.namespace) for c in opened.cameras()] == [
            ("/front/image_raw", "/front/camera_info", "/front"),
            ("/rear/image_raw", "", "/rear"),
        ]


def test_out_comes_what_the_node_publishes(bag, tmp_path, capsys):
    out = tmp_path / "out"
    assert run(bag, "-o", out, "--image", "/front/image_raw", "--namespace", "vision", "--copy", "/chatter") == 0
    assert "1 pictures left out: image encoding 'made-up'" in capsys.readouterr().err
    found = read(out)
    seen = [START + i * 10**8 for i in (0, 1, 3, 4)]
    for topic in ("depth/image", "depth/camera_info", "segmentation/mask", "points", "canvas/depth"):
        entries = found[f"/vision/{topic}"]
        assert [recorded for recorded, _, _ in entries] == [stamp + 7 for stamp in seen], topic
        stamps = [m.header.stamp.sec * 10**9 + m.header.stamp.nanosec for _, m, _ in entries]
        assert stamps == seen
        assert {m.header.frame_id for _, m, _ in entries} == {"front_eye"}
        profile = entries[0][2].ext.offered_qos_profiles[0]
        assert (profile.reliability, profile.durability) == (QosReliability.RELIABLE, QosDurability.VOLATILE)
        assert profile.depth == 4
    labels = found["/vision/segmentation/labels"]
    assert labels[0][2].ext.offered_qos_profiles[0].durability == QosDurability.TRANSIENT_LOCAL
    assert json.loads(labels[0][1].data)["classes"][1]["name"] == "floor"
    assert [json.loads(m.data)["i"] for _, m, _ in found["/chatter"]] == [0, 1, 2, 3, 4]
    depth = found["/vision/depth/image"][0][1]
    assert (depth.encoding, depth.step, depth.width) == ("32FC1", 640, 160)


def test_it_goes_on_and_opens_elsewhere(bag, tmp_path, capsys):
    out = tmp_path / "out"
    wanted = ("--topics", "depth/*", "--depth-format", "16UC1", "--storage", "mcap")
    assert run(bag, "-o", out, "--limit", 4, *wanted) == 0
    assert run(bag, "-o", out, *wanted) == 0
    assert "going on from them" in capsys.readouterr().out
    found = read(out)
    assert set(found) == {
        f"/{camera}/depth/{name}" for camera in ("front", "rear") for name in ("image", "camera_info", "confidence")
    }
    assert len(found["/front/depth/image"]) == 4
    assert len(found["/rear/depth/image"]) == 5
    mcap = pytest.importorskip("mcap.reader")
    with next(out.glob("*.mcap")).open("rb") as file:
        reader = mcap.make_reader(file)
        assert reader.get_header().profile == "ros2"
        counts = reader.get_summary().statistics.channel_message_counts
    assert sum(counts.values()) == sum(map(len, found.values()))


def test_what_is_not_there_is_said(bag, tmp_path, capsys):
    assert run(tmp_path / "none", "-o", tmp_path / "out") == 2
    assert run(bag, "-o", tmp_path / "out", "--image", "/left") == 2
    assert run(bag, "-o", tmp_path / "out", "--topics", "nothing") == 2
    errors = capsys.readouterr().err
    assert "no bag" in errors
    assert "has no images on /left" in errors
    assert "fits none of" in errors
    assert not (tmp_path / "out").exists()
