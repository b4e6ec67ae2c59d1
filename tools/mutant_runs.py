"""The mutants of some files, each in a fork of one process that has imported and run their tests once (mutants.py).

    cd COPY && python tools/mutant_runs.py '{"files": [...], "tests": [...], "jobs": 2, "sample": null}'

COPY is a copy of what git knows that may be spoilt: its files are replaced by ones that hold all their mutants, of
which an environment variable switches one on. mutmut writes those; its own runner is not used, for it collects the
tests anew for each mutant, which takes longer than most of them. What became of a mutant is kept in COPY/results.json
as soon as it is known, and holds for as long as its function stays what it is; survivors are tried again each time.
"""

from __future__ import annotations

import gc
import json
import os
import random
import resource
import sys
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from mutmut.mutation.diff_apply import get_diff_for_mutant
from mutmut.mutation.file_mutation import mutate_file_contents
from mutmut.mutation.trampoline import set_mutant_under_test
from mutmut.state import state
from mutmut.utils.format_utils import get_mutant_name, mangled_name_from_mutant_name

RESULTS = Path("results.json")
#: CPU seconds beyond ten times what the tests take, before a mutant counts as one that never ends.
_PATIENCE_S = 20
LIVE = ("survived", "no test reaches it")


class Results:
    """By the mutant's name: what became of it, which test noticed, and the hash of its function."""

    def __init__(self, hashes: dict[str, str]) -> None:
        kept = json.loads(RESULTS.read_text(encoding="utf-8")) if RESULTS.exists() else {}
        self.hashes = hashes
        self.found = {name: entry for name, entry in kept.items() if entry[2] == hashes.get(name)}

    def add(self, name: str, what: str, by: str = "") -> None:
        self.found[name] = (what, by, self.hashes[name])
        RESULTS.write_text(json.dumps(self.found, indent=0), encoding="utf-8")

    def of(self, names: Sequence[str], *kinds: str) -> list[str]:
        return [name for name in names if name in self.found and (not kinds or self.found[name][0] in kinds)]


