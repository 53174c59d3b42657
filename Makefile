# The two commands to know: make run, make test.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
EXTRAS := gateway,graphql,images,influxdb,mail,mongodb,mysql,reports,s3,socketio,web
export PIP_DISABLE_PIP_VERSION_CHECK = 1

.PHONY: help run demo install dev servers test rq-suite lint audit screens completions bench format check clean

help: ## show this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/'

# Without python3-venv, Debian's Python makes half of it and fails: the folder alone proves nothing, pip does.
$(BIN)/pip:
	$(PYTHON) -m venv $(VENV)

$(BIN)/qctl: pyproject.toml constraints.txt | $(BIN)/pip
	$(BIN)/pip install --quiet -c constraints.txt -e ".[$(EXTRAS)]"
	@touch $(BIN)/qctl

$(VENV)/.dev: pyproject.toml constraints.txt | $(BIN)/pip
	$(BIN)/pip install --quiet -c constraints.txt -e ".[$(EXTRAS),dev]"
	@touch $(VENV)/.dev $(BIN)/qctl

install: $(BIN)/qctl ## make .venv and install qctl into it

dev: $(VENV)/.dev ## the same, with what tests and checks need

run: $(BIN)/qctl ## start everything on embedded defaults, in the foreground
	QCTL_HOME=$${QCTL_HOME:-$(CURDIR)/var} $(BIN)/qctl up

demo: dev ## a whole site to look at: made-up devices, clients and producers of every kind of job
	QCTL_HOME=$${QCTL_HOME:-$(CURDIR)/var/demo} $(BIN)/python -m demo

servers: ## install the Debian packages of the servers that tests run against, where this user may
	@sh tests/servers.sh

test: dev servers ## install what tests need, run them all
	$(BIN)/pytest $(ARGS)

rq-suite: dev ## run RQ's own tests, of its source distribution, against qctl's queue and workers: some minutes
	$(BIN)/python tests/rq_suite $(ARGS)

lint: dev ## ruff, ruff format, mypy, import contracts
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache

screens: dev ## draw the pictures of the monitor's screens anew
	$(BIN)/python tests/tui/pictures.py docs/screens

completions: dev ## write the completions of bash, zsh and fish anew, and the page of qctl --help
	$(BIN)/python -m qctl.cli.completions completions
	$(BIN)/python -m qctl.cli.completions.help_text

bench: dev ## measure everything, for an hour or more; each of benchmarks/*.py also runs alone
	@for each in $$(grep -l __main__ benchmarks/*.py); do \
		echo "== $$each"; $(BIN)/python $$each || failed="$$failed $$each"; done; \
	test -z "$$failed" || { echo "failed:$$failed"; exit 1; }

format: dev ## put code into its shape
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

audit: dev ## look for known holes in what constraints.txt pins; takes the network
	$(BIN)/python tests/audit.py $(VENV)/audit

check: lint audit test ## lint, audit and test

clean: ## remove what make made
	rm -rf $(VENV) build dist src/*.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
