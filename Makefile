# OneSMS: `make help` lists what there is. Needs Python >= 3.11 and a package index, nothing else.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# The demo (demo users, simulated provider) is on unless a database of yours is given.
export DEMO ?= $(if $(DATABASE_URL),0,1)

.DEFAULT_GOAL := help
.PHONY: help run test check audit format bench bench-quick schema lock clean

help: ## list the commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-11s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: $(VENV)/run ## start everything on this machine; the page is at http://127.0.0.1:8000
	@exec $(BIN)/python -m deploy.run --with-parent

test: $(VENV)/dev ## run the tests on an embedded PostgreSQL (or on DATABASE_URL)
	@DEMO= $(BIN)/python -m pytest $(ARGS)

check: $(VENV)/dev ## formatting, lint, types
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy

format: $(VENV)/dev ## format the code
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

bench: $(VENV)/run ## measure everything side by side with its peers, on a quiet machine: an hour and a half
	@$(BIN)/python -m bench peers
	@$(BIN)/python -m bench growth
	@$(BIN)/python -m bench delivery
	@$(BIN)/python -m bench wallet

bench-quick: $(VENV)/run ## a look at the main ratios, within a minute
	@$(BIN)/python -m bench quick

schema: $(VENV)/dev ## write the schema's dump again, after a change of the SQL
	@$(BIN)/python -m tests.wallet_db.schema_dump

lock: ## pin the dependencies of pyproject.toml again (needs uv)
	uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-annotate \
		pyproject.toml -o requirements.txt
	uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-annotate \
		--extra dev --extra nats --extra otel -c requirements.txt pyproject.toml -o requirements-dev.txt

# requirements-dev.txt has all that requirements.txt has, by the same hashes. The tool is installed beside the environment,
# for what it needs itself is no dependency of ours. --strict: what could not be looked up is a failure, not a pass.
audit: $(VENV)/audit/bin/pip-audit ## look the pinned dependencies up among known vulnerabilities (needs the network)
	@$< --strict --disable-pip --require-hashes --progress-spinner off -r requirements-dev.txt

clean: ## remove the environment and caches; the data under .data stays
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and f"Python 3.11 or newer is needed, {sys.executable} is {sys.version.split()[0]}: make PYTHON=python3.12 run")'
	@$(PYTHON) -m venv $(VENV)

$(VENV)/audit/bin/pip-audit:
	@echo "installing pip-audit into $(VENV)/audit"
	@$(PYTHON) -m venv $(VENV)/audit
	@$(VENV)/audit/bin/python -m pip install --quiet --disable-pip-version-check pip-audit

$(VENV)/run: requirements.txt | $(VENV)/bin/python
	@echo "installing dependencies into $(VENV)"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.txt
	@touch $@

$(VENV)/dev: requirements-dev.txt | $(VENV)/bin/python
	@echo "installing dependencies for tests into $(VENV)"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.txt
	@touch $@
