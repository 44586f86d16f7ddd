# Every target sets up .venv if it is missing; PYTHON chooses the interpreter it is made from.
PYTHON ?= python3
BIN := .venv/bin
export OMP_NUM_THREADS ?= 1

.PHONY: demo test lint figures bench clean

demo: .venv/ready
	@$(BIN)/python -m toys.demo

test: lint
	$(BIN)/python -m pytest -n 2 --dist worksteal

lint: .venv/ready
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	PYTHONPATH=. $(BIN)/lint-imports

figures: .venv/ready
	$(BIN)/python -m figures

bench: .venv/ready
	$(BIN)/python -m benchmarks

clean:
	rm -rf .venv

.venv/ready: pyproject.toml
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet --editable '.[test]'
	$(BIN)/python -m pip install --quiet --no-deps 'chgnet==0.4.2'  # read for its weights only
	touch $@
