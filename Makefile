# `make` lists what there is. Each target sets up what it needs first.
PYTHON ?= python3
TORCH ?= 2.13.0
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install -qq --disable-pip-version-check --root-user-action=ignore
READY := $(VENV)/.ready
# Tests compute in small steps, which several threads on busy cores slow down.
ONE_THREAD := OMP_NUM_THREADS=1
# Benchmarks that ask for folders of aligned pairs, or for what came of them.
OWN_IMAGES := equivariance few_pairs intervals places reliability retrieval windows

.PHONY: help setup demo test test-all lint format bench docs clean
.DEFAULT_GOAL := help

help: ## list these targets
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 12

setup: $(READY) ## make .venv with the command crosslight and the developers' tools in it

demo: $(READY) ## train, index and search on the images shipped here; writes crosslight-demo/
	$(BIN)/crosslight demo

test: lint ## ruff, mypy and the quick tests
	$(ONE_THREAD) $(BIN)/python -m pytest -m "not slow and not gpu and not network"

test-all: lint ## the same, with the slow tests
	$(ONE_THREAD) $(BIN)/python -m pytest -m "not gpu and not network"

lint: $(READY) ## ruff and mypy
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: $(READY) ## lay out the code and mend what ruff can mend
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: $(READY) ## run the benchmarks that need no images of your own; each prints a ratio measured in one run
	@for file in $(filter-out $(OWN_IMAGES:%=benchmarks/%.py),$(wildcard benchmarks/*.py)); do echo "$$file"; $(BIN)/python "$$file" || exit 1; done

docs: $(READY) ## write the reference pages from the program and check all pages
	$(BIN)/python docs/make_reference.py
	$(BIN)/python -m pytest tests/test_docs.py

clean: ## remove caches and the demo's output, but not .venv
	rm -rf .mypy_cache .pytest_cache .ruff_cache build dist crosslight-demo

# Done anew only when the settings change.
$(READY): pyproject.toml Makefile .ci/make-venv .ci/get-chromium | $(BIN)/python
	@echo "Setting up $(VENV); the first time this takes a few minutes."
	@$(BIN)/python -c 'import torch' 2>/dev/null || $(PIP) 'torch==$(TORCH)' \
		|| { echo "torch $(TORCH) is not to be had here; taking the newest."; $(PIP) 'torch>=2.6'; }
	@$(PIP) --editable '.[dev]'
	@.ci/get-chromium
	@touch $@

$(BIN)/python:
	@.ci/make-venv '$(PYTHON)' '$(VENV)'
