"""The files for clusters: nobody can start a cluster here, but they can be read, and their commands must be today's."""

from __future__ import annotations

import argparse
import shlex
import subprocess
from pathlib import Path
from typing import Any

import pytest

from vision_banana_ros.commands import label

CLUSTER = Path(__file__).parents[2] / "examples" / "cluster"
yaml = pytest.importorskip("yaml")


def read(name: str) -> Any:
    return yaml.safe_load((CLUSTER / name).read_text(encoding="utf-8"))


def script() -> str:
    """The last command of the Slurm script, in one line."""
    text = (CLUSTER / "label.sbatch").read_text(encoding="utf-8").replace("\\\n", " ")
    (line,) = [line for line in text.splitlines() if "vision-banana label" in line]
    return line[line.index("vision-banana") :]


@pytest.mark.parametrize(
    ("command", "ray"),
    [
        pytest.param(lambda: read("compose.yaml")["services"]["label"]["command"], "auto", id="compose"),
        pytest.param(lambda: read("raycluster.yaml")["spec"]["entrypoint"], "auto", id="kubernetes"),
        pytest.param(script, "$address", id="slurm"),
    ],
)
def test_commands_are_todays(command: Any, ray: str) -> None:
    program, name, *rest = shlex.split(command().replace("$SLURM_JOB_NUM_NODES", "4"))
    assert (program, name) == ("vision-banana", "label")
    parser = argparse.ArgumentParser()
    label.add_arguments(parser)
    args = parser.parse_args(rest)
    assert args.ray == ray
    assert args.workers > 1


def test_shells_read_the_script_and_ray_is_nobody_elses() -> None:
    subprocess.run(["bash", "-n", str(CLUSTER / "label.sbatch")], check=True)
    compose = read("compose.yaml")
    assert compose["networks"]["ray"]["internal"]
    assert not any("ports" in service for service in compose["services"].values())
    assert read("raycluster.yaml")["kind"] == "RayJob"


def test_the_image_names_extras_that_there_are() -> None:
    setup = (CLUSTER.parents[1] / "setup.py").read_text(encoding="utf-8")
    dockerfile = (CLUSTER / "Dockerfile").read_text(encoding="utf-8")
    extras = dockerfile.partition("/src[")[2].partition("]")[0].split(",")
    assert "scale" in extras
    assert all(f'"{extra}":' in setup for extra in extras)
