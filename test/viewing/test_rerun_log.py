"""The viewer's file: verified by rerun itself, with a layout; what serves listens on this host alone."""

from __future__ import annotations

import socket
import subprocess
import sys
import time

import pytest

pytest.importorskip("rerun")

from vision_banana_ros.cli import main
from vision_banana_ros.viewing.rerun_log import Viewer, blueprint

MODEL = "student@128x96"


def rerun(*args: object) -> str:
    command = [sys.executable, "-m", "rerun", *map(str, args)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout + done.stderr


def test_a_film_becomes_a_verified_recording(film, tmp_path):
    path = tmp_path / "out.rrd"
    command = ["view", str(film), "-o", str(path), "--limit", "3", "--steady", "--instances", "ball", "--model", MODEL]
    assert main(command) == 0
    assert "verified without error" in rerun("rrd", "verify", path)
    told = rerun("rrd", "print", path)
    for entity in ("world/camera/rgb", "world/camera/depth", "world/camera/classes", "world/points", "canvas/depth"):
        assert f"/{entity}" in told, entity
    for plot in ("rate_hz", "depth_confidence", "generate_ms"):
        assert f"/plots/{plot}" in told


def test_the_layout_shows_every_layer_of_every_camera():
    origins: list[str] = []

    def walk(part) -> None:
        if hasattr(part, "origin"):
            origins.append(part.origin)
        for inside in getattr(part, "contents", ()) if not hasattr(part, "origin") else ():
            walk(inside)

    walk(blueprint(("front", "rear")).root_container)
    for camera in ("front", "rear"):
        assert f"{camera}/world" in origins
        assert f"{camera}/canvas" in origins
        for layer in ("rgb", "depth", "normals", "classes", "instances"):
            assert f"{camera}/world/camera/{layer}" in origins
    assert "/" in origins  # the curves


def test_one_source_is_asked_for(tmp_path, capsys):
    assert main(["view"]) == 2
    assert main(["view", "a.mp4", "--bag", "b"]) == 2
    assert main(["view", "a.mp4", "-o", str(tmp_path / "x.png")]) == 2
    errors = capsys.readouterr().err
    assert errors.count("give one of IN, --bag and --topic") == 2
    assert "ends in .rrd" in errors


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.mark.slow
def test_the_page_is_served_to_this_host_alone():
    port, web_port = free_port(), free_port()
    viewer = Viewer(web=True, port=port, web_port=web_port)
    try:
        assert viewer.page.startswith(f"http://127.0.0.1:{web_port}/?url=")
        listening = listeners()
        assert listening[port] == {"0100007F"}  # 127.0.0.1, as /proc/net/tcp writes it
        assert listening[web_port] == {"0100007F"}
    finally:
        viewer.close()
    deadline = time.monotonic() + 10
    while {port, web_port} & set(listeners()):  # it ends with its children
        assert time.monotonic() < deadline
        time.sleep(0.1)


def listeners() -> dict[int, set[str]]:
    found: dict[int, set[str]] = {}
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        with open(table, encoding="ascii") as lines:
            for line in list(lines)[1:]:
                local, state = line.split()[1], line.split()[3]
                if state == "0A":
                    address, port = local.split(":")
                    found.setdefault(int(port, 16), set()).add(address)
    return found
