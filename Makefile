# SPDX-License-Identifier: Apache-2.0
# One virtual environment in .venv, made once and made again when setup.py changes.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/ready.stamp
TOOLS := $(VENV)/tools.stamp
MODELS := .venv-models
MODELS_READY := $(MODELS)/ready.stamp
SERVER := .venv-models/server
LOG := $(VENV)/install.log
# modules are compiled as they are imported: compiling all of them takes longer than a demo
INSTALL := $(BIN)/python -m pip --disable-pip-version-check -q install --no-compile -e
QUIETLY := >>$(LOG) 2>&1
FAILED := { tail -n 3 $(LOG) >&2; exit 1; }

# numpy and OpenCV on every core would only get into each other's way
export OMP_NUM_THREADS := 1

.DEFAULT_GOAL := help
.PHONY: help demo test test-models lint bench tables images clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-8s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: $(READY) ## search the bundled panoramas with a live ROS graph and score the searches
	@$(BIN)/hvs demo

test: lint ## ruff, mypy and every test
	@$(BIN)/python -m pytest

test-models: $(MODELS_READY) ## tests with real models and trainers: a second environment, 2 GB, with torch
	@HF_HUB_OFFLINE=1 TRANSFORMERS_COMMAND=$(SERVER)/bin/transformers \
	    $(MODELS)/bin/python -m pytest test/models test/evaluation/test_cluster.py

lint: $(TOOLS) ## ruff and mypy
	@$(BIN)/python -m ruff check .
	@$(BIN)/python -m mypy

bench: $(TOOLS) ## measure rendering, turns and the live graph, mostly as ratios
	@$(BIN)/hvs bench

tables: $(TOOLS) ## write the README's tables again, from the code
	@$(BIN)/python docs/make_tables.py

images: $(TOOLS) ## draw docs/images again, from a run
	@$(BIN)/python docs/make_images.py

clean: ## remove what the other targets made, the virtual environment too
	@rm -rf $(VENV) $(MODELS) build dist log install ./*.egg-info .pytest_cache .mypy_cache .ruff_cache \
	    .hypothesis
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10))' || \
	    { echo 'Python 3.10 or newer is needed: make PYTHON=python3.12' >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || \
	    { echo 'Python cannot make virtual environments here: install python3-venv' >&2; exit 1; }
	@$(PYTHON) -m venv $(VENV)

# A sourced ROS brings its own rclpy. Where it does not and no wheel fits, all but the graph works.
$(READY): setup.py pyproject.toml | $(BIN)/python
	@echo 'Setting up $(VENV): a minute or so, once.'
	@if [ -n "$$ROS_DISTRO" ] && $(BIN)/python -c 'import rclpy' 2>/dev/null; then \
	    $(INSTALL) . $(QUIETLY) || $(FAILED); \
	elif ! $(INSTALL) '.[ros]' $(QUIETLY); then \
	    $(INSTALL) . $(QUIETLY) || $(FAILED); \
	    echo "The ROS 2 wheels cannot be installed here (see $(LOG)): continuing without ROS."; \
	fi
	@touch $@

$(TOOLS): $(READY)
	@$(INSTALL) '.[test]' $(QUIETLY) || $(FAILED)
	@touch $@

# torch and the trainers have versions of their own, which nothing else here should depend on
$(MODELS_READY): setup.py pyproject.toml test/models/requirements.txt test/models/requirements-bare.txt \
    test/models/requirements-server.txt
	@echo 'Setting up $(MODELS) with torch and the trainers: some minutes, once.'
	@$(PYTHON) -m venv $(MODELS)
	@PIP="$(MODELS)/bin/python -m pip --disable-pip-version-check -q install --no-compile"; \
	    LOG=$(MODELS)/install.log; \
	    { $$PIP -r test/models/requirements.txt && $$PIP -e '.[test]' \
	      && $$PIP --no-deps -r test/models/requirements-bare.txt \
	      && $(PYTHON) -m venv $(SERVER) && $(SERVER)/bin/python -m pip -q install --no-compile \
	          -r test/models/requirements-server.txt; } >>$$LOG 2>&1 \
	    || { tail -n 3 $$LOG >&2; exit 1; }
	@touch $@