class Runner:
    """In place of pytest's loop: all tests once, to see which functions they reach; then a fork for each mutant."""

    def __init__(self, names: Sequence[str], jobs: int, results: Results) -> None:
        self.names, self.jobs, self.results = names, jobs, results
        self.reached: dict[str, list[pytest.Item]] = defaultdict(list)
        self.seconds: dict[pytest.Item, float] = {}
        self.noticed: dict[pytest.Item, int] = defaultdict(int)
        self.failed = False
        self._by_fixture: dict[Any, set[str]] = defaultdict(set)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self.failed |= report.failed

    @pytest.hookimpl(hookwrapper=True)
    def pytest_fixture_setup(self, fixturedef: Any) -> Iterator[None]:
        """What a fixture of a whole module reaches is reached by all tests that use it, not only by the first."""
        hits = state()._stats
        before = set(hits)
        hits.clear()
        yield
        if fixturedef.scope != "function":
            self._by_fixture[fixturedef] |= hits
        hits |= before

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        if session.testsfailed:
            raise session.Interrupted("the tests cannot be collected")
        self._once(session.items)
        gc.collect()
        gc.freeze()
        self._all()
        return True

    def _once(self, items: list[pytest.Item]) -> None:
        set_mutant_under_test("stats")
        for item, following in zip(items, [*items[1:], None], strict=True):
            state()._stats.clear()
            start = time.process_time()
            item.ihook.pytest_runtest_protocol(item=item, nextitem=following)
            self.seconds[item] = time.process_time() - start
            if self.failed:
                pytest.exit(f"{item.nodeid} fails on the code as it is", returncode=1)
            used = item._fixtureinfo.name2fixturedefs.values()  # type: ignore[attr-defined]
            reached = state()._stats.union(*(self._by_fixture[one] for defs in used for one in defs))
            for function in reached:
                self.reached[function].append(item)
        set_mutant_under_test("")

    def _all(self) -> None:
        running: dict[int, tuple[str, int]] = {}
        for count, name in enumerate(self.names):
            if count % 25 == 0:
                print(f"  {count} of {len(self.names)}", file=sys.__stderr__, flush=True)
            tests = self.reached[mangled_name_from_mutant_name(name)]
            if not tests:
                self.results.add(name, "no test reaches it")
                continue
            while len(running) >= self.jobs:
                self._wait(running)
            reading, writing = os.pipe()
            child = os.fork()
            if not child:
                self._try(name, tests, writing)
            os.close(writing)
            running[child] = name, reading
        while running:
            self._wait(running)

    def _try(self, name: str, tests: list[pytest.Item], writing: int) -> None:
        """Never returns."""
        code = 1
        try:
            limit = int(time.process_time() + _PATIENCE_S + 10 * sum(self.seconds[test] for test in tests))
            resource.setrlimit(resource.RLIMIT_CPU, (limit, limit + 1))
            set_mutant_under_test(name)
            tests[0].config.get_terminal_writer()._file = open(os.devnull, "w")  # noqa: SIM115
            # those first that noticed most so far: modules of tests that share a fixture stay together behind them
            first = sorted(tests, key=lambda test: -self.noticed[test])[:2]
            order = [*first, *(test for test in tests if test not in first)]
            for test, following in zip(order, [*order[1:], None], strict=True):
                test._initrequest()  # type: ignore[attr-defined]
                test.ihook.pytest_runtest_protocol(item=test, nextitem=following)
                if self.failed:
                    os.write(writing, test.nodeid.encode())
                    os._exit(1)
            code = 0
        finally:
            os._exit(code)

    def _wait(self, running: dict[int, tuple[str, int]]) -> None:
        child, status = os.wait()
        if child not in running:
            return
        name, reading = running.pop(child)
        with os.fdopen(reading, "rb") as pipe:
            by = pipe.read().decode()
        code = os.waitstatus_to_exitcode(status)
        self.results.add(name, "survived" if code == 0 else "noticed" if code > 0 else "ended by its limits", by)
        for test in self.reached[mangled_name_from_mutant_name(name)]:
            self.noticed[test] += test.nodeid == by


def main(files: list[str], tests: list[str], jobs: int, sample: int | None) -> int:
    sys.path.insert(0, "")
    names: dict[str, list[str]] = {}
    hashes: dict[str, str] = {}
    codes: dict[str, str] = {}
    for file in files:
        made = mutate_file_contents(file, Path(file).read_text(encoding="utf-8"))
        names[file] = [get_mutant_name(Path(file), name) for name in made.mutant_names]
        for name, key in zip(names[file], made.mutant_names, strict=True):
            hashes[name] = made.hash_by_function_name[mangled_name_from_mutant_name(key)]
        Path(file).write_text(made.code, encoding="utf-8")
        codes[file] = made.code
    results = Results(hashes)
    chosen = [name for found in names.values() for name in sorted({*_some(found, sample), *results.of(found, *LIVE)})]
    ended = set(results.of(chosen)) - set(results.of(chosen, *LIVE))
    runner = Runner([name for name in chosen if name not in ended], jobs, results)
    code = pytest.main(
        ["-q", "-m", "not ros and not slow", "-p", "no:cacheprovider", "-p", "no:xdist", *tests], [runner]
    )
    live = 0
    for file in files:
        left = results.of(names[file], *LIVE)
        for name in left:
            print(f"\n{results.found[name][0]}: {name}\n{get_diff_for_mutant(name, codes[file], file)}")
        print(
            f"\n{file}: {len(names[file])} mutants, {len(results.of(names[file]))} tried, {len(left)} live", flush=True
        )
        live += len(left)
    return int(code) if code not in (0, pytest.ExitCode.NO_TESTS_COLLECTED) else 0


def _some(names: list[str], sample: int | None) -> list[str]:
    return names if sample is None else sorted(random.Random(0).sample(sorted(names), min(sample, len(names))))


if __name__ == "__main__":
    sys.exit(main(**json.loads(sys.argv[1])))
