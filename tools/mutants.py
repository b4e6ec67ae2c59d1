"""Break the code in small ways, one at a time, and list the breaks that no test notices (docs/mutants.md).

    python tools/mutants.py                                   all of it: hours
    python tools/mutants.py vision_banana_ros/perceiver.py    one file; also a folder

mutmut changes functions and methods: operators, numbers, words, arguments. Each file is mutated in a copy of what git
knows, under build/mutants, and run against the tests that are named for it here, of which mutmut takes those that
reach the changed function. A broken copy can therefore never be left in the tree, and a run that was stopped goes on.
"""

from __future__ import annotations

import argparse
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
    "perceiver.py": ("test/perceive/test_perceiver.py",),
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
SURVIVED = ("survived", "no tests", "suspicious")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("only", nargs="*", type=Path, help="files or folders of the package")
    parser.add_argument("--jobs", type=int, default=os.cpu_count(), help="mutants at once")
    args = parser.parse_args()
    chosen = [file for file in mutated() if not args.only or any(is_in(file, only) for only in args.only)]
    if not chosen:
        parser.error(f"nothing to mutate; there are {', '.join(TESTS)}")
    left = sum(survivors(file, args.jobs) for file in chosen)
    print(f"{left} survivors; those with a reason stand in docs/mutants.md")
    return 0


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


def tests_of(file: Path) -> tuple[str, ...]:
    inner = file.relative_to(PACKAGE)
    return next(tests for name, tests in TESTS.items() if is_in(inner, Path(name)))


def survivors(file: Path, jobs: int) -> int:
    """Run the mutants of a file and print those that live; how many."""
    copy = COPIES / "-".join(file.with_suffix("").parts[1:])
    refresh(copy)
    tests = [test for test in tests_of(file) if (ROOT / test).exists()]
    settings = copy / "pyproject.toml"
    settings.write_text((ROOT / "pyproject.toml").read_text(encoding="utf-8") + config(file, tests), encoding="utf-8")
    environment = {**os.environ, **ONE_THREAD, "PYTHONPATH": ""}

    def mutmut(*words: str, quiet: bool = False) -> str:
        command = [sys.executable, "-m", "mutmut", *words]
        done = subprocess.run(command, cwd=copy, env=environment, text=True, stdout=subprocess.PIPE if quiet else None)
        if done.returncode:  # or it would look as if nothing had survived
            sys.exit(f"mutmut {words[0]} failed on {file}: do its tests pass?")
        return done.stdout or ""

    def lived() -> dict[str, str]:
        lines = (line.strip().split(": ") for line in mutmut("results", quiet=True).splitlines() if ": " in line)
        return {name: what for name, what in lines if what in SURVIVED}

    print(f"--- {file}, against {' '.join(tests)}", flush=True)
    before = lived() if (copy / "mutants").exists() else {}
    mutmut("run", "--max-children", str(jobs))
    if before:  # a test may have been written since
        mutmut("run", "--max-children", str(jobs), *before)
    left = lived()
    for name, what in left.items():
        print(f"\n{what}: {name}\n{mutmut('show', name, quiet=True)}", flush=True)
    return len(left)


def config(file: Path, tests: list[str]) -> str:
    lines = (
        "[tool.mutmut]",
        f'source_paths = ["{PACKAGE}"]',
        f'only_mutate = ["{file.as_posix()}"]',
        f"pytest_add_cli_args_test_selection = {tests}",
        'pytest_add_cli_args = ["-m", "not ros and not slow", "-p", "no:cacheprovider", "-p", "no:xdist"]',
        'also_copy = ["config", "docs", "examples", "launch", "package.xml", "setup.py", "README.md"]',
        'process_isolation = "forkserver"',
        "timeout_constant = 20.0",
    )
    return "\n" + "\n".join(lines) + "\n"


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
