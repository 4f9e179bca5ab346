# What a person types in this folder. Works with GNU make from 3.81 on and in folders with blanks in their name:
# every path is relative, and .venv/bin/python is called instead of the scripts beside it.

PYTHON ?= python3
VENV := .venv/bin/python
ELSEWHERE := $(patsubst %,tests/test_%.py,land left_out review branch batch)
CONFINED := $(ELSEWHERE) $(patsubst %,tests/test_%.py,hooks stet agent_git submodules)
PIP := $(VENV) -m pip --disable-pip-version-check --quiet

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help demo test lint check bench agents torture clean

help: ## show these targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-8s %s\n", $$1, $$2}' Makefile

demo: .venv/peal.installed ## run an example plan in a scratch repository and see what peal does (10 s)
	@PATH="$$PWD/.venv/bin:$$PATH" bash examples/demo.sh

test: .venv/tools.installed ## run the tests
	@PYTHONDONTWRITEBYTECODE= $(VENV) -m pytest  # else each worker compiles all tests at each start

lint: .venv/tools.installed ## check style, format and types
	@$(VENV) -m ruff check
	@$(VENV) -m ruff format --check
	@$(VENV) -m mypy

check: lint test ## lint and test: what a change has to pass

bench: .venv/tools.installed ## measure what peal itself costs
	@$(VENV) -m benchmarks

agents: .venv/tools.installed ## drive the real coding CLIs against a scripted model (needs a rig of its own)
	@$(VENV) -m pytest -m agents -n 0 -v

torture: .venv/cluster.installed ## kill runs at random moments, and try what tests leave out that have to be quick (slow)
	@$(VENV) -m pytest -m "torture or hypothesis" --hypothesis-profile torture
	@MACHINES=local:2 $(VENV) -m pytest $(ELSEWHERE)
	@SANDBOX=bubblewrap $(VENV) -m pytest $(CONFINED)

clean: ## remove the virtual environment and everything that tools leave
	rm -rf .venv .mypy_cache .pytest_cache .ruff_cache .hypothesis build dist *.egg-info
	find peal tests benchmarks -name __pycache__ -type d -prune -exec rm -rf {} +

.venv/peal.installed: setup.cfg pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "peal needs Python 3.11 or later; name one: make PYTHON=python3.12" >&2; exit 1; }
	@echo "making .venv with $(PYTHON)"
	@$(PYTHON) -m venv .venv \
	  || { echo "on Debian and Ubuntu: apt install python3-venv" >&2; exit 1; }
	@$(PIP) install --editable .
	@touch $@

.venv/tools.installed: .venv/peal.installed
	@echo "adding what tests and checks need"
	@$(PIP) install --editable '.[test,lint,build]'
	@touch $@

.venv/cluster.installed: .venv/tools.installed
	@echo "adding what a Dask cluster needs"
	@$(PIP) install --editable '.[cluster]'
	@touch $@
