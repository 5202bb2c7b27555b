# For using: make demo, make test. Both need Python 3.11 or newer and nothing else; they make .venv themselves.
# For working on it: make help.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
DEMO := $(CURDIR)/.demo
SERVE := $(CURDIR)/.serve
PORT ?= 8000
MANAGE := $(BIN)/python example_project/manage.py

.DEFAULT_GOAL := help
.PHONY: help demo serve test properties faults bench lint format types contracts migrations coverage oracle mutants tox clean

help: ## Show the targets
	@sed -n 's/^\([a-z]*\):.*## /\1\t/p' Makefile | expand -t 14

# Old pips know no dependency groups (PEP 735), so pip goes first.
$(STAMP): pyproject.toml
	@$(PYTHON) -c 'import sys; sys.version_info >= (3, 11) or sys.exit("edms_backup needs Python 3.11 or newer; say which: make PYTHON=python3.12 ...")'
	@echo "Installing into $(VENV) ..."
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --upgrade "pip>=25.1"
	@$(BIN)/python -m pip install --quiet --editable ".[all]" --group dev
	@touch $(STAMP)

demo: export DATABASE_URL := sqlite:///$(DEMO)/edms.sqlite3
demo: export EDMS_DATA_DIR := $(DEMO)
demo: export DJANGO_SETTINGS_MODULE := edms.settings
demo: $(STAMP) ## Fill a site, back it up, re-initialise it with other ids, restore it, prove it
	@rm -rf "$(DEMO)" && mkdir -p "$(DEMO)"
	@echo "== 1. A new site (SQLite, everything below .demo)"
	@$(MANAGE) migrate --verbosity 0
	@echo "== 2. People, documents, versions, signatures, workflows"
	@$(MANAGE) seed_demo
	@echo "== 3. Back it up"
	@$(MANAGE) edms_backup create
	@echo "== 4. The bad day: re-initialise the site; its rows now have other ids"
	@$(MANAGE) system_reinit --shift-ids --yes
	@echo "== 5. Restore and prove it"
	@$(MANAGE) edms_backup restore latest --yes
	@echo "== 6. The same in a browser: make serve"

serve: export DATABASE_URL := sqlite:///$(SERVE)/edms.sqlite3
serve: export EDMS_DATA_DIR := $(SERVE)
serve: export DJANGO_SETTINGS_MODULE := edms.settings
serve: $(STAMP) ## Open the admin of a site with demo data; make serve PORT=8080 takes another port
	@mkdir -p "$(SERVE)"
	@$(MANAGE) migrate --verbosity 0
	@test -e "$(SERVE)/.filled" || { $(MANAGE) seed_demo && touch "$(SERVE)/.filled"; }
	@echo "Address: http://127.0.0.1:$(PORT)/admin/edms_backup/package/"
	@echo "Login:   $$($(BIN)/python -c 'import sys; sys.path.insert(0, "example_project"); from apps.demo.accounts import DEMO_PASSWORDS as known; print("admin /", known["admin"])')"
	@echo "Stop it with Ctrl-C. Everything is in .serve; delete that to begin anew."
	@$(MANAGE) runserver "127.0.0.1:$(PORT)" --noreload --insecure

test: $(STAMP) ## Run all tests; arguments for pytest go into ARGS
	@$(BIN)/python -m pytest --numprocesses=auto --maxprocesses=4 --dist=worksteal $(ARGS)

properties: export EDMS_EXAMPLES ?= 2000
properties: $(STAMP) ## Restore 2,000 drawn datasets on each database, 200 from each to each other; arguments go into ARGS
	@$(BIN)/python -m pytest tests/differential/test_datasets.py --hypothesis-show-statistics $(ARGS)

faults: $(STAMP) ## Strike a create and a restore at every single point; arguments of tests.faults.sweep go into ARGS
	@$(BIN)/python -m tests.faults.sweep $(ARGS)

lint: $(STAMP) ## Check style and formatting
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .

format: $(STAMP) ## Format, and mend what can be mended by itself
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

types: $(STAMP) ## Check the types of edms_backup
	@$(BIN)/mypy --strict edms_backup

contracts: $(STAMP) ## Check which module may import which
	@$(BIN)/lint-imports

migrations: $(STAMP) ## Check that no migration is missing
	@DJANGO_SETTINGS_MODULE=edms.settings $(MANAGE) makemigrations --check --dry-run

# Twice the processor time of make test: every command that a test starts is traced too.
coverage: $(STAMP) ## Run all tests, see that they run 95 % of the code, and write htmlcov/index.html
	@$(MAKE) test ARGS="--cov --cov-report=term --cov-report=html $(ARGS)"

oracle: $(STAMP) ## Compare with stock Django, by its own tests and their data; arguments go into ARGS
	@$(BIN)/python -m tests.oracle $(ARGS)

bench: $(STAMP) ## Measure beside stock tools, at four sizes on each database; arguments go into ARGS
	@$(BIN)/python -m benchmarks $(ARGS)

mutants: $(STAMP) ## Change the code at random places, or make known mistakes, and show what no test notices; arguments go into ARGS
	@$(BIN)/python -m tests.mutants $(ARGS)

tox: $(STAMP) ## Run the tests on every Python, Django and database
	@$(BIN)/tox

clean: ## Remove what builds, tests and the demo leave behind; .venv stays
	@rm -rf build dist htmlcov .tox .demo .serve .screenshots .coverage .coverage.* .hypothesis .import_linter_cache \
		.mypy_cache .pytest_cache .ruff_cache
