# Needs Python 3.11 or newer, and make. Everything it installs goes to .venv.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DELETE_ON_ERROR:
.DEFAULT_GOAL := help

# More arguments for the tools: make check CHECK_ARGS='--profile thorough', make test TEST_ARGS='-k conv'
CHECK_ARGS ?= --profile quick --jobs $(shell getconf _NPROCESSORS_ONLN)
TEST_ARGS ?= -q -n auto --dist loadgroup

PYTHON ?=
BIN := .venv/bin
READY := .venv/ready

.PHONY: help
help:  ## Say what there is to make.
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-12s%s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: setup
setup: $(READY)  ## Create .venv and install everything into it, if that is not done yet.

.PHONY: check
check: $(READY)  ## Check the kernels of reference/ against autograd and finite differences.
	@$(BIN)/bpcheck check $(CHECK_ARGS)

.PHONY: test
test: $(READY)  ## Run all the tests.
	@$(BIN)/python -m pytest $(TEST_ARGS)

.PHONY: test-lowest
test-lowest: .lowest/ready  ## Run all the tests with the lowest versions that are declared.
	@.lowest/bin/python -m pytest $(TEST_ARGS)

.PHONY: lint
lint: $(READY)  ## Run the linters, the type checker and the import contracts.
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

.PHONY: format
format: $(READY)  ## Format the code, and mend what the linter can mend.
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

.PHONY: bench
bench: $(READY)  ## Measure the kernels and the harness against torch, and print the tables.
	@for each in $$(grep -l __main__ benchmarks/*.py); do \
	    $(BIN)/python -m "benchmarks.$$(basename "$$each" .py)"; \
	done

.PHONY: wheel
wheel: $(READY)  ## Build the wheel into dist/.
	@rm -rf dist
	@$(BIN)/python -m pip --quiet --quiet wheel --no-deps --wheel-dir dist .

.PHONY: readme
readme: $(READY)  ## Write the output that the README shows anew.
	@$(BIN)/python tools/readme.py

.PHONY: clean
clean:  ## Remove .venv and all that the tools keep.
	rm -rf .venv .lowest build dist .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache
	find . -name __pycache__ -prune -exec rm -rf {} +

$(READY): pyproject.toml constraints.txt tools/venv
	@tools/venv '$(PYTHON)'
	@touch $@

.lowest/ready: $(READY) tools/lowest.py
	@$(BIN)/python tools/lowest.py
	@touch $@
