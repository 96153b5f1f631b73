# Every target sets up what it needs; `make test` in a fresh clone is enough.

VENV := .venv
STAMP := $(VENV)/.installed
# Run, not only looked up: a version manager's placeholder is on PATH and does not run.
PYTHON ?= $(shell for python in python3.13 python3.12 python3.11 python3; do \
	"$$python" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1 \
	&& { echo "$$python"; break; }; done)
PIP_FLAGS ?=
PYTEST_FLAGS ?=
DEMO_FLAGS ?=
DOCS_FLAGS ?=
# A changed source is compiled again by the next target.
NATIVE := $(wildcard tools/*.py csrc/*.h csrc/cpu/* csrc/cuda/*)
# Without bytecode, which Python makes of what is imported: of all that there is it takes half of the time.
PIP_INSTALL = $(VENV)/bin/python -m pip install --quiet --no-compile --disable-pip-version-check $(PIP_FLAGS) \
  -c constraints.txt
# A CUDA build of torch, some 6 GB, in an environment that is kept between calls.
CUDA_VENV := .venv-cuda
CUDA_STAMP := $(CUDA_VENV)/.installed
CUDA_TORCH := torch==2.14.1
CHECK_SCHEMA = $(VENV)/bin/check-jsonschema --quiet --builtin-schema vendor
FORMS := $(filter-out %/config.yml,$(wildcard .github/ISSUE_TEMPLATE/*.yml))
BENCHES := $(filter-out bench/_%,$(wildcard bench/*.py))
# Hours in which `make paper` and `make board` begin to train; the next call goes on.
HOURS ?= 1

# What is imported is compiled once, and not by every process again.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help setup kernels cuda-check demo test test-slow lint format dist dist-check bench paper board docs linkcheck clean

help:  ## List the targets
	@awk 'BEGIN {FS = ":.*## "} /^[a-z-]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(STAMP)  ## Create .venv and install dgsynth with its development tools

$(STAMP): pyproject.toml setup.py constraints.txt dgsynth/versions.py $(NATIVE)
	@test -n "$(PYTHON)" || { \
	  echo "error: no Python >= 3.11 with venv was found; install one, or name it: make setup PYTHON=/path/to/python3" >&2; \
	  exit 1; }
	@test -x $(VENV)/bin/python || { echo "creating $(VENV) with $(PYTHON)"; "$(PYTHON)" -m venv $(VENV); }
	@echo "installing the pinned versions of constraints.txt (some minutes the first time)"
	@# torch first: the kernels are compiled against the one found here, else pip would fetch another for the build.
	@$(PIP_INSTALL) torch
	@$(PIP_INSTALL) -e '.[dev,plot]'
	@touch $@

# What an optional dependency of pyproject.toml lists, without building the package again.
$(VENV)/.installed-%: $(STAMP)
	@echo "installing what $* needs"
	@$(VENV)/bin/python -c 'import sys, tomllib; \
	  print(*tomllib.load(open("pyproject.toml", "rb"))["project"]["optional-dependencies"][sys.argv[1]], sep="\n")' $* \
	  > $@.txt
	@$(PIP_INSTALL) -r $@.txt
	@touch $@

kernels: $(STAMP)  ## Compile the native kernels; fails where `make setup` goes without them
	@DGSYNTH_BUILD=cpu $(PIP_INSTALL) --no-deps -e .

cuda-check:  ## Compile the CUDA kernels against a CUDA build of torch and load them; needs nvcc, but no GPU
ifeq (,$(shell command -v nvcc))
	@echo "skipped: there is no nvcc here"
else
cuda-check: $(CUDA_STAMP)
	@$(CUDA_VENV)/bin/python tools/cuda_check.py
endif

$(CUDA_STAMP): pyproject.toml constraints.txt
	@test -x $(CUDA_VENV)/bin/python || { echo "creating $(CUDA_VENV) with $(PYTHON)"; "$(PYTHON)" -m venv $(CUDA_VENV); }
	@echo "installing $(CUDA_TORCH) (some minutes the first time)"
	@grep -v '^torch==' constraints.txt > $(CUDA_VENV)/constraints.txt
	@$(CUDA_VENV)/bin/python -m pip install --quiet --disable-pip-version-check $(PIP_FLAGS) $(CUDA_TORCH) \
	  -c $(CUDA_VENV)/constraints.txt ninja setuptools numpy pandas scikit-learn joblib safetensors tqdm pyarrow scipy typer
	@touch $@

demo: $(STAMP)  ## Simulate web traffic, train a small model on it and compare: writes demo/report.html
	@$(VENV)/bin/dgsynth demo $(DEMO_FLAGS)

test: $(STAMP)  ## Run the quick tests
	@$(VENV)/bin/python -m pytest $(PYTEST_FLAGS)

test-slow: $(VENV)/.installed-acceptance  ## Run the slow tests
	@$(VENV)/bin/python -m pytest -m slow $(PYTEST_FLAGS)

lint: $(VENV)/.installed-release  ## Check style, formatting, types and the files for a forge
	@$(VENV)/bin/ruff check .
	@$(VENV)/bin/ruff format --check .
	@$(VENV)/bin/mypy
	@$(VENV)/bin/zizmor --offline --quiet --no-progress .github
	@$(CHECK_SCHEMA).github-workflows .github/workflows/*.yml
	@$(CHECK_SCHEMA).dependabot .github/dependabot.yml
	@$(CHECK_SCHEMA).github-issue-forms $(FORMS)
	@$(CHECK_SCHEMA).github-issue-config .github/ISSUE_TEMPLATE/config.yml
	@$(CHECK_SCHEMA).citation-file-format CITATION.cff

format: $(STAMP)  ## Format the code and sort the imports
	@$(VENV)/bin/ruff check --fix --exit-zero --quiet .
	@$(VENV)/bin/ruff format .

dist: $(VENV)/.installed-release  ## Build the source distribution and the wheels into dist/, and audit them
	@$(VENV)/bin/python tools/dist.py

dist-check: $(VENV)/.installed-release  ## Install what is in dist/ where there is no compiler, and use it
	@$(VENV)/bin/python tools/check_dist.py

# DOCS_FLAGS="-D plot_gallery=0" makes the site without running the examples.
docs: $(VENV)/.installed-docs  ## Make the site of docs/, docstrings and examples/: writes docs/_build/html
	@$(VENV)/bin/python -m sphinx -W --keep-going -n -q $(DOCS_FLAGS) docs docs/_build/html
	@echo "docs/_build/html/index.html is the start page"

linkcheck: $(VENV)/.installed-docs  ## Look whether the addresses in the pages answer; needs a network
	@$(VENV)/bin/python -m sphinx -q -b linkcheck -D plot_gallery=0 docs docs/_build/linkcheck

bench: $(STAMP)  ## Run the benchmarks in bench/, one after another
	@test -n "$(BENCHES)" || echo "no benchmarks in bench/ yet"
	@for script in $(BENCHES); do echo "== $$script"; PYTHONPATH=bench $(VENV)/bin/python "$$script" || exit 1; done

paper: $(STAMP)  ## Reproduce the paper's experiments for at most HOURS=1, and write docs/RESULTS.md
	@PYTHONPATH=bench $(VENV)/bin/python bench/paper/run.py --hours $(HOURS)

board: $(STAMP)  ## Train all models for the same time on the same data for HOURS=1, and write docs/BOARD.md
	@PYTHONPATH=bench $(VENV)/bin/python bench/board/run.py --hours $(HOURS)

clean:  ## Remove what was built or cached; .venv stays, `make kernels` compiles anew
	@rm -rf build dist *.egg-info dgsynth/*.so .pytest_cache .mypy_cache .ruff_cache .hypothesis demo docs/_build docs/api docs/gallery
	@find . -path ./$(VENV) -prune -o -name __pycache__ -type d -exec rm -rf {} +
