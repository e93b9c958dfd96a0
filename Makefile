# Every target does all its own set-up, in .venv: a fresh Linux machine needs Python 3.11 or newer, a C++ compiler, make
# and PyPI.   make quickstart ARGS=--tiny   passes arguments on;   make test PYTHON=python3.12   chooses the Python.
# On Linux, PyPI's torch brings CUDA (gigabytes); where there is no GPU, the small build comes from PyTorch's own index:
#   PIP_EXTRA_INDEX_URL=https://download.pytorch.org/whl/cpu make test

PYTHON ?= python3
ARGS ?=
BIN := .venv/bin

.PHONY: test quickstart lab docs check types
.DEFAULT_GOAL := test

# A process of tests for each core, so none of them needs threads.
test: .venv/.test-ready
	@OMP_NUM_THREADS=1 $(BIN)/pytest -n logical --dist loadfile $(ARGS)

quickstart: .venv/.test-ready
	@$(BIN)/apical quickstart $(ARGS)

lab: .venv/.test-ready
	@$(BIN)/jupyter lab notebooks $(ARGS)

# Executes the notebooks, which takes minutes, once; with APICAL_NOTEBOOK_TINY=1 as small as the tests run them. The pages
# are made anew each time: tables come from the code, and every page has the list of all.
docs: .venv/.docs-ready
	@rm -rf build/docs
	@$(BIN)/sphinx-build -q -W --keep-going -E -d build/docs-doctrees docs build/docs $(ARGS)
	@echo "build/docs/index.html"

check: .venv/.dev-ready types
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .

# The folders are the package apical only once installed; this link shows mypy the same tree.
types: .venv/.dev-ready
	@mkdir -p build/types && ln -sfn ../.. build/types/apical
	@$(BIN)/mypy

.venv/.%-ready: pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { echo >&2 \
	    "$(PYTHON) is missing or too old: apical needs Python 3.11 or newer; name one with PYTHON=python3.12"; exit 1; }
	@command -v $(firstword $(CXX)) >/dev/null || { echo >&2 \
	    "no C++ compiler ($(firstword $(CXX))) for the ion channels: 'apt-get install g++', or name one with CXX="; exit 1; }
	@test -x $(BIN)/pip || { echo "making .venv with $(PYTHON)"; $(PYTHON) -m venv .venv; }
	@echo "installing apical[$*] and what it needs into .venv (about 2 minutes, with little to see)"
	@$(BIN)/python -m pip install -qq --disable-pip-version-check -c constraints.txt -e '.[$*]'
	@touch $@
