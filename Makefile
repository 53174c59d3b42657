# The two commands to know: make run, make test.
PYTHON ?= python3
VENV := .venv$(if $(filter-out python3,$(PYTHON)),-$(notdir $(PYTHON)))
BIN := $(VENV)/bin
EXTRAS := all
export PIP_DISABLE_PIP_VERSION_CHECK = 1

.PHONY: help run demo free-ports demo-ports install dev servers test test-load coverage rq-suite lint audit screens pictures completions man docs release bench bench-guard format check clean recording

help: ## show this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/'

# Without python3-venv, Debian's Python makes half of it and fails: the folder alone proves nothing, pip does.
$(BIN)/pip:
	@echo "making $(VENV) with $$($(PYTHON) --version)"
	@$(PYTHON) -m venv $(VENV)

$(BIN)/qctl: pyproject.toml constraints.txt | $(BIN)/pip
	@echo "installing qctl and the libraries that it needs: about a minute the first time"
	@$(BIN)/pip install --quiet -c constraints.txt -e ".[$(EXTRAS)]"
	@touch $(BIN)/qctl

$(VENV)/.dev: pyproject.toml constraints.txt | $(BIN)/pip
	@echo "installing qctl with what tests and checks need: about two minutes the first time"
	@$(BIN)/pip install --quiet -c constraints.txt -e ".[$(EXTRAS),dev]"
	@touch $(VENV)/.dev $(BIN)/qctl

$(VENV)/.demo: pyproject.toml constraints.txt | $(BIN)/pip
	@echo "installing qctl with the clients of the demo: about a minute the first time"
	@$(BIN)/pip install --quiet -c constraints.txt -e ".[$(EXTRAS),demo]"
	@touch $(VENV)/.demo $(BIN)/qctl

free-ports:
	@$(PYTHON) src/qctl/stack/free_ports.py MQTT_PORT=1883 PORT=3000 QCTL_GATEWAY_PORT=2000

demo-ports:
	@$(PYTHON) src/qctl/stack/free_ports.py MQTT_PORT=1884 PORT=3001 QCTL_GATEWAY_PORT=2001

install: $(BIN)/qctl ## make .venv and install qctl into it

dev: $(VENV)/.dev ## the same, with what tests and checks need

run: free-ports $(BIN)/qctl ## start everything on embedded defaults, in the foreground
	QCTL_HOME=$${QCTL_HOME:-$(CURDIR)/var} $(BIN)/qctl up

demo: demo-ports $(VENV)/.demo ## a whole site to look at: made-up devices, clients and producers of every kind of job
	QCTL_HOME=$${QCTL_HOME:-$(CURDIR)/var/demo} $(BIN)/python -m demo

servers: ## install the Debian packages of the servers that tests run against, where this user may
	@sh tests/servers.sh

test: dev servers ## install what tests need, run them all; PYTHON=python3.13 for another interpreter
	$(BIN)/pytest $(ARGS)

test-load: dev servers ## run all tests while other programs keep the cores and the disk busy
	PYTHONPATH=tests $(BIN)/python -m support.busy_machine --writers 2 -- $(BIN)/pytest --timeout 900 $(ARGS)

coverage: dev servers ## run the tests and report the lines that they do not reach
	rm -rf build/coverage && mkdir -p build/coverage
	$(BIN)/coverage run -m pytest $(ARGS)
	$(BIN)/coverage combine --quiet
	$(BIN)/coverage report

rq-suite: dev ## run RQ's own tests, of its source distribution, against qctl's queue and workers: some minutes
	$(BIN)/python tests/rq_suite $(ARGS)

lint: dev ## ruff, ruff format, mypy, import contracts, words
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache
	$(BIN)/python tests/repo/words.py

screens: dev ## redraw the pictures of the monitor's screens
	$(BIN)/python tests/tui/pictures.py docs/screens

pictures: $(BIN)/qctl ## draw the monitor of a running `make demo`, and a tour of it, for README and docs
	QCTL_HOME=$${QCTL_HOME:-$(CURDIR)/var/demo} $(BIN)/python -m demo.pictures docs/screens

recording: $(BIN)/qctl ## animate a recording of the monitor: make recording RECORDING=kept.jsonl SVG=monitor.svg
	$(BIN)/python -m demo.film $(RECORDING) $(or $(SVG),monitor.svg)

completions man: dev ## regenerate completions of bash, zsh and fish, manual pages, and the page of qctl --help
	$(BIN)/python -m qctl.cli.completions completions

docs: dev ## build the documentation as a site in build/site; broken links are errors
	$(BIN)/zensical build --strict

release: ## build and check the source distribution and the wheel, install the wheel in a clean environment, run it
	rm -rf dist build/release
	$(PYTHON) -m venv build/release/tools
	build/release/tools/bin/pip install --quiet -c constraints.txt build twine
	build/release/tools/bin/python -m build --outdir dist .
	build/release/tools/bin/python -m build --outdir dist packages/qctl-pause
	build/release/tools/bin/twine check --strict dist/*
	$(PYTHON) -m venv build/release/clean
	build/release/clean/bin/pip install --quiet -c constraints.txt dist/*.whl
	build/release/clean/bin/qctl --version

bench: dev ## measure everything, for an hour or more; each of benchmarks/*.py also runs alone
	@for each in $$(grep -l __main__ benchmarks/*.py | grep -v guard.py); do \
		echo "== $$each"; $(BIN)/python $$each || failed="$$failed $$each"; done; \
	test -z "$$failed" || { echo "failed:$$failed"; exit 1; }

bench-guard: dev ## measure the main ratios for four minutes, and fail if one fell far below benchmarks/expected.json
	$(BIN)/python benchmarks/guard.py $(ARGS)

format: dev ## put code into its shape
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

audit: dev ## look for known holes in what constraints.txt pins; takes the network, NO_AUDIT=1 skips it
	$(BIN)/python tests/audit.py $(VENV)/audit

check-deploy: ## validate the Compose file and the Kubernetes manifests against their schemas; takes the network
	$(PYTHON) -m venv build/deploy
	build/deploy/bin/pip install --quiet PyYAML compose-spec==0.2.1 kubernetes-validate==1.37.0
	build/deploy/bin/python tests/deploy/schemas.py

check: lint audit test ## lint, audit and test

clean: ## remove what make made
	rm -rf $(VENV) build dist src/*.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
