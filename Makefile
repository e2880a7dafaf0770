# All that is needed beforehand: Python 3.11 or newer, make, a network.

BIN := .venv/bin
PORT ?= 8000
export PORT
export PIP_DISABLE_PIP_VERSION_CHECK := 1

# `make setup PYTHON=/path/to/python` decides; else the first that is new enough.
PYTHON ?= $(shell for name in python3 python3.13 python3.12 python3.11 python; do \
	"$$name" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo "$$name" && break; \
	done)

# Settings for commands that only look at the code: nothing of the surroundings, nothing on disk.
LOOK := env -u BASE_URL -u ALLOWED_HOSTS DATABASE_URL=sqlite://:memory: SECRET_KEY=only-to-look DEBUG=1
LIVE := env -u DEBUG -u BASE_URL -u ALLOWED_HOSTS DATABASE_URL=sqlite://:memory:

.DEFAULT_GOAL := help
.PHONY: help setup demo test check format translations bench fuzz screenshots clean

help:
	@echo "make demo    a sample institute with web and worker on PORT (default 8000)"
	@echo "make test    every test, on SQLite and on a real PostgreSQL, browser included"
	@echo "make check   format, lint, types, templates, migrations, deployment, house rules"
	@echo "make format  put the code in order"
	@echo "make translations  every text of the sources in the catalogues, and these compiled"
	@echo "make bench   how fast it is on this machine, a line of JSON each"
	@echo "make fuzz    thousands of generated requests for each endpoint of the API and each role"
	@echo "make screenshots  every page as a picture, for each kind of user, in var/screenshots"
	@echo "make setup   only the virtual environment, with all that development needs"
	@echo "make clean   throw away .venv and var, the sample data included"

setup: .venv/dev.installed

.venv/bin/python:
	@test -n "$(PYTHON)" || { \
		echo "Understudy needs Python 3.11 or newer, and none is on the PATH." \
		     "Install one, or name it: make $(MAKECMDGOALS) PYTHON=/path/to/python3.11"; exit 1; }
	@"$(PYTHON)" -c 'import ensurepip, venv' 2>/dev/null || { \
		echo "$(PYTHON) comes without venv and ensurepip, which make the virtual environment." \
		     "On Debian and Ubuntu: apt-get install python3-venv"; exit 1; }
	"$(PYTHON)" -m venv .venv

.venv/base.installed: requirements/base.txt | .venv/bin/python
	$(BIN)/python -m pip install --quiet --require-hashes -r requirements/base.txt
	@touch $@

.venv/dev.installed: requirements/dev.txt | .venv/bin/python
	$(BIN)/python -m pip install --quiet --require-hashes -r requirements/dev.txt
	@touch $@ .venv/base.installed

demo: .venv/base.installed
	@DEBUG=1 $(BIN)/python manage.py demo

# The browser tests run once, on PostgreSQL: it is what production has.
test: .venv/dev.installed
	@.ci/browser
	@status=0; \
	$(BIN)/python -m pytest --database sqlite -m "not browser" || status=$$?; \
	$(BIN)/python -m pytest --database postgresql || status=$$?; \
	exit $$status

check: .venv/dev.installed
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/djlint --quiet --lint .
	$(LOOK) $(BIN)/mypy
	$(LOOK) $(BIN)/python manage.py makemigrations --check --dry-run
	$(LIVE) SECRET_KEY="$$($(BIN)/python -c 'import secrets; print(secrets.token_urlsafe(64))')" \
		$(BIN)/python manage.py check --deploy --fail-level WARNING
	$(BIN)/python -m pytest -q tests/test_structure.py tests/test_requirements.py tests/test_translations.py

format: .venv/dev.installed
	$(BIN)/ruff check --fix-only --quiet .
	$(BIN)/ruff format .

# What is compiled is committed, so that nothing has to be built to run. Fails while a text is untranslated.
translations: .venv/dev.installed
	@$(LOOK) DJANGO_SETTINGS_MODULE=config.settings $(BIN)/python -m tests.catalogue

# ONLY=q: only what the rules do to classes, on real timetables; ONLY=bf: only these two.
bench: .venv/dev.installed
	@$(BIN)/python -m tests.benchmarks $(ONLY)

# EXAMPLES=200: so many for each. WITH="--role student --endpoint offers": only these.
fuzz: .venv/dev.installed
	@$(BIN)/python -m tests.fuzz --examples $(or $(EXAMPLES),2000) $(WITH)

# WHO=student: only for users of whom this is said.
screenshots: .venv/dev.installed
	@.ci/browser
	@$(BIN)/python -m tests.screenshots $(WHO)

clean:
	rm -rf .venv var .mypy_cache .ruff_cache .pytest_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
