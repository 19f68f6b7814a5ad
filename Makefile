# Two commands: `make demo` and `make test`. Both need Python 3.11 or later, make and git, and nothing else.
PYTHON ?= python3
BIN := .venv/bin
# One thread per process: the tests run side by side, and numpy's own threads would fight over the cores.
export OMP_NUM_THREADS ?= 1
export OPENBLAS_NUM_THREADS ?= 1

.PHONY: demo test test-all truth bench lint format clean

demo: .venv/base
	$(BIN)/cvo demo

test: .venv/dev lint
	$(BIN)/python -m pytest -n 2 --dist loadfile -m "not slow"

test-all: .venv/dev lint
	$(BIN)/python -m pytest -n 2 --dist loadfile

# Both rewrite their page: docs/truth.md and benchmarks/RESULTS.md.
truth: .venv/dev
	$(BIN)/python -m benchmarks.truth

bench: .venv/dev
	$(BIN)/python -m benchmarks.run

lint: .venv/dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: .venv/dev
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

.venv/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "cvo needs Python 3.11 or later; name one with: make PYTHON=python3.12 $(MAKECMDGOALS)"; exit 1; }
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --upgrade pip

.venv/base: pyproject.toml | .venv/bin/python
	$(BIN)/python -m pip install --quiet --editable .
	@touch $@

.venv/dev: pyproject.toml | .venv/bin/python
	$(BIN)/python -m pip install --quiet --editable . --group dev
	@touch $@ .venv/base

clean:
	rm -rf .venv cvo-demo
