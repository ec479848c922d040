# `make demo` and `make test` do all their own set-up: a virtual environment in .venv, filled by pip.
# PYTHON=/path/to/python chooses another interpreter than the newest of 3.11 to 3.13 on the PATH.

VENV ?= .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
READY_TO_TEST := $(VENV)/.ready-to-test
RUN ?= runs/demo
# A worker for each core, four at most, as each takes some two gigabytes; tests of a file stay together.
PARALLEL ?= --numprocesses auto --maxprocesses 4 --dist loadfile
export TF_CPP_MIN_LOG_LEVEL ?= 2

.PHONY: demo test test-all lint format clean

demo: $(READY)
	$(BIN)/python -m training.iterative --profile demo --dataset digits --output $(RUN)

test: lint
	$(BIN)/python -m pytest -m "not slow" $(PARALLEL)

test-all: lint
	$(BIN)/python -m pytest $(PARALLEL)

lint: $(READY_TO_TEST)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/python -m mypy

format: $(READY_TO_TEST)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

$(READY): pyproject.toml
	sh scripts/make-venv.sh $(VENV) "$(PYTHON)"
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable ".[all]"
	touch $@

$(READY_TO_TEST): $(READY)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable ".[dev]"
	touch $@

clean:
	rm -rf $(VENV) build dist *.egg-info .pytest_cache .ruff_cache .mypy_cache .hypothesis
