# Cytosol. Needs only make and Python 3.11 or later; everything else is installed into .venv.
#
#   make demo            start the demo; the first time it also sets everything up
#   make demo ARGS=--check   the same, ask the server one question through the SDK, and end
#   make check test      what CI runs
#
# Variables: PYTHON (which Python), ARGS (for demo), PYTEST_ARGS (for test), WORKERS (of the tests).

SHELL := /bin/sh
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
MAKEFLAGS += --no-print-directory

VENV := .venv
BIN := $(VENV)/bin
VENV312 := .venv312
WORKERS ?= 2
ARGS ?=
PYTEST_ARGS ?=
LOCKS := pyproject.toml $(wildcard constraints/*.txt) scripts/make_environment.sh
UNIT_TESTS := $(wildcard tests/base tests/model tests/db tests/formats tests/analyses)
GENERATORS := $(filter-out scripts/make_demo_data.py,$(sort $(wildcard scripts/make_*.py)))

export NUMBA_CACHE_DIR ?= $(CURDIR)/.cache/numba
# compiled once and kept: else every process spends most of its start on compiling the libraries anew
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help setup setup-dev setup-312 web demo test test-312 check format generate bench wheel constraints clean \
    check-format check-style check-types check-imports check-web check-generated check-changes

help: ## list the targets
	@sed -n 's/^\([a-z0-9-]*\):[^#]*## \(.*\)/\1|\2/p' $(MAKEFILE_LIST) | awk -F'|' '{printf "make %-12s %s\n", $$1, $$2}'

# ------------------------------------------------------------------------------------------- environments

$(VENV)/.installed: $(LOCKS)
	@python="$$(PYTHON="$(PYTHON)" sh scripts/find_python.sh)" && sh scripts/make_environment.sh $(VENV) "$$python"
	@touch $@

$(VENV)/.installed-dev: $(VENV)/.installed
	@sh scripts/make_environment.sh $(VENV) $(BIN)/python dev,oracles,postgres
	@sh scripts/system_packages.sh
	@touch $@

$(VENV312)/.installed: $(LOCKS)
	@python="$$(sh scripts/find_python.sh 3.12)" && sh scripts/make_environment.sh $(VENV312) "$$python" dev,oracles,postgres
	@touch $@

setup: $(VENV)/.installed ## make the environment, without the tools for development

setup-dev: $(VENV)/.installed-dev ## the same with the tools for development

setup-312: ## the same with Python 3.12, where there is one
	@if sh scripts/find_python.sh 3.12 >/dev/null 2>&1; then $(MAKE) $(VENV312)/.installed; fi

web: $(VENV)/.installed ## build the page, if its sources changed
	@$(BIN)/python scripts/build_web.py build

# ---------------------------------------------------------------------------------------------------- run

demo: $(VENV)/.installed web ## start the server with real example studies
	@CYTOSOL_DATA="$${CYTOSOL_DATA:-.cytosol-demo}" exec $(BIN)/cytosol demo $(ARGS)

# -------------------------------------------------------------------------------------------------- check

check: check-format check-style check-types check-imports check-web check-generated check-changes ## all that CI checks

check-format: $(VENV)/.installed-dev
	$(BIN)/ruff format --check --quiet .

check-style: $(VENV)/.installed-dev
	$(BIN)/ruff check --quiet .

check-types: $(VENV)/.installed-dev
	$(BIN)/mypy

check-imports: $(VENV)/.installed-dev
	$(BIN)/lint-imports --no-logo

check-web: $(VENV)/.installed
	@$(BIN)/python scripts/build_web.py check

check-generated: $(VENV)/.installed-dev
	@set -e; for script in $(GENERATORS); do echo "$$script --check"; $(BIN)/python $$script --check; done

check-changes: $(VENV)/.installed
	$(BIN)/python scripts/check_changes.py

format: $(VENV)/.installed-dev ## format the code and mend what can be mended
	$(BIN)/ruff check --fix-only --quiet .
	$(BIN)/ruff format .

generate: $(VENV)/.installed-dev ## make the generated files anew
	@set -e; for script in $(GENERATORS); do echo "$$script"; $(BIN)/python $$script; done

test: $(VENV)/.installed-dev web ## all tests
	@page=0; $(BIN)/python scripts/build_web.py test || page=$$?; \
	$(BIN)/python -m pytest -n $(WORKERS) --dist loadfile $(PYTEST_ARGS) && exit $$page

test-312: ## unit tests on Python 3.12, with the newest libraries
	@if sh scripts/find_python.sh 3.12 >/dev/null 2>&1; then $(MAKE) run-test-312; \
	elif [ "$${CI:-}" = true ]; then sh scripts/find_python.sh 3.12; \
	else echo "Skipped: there is no Python 3.12 here"; fi

.PHONY: run-test-312
run-test-312: $(VENV312)/.installed
	$(VENV312)/bin/python -m pytest -n $(WORKERS) --dist loadfile -p no:cacheprovider $(UNIT_TESTS)

bench: $(VENV)/.installed-dev ## all measurements, at full size
	@set -e; for script in $(filter-out bench/conftest.py bench/_%,$(sort $(wildcard bench/*.py))); do echo "== $$script"; $(BIN)/python $$script; done

# -------------------------------------------------------------------------------------------------- build

wheel: $(VENV)/.installed-dev ## the wheel with the built page, and the small one of the SDK
	$(BIN)/python -m build --wheel --installer uv --outdir dist .
	$(BIN)/python -m build --wheel --installer uv --outdir dist packaging/sdk

constraints: $(VENV)/.installed-dev ## take the newest versions that work together
	@set -e; for version in 3.11 3.12; do \
	    $(BIN)/uv pip compile pyproject.toml --upgrade --all-extras --python-version $$version --no-header --no-annotate \
	        --no-emit-index-url --quiet --output-file constraints/py$$version.txt; \
	done

clean: ## remove everything that was made, except the demo's data
	rm -rf $(VENV) $(VENV312) .venvs dist build web/node_modules web/dist src/cytosol/server/static .cache \
	    .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find src tests bench scripts -name __pycache__ -type d -prune -exec rm -rf {} +
