# What can be done with this checkout? `make run` shows what perfwatch does, `make test` says whether it works.
# Needs Python 3.10 or newer and make; everything else is installed into .venv.
#
#   make PYTHON=/path/to/python3 ...   another interpreter (after make clean, where .venv exists)
#   make run TDP=45                    the processor's TDP in watts, for a machine that tells no energy

SHELL := /bin/sh
VENV := .venv
BIN := $(VENV)/bin
TDP ?=
PRICE ?=
CURRENCY ?=
PYTEST_ARGS ?=
MAKEFLAGS += --no-print-directory

.PHONY: run test test-all test-real check bench table clean

run: $(VENV)/.can-run
	@$(BIN)/python examples/run_example.py $(if $(TDP),--tdp $(TDP)) \
	    $(if $(PRICE),--price $(PRICE)) $(if $(CURRENCY),--currency $(CURRENCY))

test: $(VENV)/.can-test
	@$(BIN)/pytest $(PYTEST_ARGS)

# The whole suite on every Python that is found; `make test` runs a short part of it on each.
test-all:
	@failed=; for python in $$(scripts/interpreters); do \
	    version=$$("$$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])'); \
	    echo "== Python $$version"; \
	    PYTHON="$$python" scripts/venv "build/venvs/$$version" dev && \
	    "build/venvs/$$version/bin/pytest" $(PYTEST_ARGS) || failed="$$failed $$version"; \
	done; \
	if [ -n "$$failed" ]; then echo "failed on Python$$failed"; exit 1; fi

# Against real software (docs/validation.md), each in an environment of its own under build/real, or under the
# directory that PERFWATCH_REAL names. Gigabytes, and a quarter of an hour at first; a part: PYTEST_ARGS='-k vllm'.
test-real: $(VENV)/.can-test
	@nice -n 10 $(BIN)/pytest tests/real -m real -n 0 -rs -o timeout=3600 $(PYTEST_ARGS)

check: $(VENV)/.can-test
	@$(BIN)/ruff format --check --quiet .
	@$(BIN)/ruff check --quiet .
	@$(BIN)/mypy --no-error-summary
	@$(BIN)/lint-imports --no-logo >$(VENV)/lint-imports.txt || { cat $(VENV)/lint-imports.txt; exit 1; }
	@echo "check: formatting, lint, types and import walls are clean"

bench: $(VENV)/.can-test
	@for script in benchmarks/[!_]*.py; do echo "== $$script"; $(BIN)/python "$$script" || exit 1; done

# The table of built-in collectors, from pyproject.toml and the classes; the page of chips, from docs/chips.csv.
table: $(VENV)/.can-test
	@$(BIN)/python scripts/table.py
	@$(BIN)/python scripts/chips.py

clean:
	@rm -rf $(VENV) build dist *.egg-info

# The environment is brought up to date when what it is made from has changed.
$(VENV)/.can-run: pyproject.toml scripts/venv examples/requirements.txt
	@scripts/venv $(VENV)
	@$(BIN)/pip install -qq --disable-pip-version-check --only-binary :all: -r examples/requirements.txt || \
	    echo "perfwatch: MLPerf's LoadGen cannot be installed here; the example does without it" >&2
	@touch $@

$(VENV)/.can-test: pyproject.toml scripts/venv
	@scripts/venv $(VENV) dev
	@touch $@
