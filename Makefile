# Two verbs: `make up` to run, `make test` to test. Each does all of its own set-up.
.DEFAULT_GOAL := help
.PHONY: help up test test-fast lint types format lock clean browser screenshots
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
PORT ?= 8000
HOST ?= 127.0.0.1
# One source for `make up DB=…`; several go into AGENTOS_SOURCES (see README).
DB ?=
# Test processes: each has a database, a server and a browser of its own.
PARALLEL ?= -n auto --maxprocesses 4 --dist loadfile
# Apart from the browser tests: Playwright keeps an event loop in its process, in which Django's own client cannot run.
HEADLESS := tests/unit tests/integration tests/interop tests/faults

help:  ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

up: $(VENV)/.runtime  ## set up and serve; DB=postgresql://… or DB=path/to/agno.db shows your own sessions
	@$(BIN)/python manage.py up --host "$(HOST)" --port "$(PORT)" $(if $(DB),--db "$(DB)")

test: $(VENV)/.dev $(VENV)/.agno2 browser  ## everything: lint, types, unit, integration, browser, interop
	@$(MAKE) --no-print-directory lint types
	@$(BIN)/pytest $(HEADLESS) $(PARALLEL)
	@$(BIN)/pytest $(HEADLESS) $(PARALLEL) --db=postgres -m "not sqlite_only"
	@$(BIN)/pytest tests/browser $(PARALLEL)
	@$(BIN)/pytest tests/browser $(PARALLEL) --db=postgres -m "not sqlite_only"

test-fast: $(VENV)/.dev  ## unit and integration tests on SQLite, no browser
	@$(BIN)/pytest tests/unit tests/integration

lint: $(VENV)/.dev  ## ruff, djlint, import contracts, pinned requirements
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/djlint --quiet --lint templates
	@$(BIN)/lint-imports --no-cache
	@$(BIN)/python manage.py makemigrations --check --dry-run

types: $(VENV)/.dev  ## mypy --strict
	@$(BIN)/mypy

format: $(VENV)/.dev  ## rewrite the code in the house style
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

lock:  ## compile the pinned requirements anew from pyproject.toml (needs uv)
	uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header pyproject.toml -o requirements.txt
	uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header pyproject.toml --extra oidc --constraint requirements.txt -o requirements-oidc.txt
	uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header pyproject.toml --extra oidc --group test --group lint -o requirements-dev.txt
	uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header tests/interop/requirements-agno2.in -o tests/interop/requirements-agno2.txt

clean:  ## remove what the targets above made, your data excepted
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "AgentOS Sessions needs Python 3.11 or newer; this is " + sys.version.split()[0] + ". Try: make PYTHON=python3.11 …")'
	@$(PYTHON) -m venv $(VENV) || { echo "This Python cannot make a virtual environment. On Debian: apt-get install python3-venv" >&2; rm -rf $(VENV); exit 1; }

$(VENV)/.runtime: requirements.txt | $(VENV)/bin/python
	@echo "Installing what the program needs into $(VENV) …"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.txt
	@touch $@

$(VENV)/.dev: requirements-dev.txt | $(VENV)/bin/python
	@echo "Installing what the tests need into $(VENV) …"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.txt
	@touch $@ $(VENV)/.runtime

# Agno 2.9 and 3.1 cannot share an environment; the interop tests run 2.9 from this one.
$(VENV)/.agno2: tests/interop/requirements-agno2.txt | $(VENV)/bin/python
	@echo "Installing Agno 2.9 for the interop tests …"
	@$(PYTHON) -m venv $(VENV)/agno2
	@$(VENV)/agno2/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r tests/interop/requirements-agno2.txt
	@touch $@

screenshots: $(VENV)/.dev browser  ## make the pictures of the README anew
	@$(BIN)/pytest tests/browser/test_screenshots.py --screenshots

browser: $(VENV)/.dev
	@$(BIN)/python tests/browser/find_chromium.py --install
