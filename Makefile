# Every target makes its own environment first: Python 3.11+ and make are all that is needed.
SHELL := /bin/bash
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

.DEFAULT_GOAL := help
.PHONY: help demo serve test check stories soak faults mutants bench bench-compare bench-large chaos pictures docs audit sbom lock clean

help: ## show this help
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/  make \1\t\2/' | expand -t 22

demo: $(STAMP) ## a contact file to delivered, read and explained messages, with a killed sender, in a minute
	@$(BIN)/tidings demo

serve: $(STAMP) ## the whole platform on port 3000, with the sandbox, keeping its data in ./data
	@$(BIN)/tidings serve --data data

# Compiled once here: where Python may not keep what it compiles, each of the hundreds of processes would.
# Each process of tests starts servers of its own; on those that an address names, tests take turns.
JOBS ?= $(if $(MYSQL_URL)$(MARIADB_URL)$(REDIS_URL)$(RABBITMQ_URL),0,3)
test: $(STAMP) ## every test, in three processes (JOBS=n for another number)
	@bash tests/servers.sh
	@$(BIN)/python -m compileall -q src tests bench
	@$(BIN)/python -m pytest -n $(JOBS) --dist worksteal

check: $(STAMP) ## format, lint, types, architecture, that every endpoint says who may call it, and that tables are what their versions make
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/basedpyright
	@$(BIN)/lint-imports --no-cache
	@$(BIN)/tidings endpoints >/dev/null
	@$(BIN)/tidings migrate --drift

chaos: $(STAMP) ## real senders under SIGKILL and SIGSTOP against a misbehaving sandbox, and the naive control
	@$(BIN)/python -m bench.chaos

stories: $(STAMP) ## 1,000 simulated stories of campaigns under faults: continuous integration tells them after the tests
	@$(BIN)/python -m tidings.testing simulate --seeds 1000

soak: $(STAMP) ## 10,000 simulated stories of campaigns under faults, and a crash at every point
	@$(BIN)/python -m tidings.testing simulate --seeds 10000
	@$(BIN)/python -m tidings.testing crash-points
	@$(BIN)/python -m tidings.testing crash-points --fault away

faults: $(STAMP) ## every fault of docs/reliability.md, with real processes and servers
	@bash tests/servers.sh
	@$(BIN)/python -m tests.faults -n $(JOBS) --dist worksteal

mutants: $(STAMP) ## deliberate faults in the engine, each of which the simulation must find
	@$(BIN)/python -m tests.mutants

bench: $(STAMP) ## figures on MySQL and Redis, as ratios against the bare loop in the same run
	@bash tests/servers.sh
	@$(BIN)/python -m bench --on mysql

bench-compare: $(STAMP) ## the last run beside the one before it, or beside WITH=file.json
	@$(BIN)/python -m bench.compare $(WITH)

bench-large: $(STAMP) ## how questions slow down from 10,000 people and messages to 10 million, on MySQL
	@bash tests/servers.sh
	@$(BIN)/python -m bench growth growth-messages --people 10000000 --on mysql

pictures: $(STAMP) ## screenshots of every page of the console into docs/pictures
	@bash tests/servers.sh
	@$(BIN)/python -m pytest tests/console/pictures.py

docs: $(STAMP) ## the documentation as a site, in build/site
	@$(BIN)/python -m mkdocs build -q --strict

audit: $(STAMP) ## ask the public databases whether what is pinned has known holes (needs the internet)
	@$(call ensure_uv) && $$uv tool run pip-audit --require-hashes --disable-pip -r requirements.lock

sbom: $(STAMP) ## the bill of materials (CycloneDX) of everything that is pinned, as sbom.json
	@$(BIN)/python -m cyclonedx_py requirements --of JSON -o sbom.json requirements.lock

lock: ## pin every dependency, with hashes
	@$(call ensure_uv) && $$uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
		--group dev --extra testing --extra traces pyproject.toml -o requirements.lock --custom-compile-command "make lock"

clean: ## remove the environment and generated files
	rm -rf $(VENV) build dist *.egg-info

# uv from the path, or from this environment, into which pip brings it when it is missing
define ensure_uv
uv=$$(command -v uv || true); \
if [ -z "$$uv" ]; then \
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV); \
	test -x $(BIN)/uv || $(BIN)/python -m pip install -q --disable-pip-version-check uv; \
	uv=$(BIN)/uv; \
fi
endef

$(STAMP): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit("tidings needs Python 3.11 or newer; say PYTHON=... to make" if sys.version_info < (3, 11) else 0)'
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(call ensure_uv); \
	$$uv pip install -q --python $(BIN)/python --compile-bytecode --require-hashes -r requirements.lock && \
	$$uv pip install -q --python $(BIN)/python --no-deps --no-build-isolation -e .
	@touch $@
