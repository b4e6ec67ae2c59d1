"""Break the code in small ways, one at a time, and list the breaks that no test notices (docs/mutants.md).

    python tools/mutants.py                                   all of it: hours
    python tools/mutants.py vision_banana_ros/perceiver.py    one file; also a folder
    python tools/mutants.py --sample 60 vision_banana_ros     60 of each file, the same 60 each time, and what lived
    python tools/mutants.py --sample 0 vision_banana_ros      what lived before: a test may have been written since

mutmut changes functions and methods: operators, numbers, words, arguments. Files that have the same tests are mutated
together in a copy of what git knows, under build/mutants, and run there (mutant_runs.py) against the tests that are
named for them here, each mutant against those that reach its function. A broken copy can therefore never be left in the
tree, and a run that was stopped goes on.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
PACKAGE = "vision_banana_ros"
COPIES = ROOT / "build" / "mutants"
#: What is mutated, and the tests that are there to notice; the first that fits counts.
TESTS: dict[str, tuple[str, ...]] = {
    "perceiver.py": (
        "test/perceive/test_perceiver.py",
        "test/perceive/test_perceiver_edges.py",
        "test/perceive/test_odometry.py",
    ),
    "perceive.py": ("test/perceive/test_perceive.py", "test/perceive/test_perceiver.py"),
    "tasks/panoptic.py": ("test/tasks",),
    "tasks": ("test/tasks", "test/perceive", "test/prompts", "test/geometry/test_upsampling.py"),
    "evaluation/depth_metrics.py": ("test/evaluation/test_depth_metrics.py",),
    "evaluation/normal_metrics.py": ("test/evaluation/test_normal_metrics.py",),
    "evaluation/mask_metrics.py": ("test/evaluation/test_mask_metrics.py",),
    "evaluation/class_metrics.py": ("test/evaluation/test_class_metrics.py",),
    "evaluation/contest.py": ("test/evaluation/test_evaluate.py", "test/evaluation/test_baselines_and_intervals.py"),
    "evaluation/evaluate.py": ("test/evaluation/test_evaluate.py", "test/evaluation/test_baselines_and_intervals.py"),
    "data/mixture.py": ("test/data/test_mixture.py",),
    "training/tasks/panoptic.py": ("test/training/test_panoptic.py",),
    "training/tasks": ("test/training/test_questions.py", "test/training/test_losses.py"),
    "training/questions.py": ("test/training/test_questions.py",),
    "training/config.py": ("test/training/test_config.py",),
    "training/views.py": ("test/training/test_views.py", "test/training/test_sources.py"),
    "training/look.py": ("test/training/test_views.py", "test/training/test_store.py"),
    "training/store.py": ("test/training/test_store.py", "test/training/test_views.py"),
    "training/optimisation.py": ("test/training/test_optimisation.py",),
    "training/sources.py": ("test/training/test_sources.py", "test/training/test_store.py"),
    "training/samples.py": (
        "test/training/test_store.py",
        "test/training/test_sources.py",
        "test/training/test_uses.py",
    ),
    "training/loop.py": ("test/training/test_learning.py", "test/training/test_uses.py"),
}
#: Threads do not survive the forks that mutants run in.
ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENCV_FOR_THREADS_NUM"), "1")
#: mutmut reads it on import, from where it is run.
CONFIG = f'\n[tool.mutmut]\nsource_paths = ["{PACKAGE}"]\n'


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("only", nargs="*", type=Path, help="files or folders of the package")
    parser.add_argument("--jobs", type=int, default=os.cpu_count(), help="mutants at once")
    parser.add_argument("--sample", type=int, help="so many of each file, drawn by fixed dice; without it all")
    args = parser.parse_args()
    chosen = [file for file in mutated() if not args.only or any(is_in(file, only) for only in args.only)]
    if not chosen:
        parser.error(f"nothing to mutate; there are {', '.join(TESTS)}")
    groups: dict[str, list[Path]] = {}
    for file in chosen:
        groups.setdefault(group_of(file), []).append(file)
    return max([run(group, files, args.jobs, args.sample) for group, files in groups.items()])


def mutated() -> list[Path]:
    """The files that TESTS speaks of, from the package's folder."""
    files: dict[Path, None] = {}
    for name in TESTS:
        place = ROOT / PACKAGE / name
        found = [place] if place.is_file() else sorted(place.glob("**/*.py"))
        files |= dict.fromkeys(file.relative_to(ROOT) for file in found if file.name != "__init__.py")
    return list(files)


def is_in(file: Path, only: Path) -> bool:
    return only == file or only in file.parents


def group_of(file: Path) -> str:
    inner = file.relative_to(PACKAGE)
    return next(name for name in TESTS if is_in(inner, Path(name)))


def run(group: str, files: list[Path], jobs: int, sample: int | None) -> int:
    """Run the mutants of files that have the same tests, and print those that live; the exit status."""
    copy = COPIES / group.replace("/", "-").removesuffix(".py")
    refresh(copy)
    settings = copy / "pyproject.toml"
    settings.write_text((ROOT / "pyproject.toml").read_text(encoding="utf-8") + CONFIG, encoding="utf-8")
    tests = [test for test in TESTS[group] if (ROOT / test).exists()]
    what = {"files": [file.as_posix() for file in files], "tests": tests, "jobs": jobs, "sample": sample}
    print(f"--- {', '.join(what['files'])}, against {' '.join(tests)}", flush=True)
    environment = {**os.environ, **ONE_THREAD, "PYTHONPATH": ""}
    command = [sys.executable, "tools/mutant_runs.py", json.dumps(what)]
    return subprocess.run(command, cwd=copy, env=environment, check=False).returncode


def refresh(copy: Path) -> None:
    """What git knows, as it stands; unchanged files keep their times, by which mutmut knows what it has done."""
    names = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    for name in filter(None, names.split("\0")):
        source, target = ROOT / name, copy / name
        if not source.is_file() or (target.is_file() and target.stat().st_mtime == source.stat().st_mtime):
            continue
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(source, target)


if __name__ == "__main__":
    sys.exit(main())
