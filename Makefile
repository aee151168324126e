# Every habit of this project is a target here; `make help` lists them.
SHELL := /bin/sh
.NOTPARALLEL:
.DEFAULT_GOAL := help

BIN := .venv/bin
DEMO := var/demo
PYTEST := $(BIN)/pytest
# Where fast tests are; the other folders hold slow ones, and those of `make seeds` and `make bench`. A test sees to it.
FAST := tests/unit tests/integration tests/contract
ON_ALL_CORES := --numprocesses $$(($$(getconf _NPROCESSORS_ONLN) * 3 / 2)) --dist loadfile
# Slow tests start services, workers and containers of their own: more at a time would wait for each other.
TWO_AT_A_TIME := --numprocesses 2 --dist loadfile
PACKAGES := platform bundles scoring worker
# Python's compiled files are kept, wherever an environment says otherwise: else each of hundreds of processes compiles anew.
export PYTHONDONTWRITEBYTECODE :=

.PHONY: help
help: ## List the targets
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/\1|\2/p' $(MAKEFILE_LIST) | while IFS='|' read -r name text; do printf '  %-9s %s\n' "$$name" "$$text"; done

# ---- what the others need ----

.PHONY: setup
setup: .venv/ready ## Make the Python environment in .venv
	@:

.venv/ready: requirements.lock .ci/environment.sh $(PACKAGES:%=%/pyproject.toml) bundles/training/pyproject.toml
	@sh .ci/environment.sh
	@touch $@

.PHONY: engine
engine: ## Find a Docker engine, or as root on Debian or Ubuntu install and start one
	@sh worker/engine.sh

.PHONY: image
image: setup engine ## Make the curated images medici/python and medici/codalab, which the demo stands on
	@$(BIN)/python -m medici_worker.images codalab

.PHONY: images
images: setup engine ## Make all curated images: python, torch, monai, and those that compose uses offline
	@$(BIN)/python -m medici_worker.images

.PHONY: services
services: ## As root on Debian or Ubuntu, install what the tests use: PostgreSQL, Redis, Chromium, docker-compose
	@sh tests/services.sh

.PHONY: trainers
trainers: .venv/trainers ## Add torch, MONAI and timm to .venv, which the tests of training code use
	@:

.venv/trainers: .venv/ready tests/trainers.sh tests/trainers.txt $(wildcard worker/images/*/requirements.txt)
	@sh tests/trainers.sh
	@touch $@

# ---- MedICI itself ----

.PHONY: demo
demo: setup engine ## Run a challenge from an uploaded zip to the leaderboard; BUNDLE=medicalnet: another than MedNIST
	@$(BIN)/medici demo $(BUNDLE:%=--bundle %)

.PHONY: demo-all
demo-all: setup engine ## Run the light model of every complete challenge through the platform, and print one table
	@$(BIN)/medici demo --all

.PHONY: up
up: setup engine ## Serve MedICI at http://127.0.0.1:8000 until Ctrl-C, with the demo's challenge in it
	@test -e $(DEMO)/leaderboards.json || $(BIN)/medici demo
	@$(BIN)/medici up --data-dir $(DEMO)/data

# ---- habits ----

.PHONY: test
test: setup trainers engine services images ## Run the whole suite, in real containers and on real services
	$(PYTEST) $(FAST) -m "not slow" $(ON_ALL_CORES)
	$(PYTEST) -m slow $(TWO_AT_A_TIME)

.PHONY: check
check: lint ## Run lint and the fast tests, as before each commit
	$(PYTEST) $(FAST) -m "not slow" $(ON_ALL_CORES)

.PHONY: lint
lint: setup ## Check style, types and who imports whom
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports

.PHONY: format
format: setup ## Let ruff write the code's form
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

.PHONY: bench
bench: setup engine image ## Time MedICI beside a bare `docker run` of the same containers
	$(PYTEST) tests/bench -s

.PHONY: seeds
seeds: setup trainers engine images ## Measure every complete challenge at its full setting; the table goes into bundles/README.md
	$(PYTEST) tests/seeds -s -p no:cacheprovider

.PHONY: trust
trust: setup engine services images ## Attack the platform and kill its parts, hundreds of times; the table goes into platform/docs/trust.md
	MEDICI_TRUST=full MEDICI_TRUST_KEEP=1 $(PYTEST) tests/trust -p no:cacheprovider $(TWO_AT_A_TIME)

.PHONY: audit
audit: setup ## Look for known weaknesses in what is installed, withdrawn or unpinned releases, and secrets in the tree
	@$(BIN)/python -m tests.audit

.PHONY: lock
lock: setup ## Pin anew: requirements.lock, and what goes into the curated images
	PATH="$(CURDIR)/$(BIN):$$PATH" uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
		--custom-compile-command "make lock" $(PACKAGES:%=--no-emit-package medici-%) --group dev \
		pyproject.toml $(PACKAGES:%=%/pyproject.toml) --output-file requirements.lock
	PATH="$(CURDIR)/$(BIN):$$PATH" sh worker/images/lock.sh

.PHONY: clean
clean: ## Remove what these targets made here: .venv, caches, the demo's data (images and other data stay)
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis $(DEMO)
	find $(PACKAGES) tests migrations -name __pycache__ -type d -prune -exec rm -rf {} +
