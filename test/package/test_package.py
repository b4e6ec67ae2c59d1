"""What an install puts where, and that the two descriptions of the package (package.xml, setup.py) agree."""

import ast
import re
import stat
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
import zipfile
from pathlib import Path

import pytest

import vision_banana_ros

ROOT = Path(__file__).parents[2]
NAME = "vision_banana_ros"


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    folder = tmp_path_factory.mktemp("wheel")
    source = folder / "source"
    # A copy of what git knows: building in place would leave build/ behind and pick up stale files from it.
    files = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, check=True, capture_output=True, text=True).stdout
    for file in filter(None, files.split("\0")):
        if (ROOT / file).is_file():
            (source / file).parent.mkdir(parents=True, exist_ok=True)
            (source / file).write_bytes((ROOT / file).read_bytes())
            (source / file).chmod((ROOT / file).stat().st_mode)
    command = [
        sys.executable,
        "-m",
        "pip",
        "wheel",
        "--quiet",
        "--no-deps",
        "--no-build-isolation",
        "-w",
        str(folder),
        str(source),
    ]
    subprocess.run(command, check=True)
    return zipfile.ZipFile(next(folder.glob("*.whl")))


def package_xml() -> ElementTree.Element:
    return ElementTree.parse(ROOT / "package.xml").getroot()


def test_the_version_is_the_same_everywhere() -> None:
    assert package_xml().findtext("version") == vision_banana_ros.__version__


def test_a_wheel_carries_what_ros2_run_and_ros2_launch_look_for(wheel: zipfile.ZipFile) -> None:
    names = {name.split(".data/data/")[-1] for name in wheel.namelist()}
    assert f"share/ament_index/resource_index/packages/{NAME}" in names
    assert f"share/{NAME}/package.xml" in names
    assert f"share/{NAME}/launch/perception.launch.py" in names
    assert f"share/{NAME}/config/perception.yaml" in names
    assert {f"lib/{NAME}/perception_node", f"lib/{NAME}/camera_node"} <= names


def test_executables_of_a_wheel_can_be_executed(wheel: zipfile.ZipFile) -> None:
    executables = [info for info in wheel.infolist() if f"/lib/{NAME}/" in info.filename]
    assert executables
    assert all((info.external_attr >> 16) & stat.S_IXUSR for info in executables)


def test_a_wheel_carries_every_data_file_of_the_package(wheel: zipfile.ZipFile) -> None:
    tracked = subprocess.run(
        ["git", "ls-files", NAME], cwd=ROOT, check=True, capture_output=True, text=True
    ).stdout.split()
    missing = {file for file in tracked if (ROOT / file).is_file()} - set(wheel.namelist())
    assert not missing


def test_the_run_time_install_is_light(wheel: zipfile.ZipFile) -> None:
    metadata = next(wheel.read(name).decode() for name in wheel.namelist() if name.endswith(".dist-info/METADATA"))
    always = [line for line in re.findall(r"^Requires-Dist: (.+)$", metadata, re.M) if "extra ==" not in line]
    assert sorted(re.split(r"[<>=!~ \[;]", line)[0] for line in always) == ["PyYAML", "numpy", "opencv-python-headless"]


def test_package_xml_names_every_ros_package_that_the_code_imports() -> None:
    declared = {element.text for element in package_xml() if element.tag.endswith("depend")}
    imported = set()
    for file in [*(ROOT / NAME / "ros").glob("**/*.py"), *(ROOT / "launch").glob("*.py")]:
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                imported |= {alias.name.split(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                imported.add(node.module.split(".")[0])
    of_ros = {
        name
        for name in imported
        if name.endswith("_msgs") or name.startswith(("rclpy", "launch", "ament_", "cv_bridge"))
    }
    assert "rclpy" in of_ros
    assert of_ros <= declared
