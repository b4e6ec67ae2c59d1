"""`import vision_banana_ros as vb` gives the nouns and verbs, and costs nothing before they are used."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

import vision_banana_ros as vb


def _fresh(program: str) -> str:
    return subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout.strip()


@pytest.mark.parametrize("name", vb.__all__)
def test_every_name_is_there(name: str) -> None:
    assert getattr(vb, name) is not None
    assert name in dir(vb)


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="has no attribute 'nonsense'"):
        vb.nonsense  # noqa: B018


def test_importing_the_package_imports_nothing_heavy() -> None:
    """Its time (well under 0.1 s) follows from that: not even NumPy is read."""
    loaded = _fresh("import sys, vision_banana_ros; print(*sys.modules)").split()
    assert not {"numpy", "cv2", "torch", "rclpy"} & set(loaded)


@pytest.mark.parametrize(
    "first", ["import vision_banana_ros.perceive", "from vision_banana_ros.perceiver import Perceiver", "pass"]
)
def test_perceive_is_a_function_in_any_order_of_imports(first: str) -> None:
    program = f"{first}\nimport numpy as np, vision_banana_ros as vb\n"
    program += "frame = vb.Frame(np.zeros((8, 8, 3), np.uint8))\nprint(vb.perceive(frame, object(), []).hw)"
    assert _fresh(program) == "(8, 8)"


#: What only large models, training, the world or ROS need.
HEAVY = {
    "torch", "numba", "transformers", "diffusers", "ray", "rerun", "rosbags", "google", "scipy", "tensorrt",
    "vision_banana_ros.world", "vision_banana_ros.training", "vision_banana_ros.tuning", "vision_banana_ros.labelling",
    "vision_banana_ros.viewing",
}  # fmt: skip


@pytest.mark.parametrize("module", ["ros.perception_node", "ros.camera", "perceiver", "generators", "runtimes.choice"])
def test_what_a_robot_runs_imports_nothing_of_the_large_side(module: str) -> None:
    loaded = set(_fresh(f"import sys, vision_banana_ros.{module}; print(*sys.modules)").split())
    assert not HEAVY & loaded


def test_the_way_from_a_picture_to_metres_with_the_public_face_alone() -> None:
    frame = vb.Frame(np.zeros((32, 48, 3), np.uint8))

    class Flat:
        """Paints everything 2 m away."""

        tasks = frozenset({vb.Task.DEPTH})
        about = vb.About(name="flat", licence="Apache-2.0")

        def generate(self, _frame, instructions):  # type: ignore[no-untyped-def]
            from vision_banana_ros.codecs import depth

            rgb = depth.encode(np.full((32, 48), 2, np.float32))
            return [vb.Canvas(rgb, instruction) for instruction in instructions]

    seen = vb.perceive(frame, Flat(), [vb.Instruction(vb.Task.DEPTH), vb.Instruction(vb.Task.NORMALS)])
    assert seen.depth_m is not None
    assert np.allclose(seen.depth_m, 2, atol=0.01)
    assert [u.instruction.task for u in seen.unanswered] == [vb.Task.NORMALS]
