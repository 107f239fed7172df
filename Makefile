# Janymda. `make help` lists what can be done.
SHELL := /bin/bash
.DEFAULT_GOAL := help

# Any Python with pip fetches uv; a name may stand in PATH without a working interpreter behind it.
PYTHON ?= $(shell for name in python3 python3.11 python3.12; do $$name -m pip --version >/dev/null 2>&1 && echo $$name && break; done)
UV_VERSION := 0.13.9
UV := .tools/uv/bin/uv
APP := .venv/bin
NLU := .venv-nlu/bin
CATALOGUES := $(patsubst %.po,%.mo,$(wildcard locales/*/LC_MESSAGES/*.po))

.PHONY: help setup run demo test lint bench evaluate train encoder languages content i18n requirements browser postgres clean

help: ## This list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-14s %s\n", $$1, $$2}'

setup: $(APP)/janymda $(NLU)/.done $(CATALOGUES) ## Environments, languages, model and database
	@$(APP)/janymda train
	@$(APP)/janymda seed

run: setup ## Set up what is missing, then answer until Ctrl-C
	@exec $(APP)/janymda run

demo: setup ## Invented organisations, staff and hand-overs, to look around in
	@mkdir -p var/demo
	@export JANYMDA_DATA_DIR=var/demo; unset JANYMDA_DATABASE_URL JANYMDA_DATABASE_URL_FILE; \
	  $(APP)/janymda demo && exec $(APP)/janymda run

test: setup $(APP)/.dev browser postgres ## Every check and every test
	@$(MAKE) --no-print-directory lint
	$(APP)/python -m pytest

lint: $(APP)/.dev ## Style, types, import rules, content
	$(APP)/ruff check .
	$(APP)/ruff format --check .
	$(APP)/mypy
	$(APP)/lint-imports
	$(APP)/janymda content check

bench: setup $(APP)/.dev postgres ## Speed, as ratios against a peer in the same run
	$(APP)/python -m tests.bench
	$(APP)/python -m tests.bench.directory

evaluate: setup $(APP)/.dev ## What is understood, in tables: docs/understanding.md (some 25 minutes)
	$(APP)/python -m tests.evaluation.readings var/evaluation/readings.jsonl
	$(NLU)/python nlu/evaluate.py --readings var/evaluation/readings.jsonl

train: $(APP)/janymda $(NLU)/.done ## Train the dialogue model anew
	@$(APP)/janymda train --force

encoder: $(UV) ## Tune the small encoder anew: only after many new lines, 45 minutes
	@test -x .venv-encoder/bin/python || $(UV) venv -q --python ">=3.11,<3.13" .venv-encoder
	@$(UV) pip sync -q --python .venv-encoder/bin/python --require-hashes requirements/encoder.txt
	cd nlu && ../.venv-encoder/bin/python -m encoder.tune

languages: $(NLU)/.done ## Learn anew by which letters a word is Kazakh or Russian
	cd nlu && ../$(NLU)/python languages.py

content: $(APP)/janymda ## Check the words
	@$(APP)/janymda content check

i18n: $(APP)/.dev ## Take new interface strings into locales/
	$(APP)/pybabel -q extract -F locales/babel.cfg --no-location --omit-header -o locales/bot.pot .
	$(APP)/pybabel -q update -i locales/bot.pot -d locales -D bot --no-fuzzy-matching --omit-header
	$(APP)/pybabel -q extract -F locales/console.cfg --no-location --omit-header -o locales/console.pot .
	$(APP)/pybabel -q update -i locales/console.pot -d locales -D console --no-fuzzy-matching --omit-header
	@$(MAKE) --no-print-directory $(CATALOGUES)

requirements: $(UV) ## Pin the newest versions that fit pyproject.toml
	for group in app dev encoder; do \
	  $(UV) pip compile -q --upgrade --generate-hashes --no-emit-index-url --python-version 3.11 --group $$group -o requirements/$$group.txt; \
	done
	$(UV) pip compile -q --upgrade --generate-hashes --no-emit-index-url --python-version 3.10 --group nlu -o requirements/nlu.txt

clean: ## Remove what setup made; never the database or the secrets
	rm -rf .venv .venv-nlu .venv-encoder .tools nlu/models nlu/.rasa $(CATALOGUES)

$(UV):
	@echo "Fetching uv $(UV_VERSION) …"
	@$(PYTHON) -m pip install -q --disable-pip-version-check --target .tools/uv uv==$(UV_VERSION)

# Compiled here and once: where Python may not keep what it compiled, each start of the bot would take twice as long.
$(APP)/janymda: requirements/app.txt pyproject.toml | $(UV)
	@echo "Making the bot's environment (.venv) …"
	@test -x $(APP)/python || $(UV) venv -q --python ">=3.11,<3.13" .venv
	@$(UV) pip install -q --compile-bytecode --python $(APP)/python --require-hashes -r requirements/app.txt
	@$(UV) pip install -q --python $(APP)/python --no-deps --no-build-isolation -e .
	@touch $@

$(APP)/.dev: requirements/dev.txt $(APP)/janymda
	@echo "Adding the tools for tests …"
	@$(UV) pip install -q --compile-bytecode --python $(APP)/python --require-hashes -r requirements/dev.txt
	@touch $@

$(NLU)/.done: requirements/nlu.txt | $(UV)
	@echo "Making the dialogue engine's environment (.venv-nlu, about 1.5 GB, a few minutes) …"
	@test -x $(NLU)/python || $(UV) venv -q --python 3.10 .venv-nlu
	@$(UV) pip sync -q --compile-bytecode --python $(NLU)/python --require-hashes requirements/nlu.txt
	@touch $@

%.mo: %.po | $(APP)/janymda
	@$(APP)/pybabel -q compile -f -i $< -o $@

# A real browser for the tests of the chat page: Debian's, where there is none yet.
browser:
	@command -v chromium >/dev/null || { \
	  echo "Installing Debian's chromium for the browser tests …"; \
	  apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq chromium fonts-dejavu-core >/dev/null; }

# A real PostgreSQL server for the tests: Debian's, where there is none yet; the tests start their own.
postgres:
	@ls /usr/lib/postgresql/*/bin/postgres >/dev/null 2>&1 || { \
	  echo "Installing Debian's postgresql for the tests …"; \
	  apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends postgresql >/dev/null; }
