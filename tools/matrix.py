"""The unit tests on each promised Python that this machine has: 3.10 (Humble, JetPack 6) to 3.13.

    python tools/matrix.py [--python 3.10 ...] [--install '.[dev]'] [TEST ...]

Interpreters are looked for on the PATH, under pyenv and under uv. Each gets a virtual environment, .venv-3.x, with the
newest packages that it can have within constraints.txt: on 3.10 that is ONNX Runtime 1.23, the oldest that is
supported. A version that is not here is told and no failure. Exit code 1 when tests fail on one that is.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
VERSIONS = ("3.10", "3.11", "3.12", "3.13")
_WATCHED = ("numpy", "onnxruntime", "openvino", "torch")


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--python", action="append", choices=VERSIONS, help="only this version; may be repeated")
    parser.add_argument("--install", default=".[dev]", metavar="WHAT", help="what pip installs; default: %(default)s")
    parser.add_argument("--also", nargs="*", default=[], metavar="PACKAGE", help="more that pip installs")
    parser.add_argument("tests", nargs="*", metavar="TEST", help="files or folders; default: all unit tests")
    args = parser.parse_args()
    told: dict[str, str] = {}
    failed = False
    for version in args.python or VERSIONS:
        python = interpreter(version)
        if python is None:
            told[version] = "not on this machine"
            continue
        venv = ROOT / f".venv-{version}"
        code = _prepare(python, venv, [args.install, *args.also]) or _test(venv, args.tests)
        told[version] = ("passed" if code == 0 else f"FAILED ({code})") + f", {_packages(venv)}"
        failed |= code != 0
    for version, words in told.items():
        print(f"{version:5} {words}")
    return 1 if failed else 0


def interpreter(version: str) -> str | None:
    """The newest of that version: on the PATH, else pyenv's, else uv's."""
    found = shutil.which(f"python{version}")
    if found is not None and _is(found, version):
        return found
    pyenv = Path(os.environ.get("PYENV_ROOT", str(Path.home() / ".pyenv"))) / "versions"
    builds = sorted(pyenv.glob(f"{version}.*/bin/python"), key=lambda file: _numbers(file.parts[-3]))
    if builds:
        return str(builds[-1])
    if shutil.which("uv") is not None:
        done = subprocess.run(["uv", "python", "find", "--no-project", version], capture_output=True, text=True)
        if done.returncode == 0 and _is(done.stdout.strip(), version):
            return done.stdout.strip()
    return None


def _is(python: str, version: str) -> bool:
    """It runs and is that version: a shim of pyenv's may stand for one that is not chosen."""
    words = "import sys; print('%d.%d' % sys.version_info[:2])"
    done = subprocess.run([python, "-c", words], capture_output=True, text=True)
    return done.returncode == 0 and done.stdout.strip() == version


def _numbers(name: str) -> list[int]:
    return [int(word) for word in re.findall(r"\d+", name)]


def _prepare(python: str, venv: Path, packages: list[str]) -> int:
    made = subprocess.run(["sh", "tools/make_venv.sh", python, str(venv)], cwd=ROOT).returncode
    if made:
        return made
    pip = [str(venv / "bin" / "python"), "-m", "pip", "install", "--quiet", "--constraint", "constraints.txt"]
    return subprocess.run([*pip, "--editable", *packages], cwd=ROOT).returncode


def _test(venv: Path, tests: list[str]) -> int:
    """Not in parallel as a rule: torch's threads and several versions would be at each other's throats."""
    pytest = [
        str(venv / "bin" / "python"),
        "-m",
        "pytest",
        "-q",
        "-p",
        "no:cacheprovider",
        "-m",
        "not ros and not slow",
    ]
    return subprocess.run([*pytest, *tests], cwd=ROOT).returncode


def _packages(venv: Path) -> str:
    words = (
        "import platform; from importlib.metadata import version, PackageNotFoundError\n"
        "print(platform.python_version(), end='')\n"
        f"for name in {_WATCHED!r}:\n"
        "    try: print(f', {name} {version(name)}', end='')\n"
        "    except PackageNotFoundError: pass\n"
    )
    done = subprocess.run([str(venv / "bin" / "python"), "-c", words], capture_output=True, text=True)
    return done.stdout or "no environment"


if __name__ == "__main__":
    sys.exit(main())
