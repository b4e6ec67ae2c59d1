# Every target sets itself up: on a fresh machine `make test` or `make demo` is all there is to type.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.ready
# Isolated from other ROS 2 machines on the network, and from a sourced ROS distribution's Python packages.
ROS_ENV := ROS_AUTOMATIC_DISCOVERY_RANGE=LOCALHOST ROS_PYTHON_CHECK_FIELDS=1
SECONDS ?= 20
COMPILE := "from vision_banana_ros.world.dataset import *; render_sample(0, WorldSettings(width=32, height=24), threads=1)"

ONLY ?=

.PHONY: setup fmt lint type layers unit ros test slow matrix mutants coverage demo examples bench docs clean
setup: $(STAMP)

$(STAMP): setup.py constraints.txt tools/make_venv.sh
	sh tools/make_venv.sh $(PYTHON) $(VENV)
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[dev]'
	touch $@

fmt: $(STAMP)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

lint: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

type: $(STAMP)
	$(BIN)/mypy

layers: $(STAMP)
	$(BIN)/lint-imports

# In one piece per worker, as far as that goes: what tests of a file or a folder share is then made once, not by each.
# On a fresh machine the tracer is compiled meanwhile: else each process that renders would do so, for most of a minute.
unit: $(STAMP)
	($(BIN)/python -c $(COMPILE) >/dev/null 2>&1 &); $(BIN)/pytest -n auto --dist worksteal -m "not ros and not slow"

# Mostly waiting for processes, so more workers than cores.
ros: $(STAMP)
	$(ROS_ENV) $(BIN)/pytest -n 3 --dist loadfile -m "ros and not slow"

test: lint type layers unit ros

slow: $(STAMP)
	$(ROS_ENV) $(BIN)/pytest -m slow

# Each of Python 3.10 to 3.13 that is here, an environment each. A part of it: make matrix MATRIX='--python 3.10 test/codecs'
matrix:
	$(PYTHON) tools/matrix.py $(MATRIX)

mutants: $(STAMP)
	$(BIN)/python tools/mutants.py $(ONLY)

# Processes that tests start count too: nodes, commands, workers. Half as slow again, so no part of `make test`.
coverage: $(STAMP)
	$(BIN)/coverage erase
	-$(BIN)/coverage run -m pytest -q -m "not ros and not slow"
	-$(ROS_ENV) $(BIN)/coverage run -m pytest -q -m "ros and not slow"
	$(BIN)/coverage combine --quiet
	$(BIN)/python tools/coverage_by_room.py

demo: $(STAMP)
	$(BIN)/vision-banana demo --seconds $(SECONDS)

examples: $(STAMP)
	$(BIN)/pytest -q test/examples test/docs

bench: $(STAMP)
	$(BIN)/pytest benchmarks -q
	$(BIN)/vision-banana bench

# Needs little of what the rest needs: the reference is read from the source, not imported.
docs: $(VENV)/.docs
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet

$(VENV)/.docs: setup.py tools/make_venv.sh
	sh tools/make_venv.sh $(PYTHON) $(VENV)
	$(BIN)/python -m pip install --quiet --editable '.[docs]'
	touch $@

clean:
	rm -rf $(VENV) build dist site .coverage* *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis
