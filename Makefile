# Every target sets itself up: all it needs is Python 3.11 or newer and make.
PYTHON ?= python3
# TORCH=cpu takes PyTorch without CUDA from PyTorch's own index; empty: the one of PyPI.
TORCH ?=
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check $(if $(TORCH),--extra-index-url https://download.pytorch.org/whl/$(TORCH))
READY := $(VENV)/ready
DEV := $(VENV)/dev

.PHONY: demo test test-slow test-simulation test-fuzz lint clean

demo: $(READY)
	$(BIN)/sweeps run quickstart

test: $(DEV)
	$(BIN)/python -m pytest -n 2 --dist loadfile

test-slow: $(DEV)
	$(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder -m slow

test-fuzz: $(DEV)
	$(BIN)/python -m pytest -n 2 -m fuzz

test-simulation: $(DEV)
	$(BIN)/python -m pytest -n 2 -m simulation

lint: $(DEV)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

# The product alone.
$(READY): pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "Python 3.11 or newer is needed; name one with make PYTHON=...")'
	$(PYTHON) -m venv $(VENV)
	$(PIP) --editable .
	touch $(READY)

# And what tests and lint need.
$(DEV): $(READY)
	$(PIP) --editable '.[dev]'
	touch $(DEV)

clean:
	rm -rf $(VENV)
