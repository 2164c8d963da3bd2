# make demo    real purchases become badges, on a local Kafka and Redis
# make test    lint, types, import rules and all tests, on a Kafka and a Redis of their own
# Needs Python 3.11 or newer; everything else is installed into .venv and the user's cache folder.

PYTHON ?= $(shell for python in python3 python3.14 python3.13 python3.12 python3.11 python; do \
	if $$python -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; \
	then command -v $$python; break; fi; done)
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed
# Tests by file on so many processes, each with servers of its own. The files come in random order too.
PROCESSES ?= 2
PARALLEL = -n $(PROCESSES) --dist loadfile --no-loadscope-reorder
PYTEST_ARGS ?=
BENCH_ARGS ?=
EVENTS ?= 1000000
SECONDS ?= 120
SEED ?= 1
LOCK_ARGS ?=

.DEFAULT_GOAL := help
.PHONY: help install demo test lint unit compile test-compiled faults chaos bench soak lock clean

help:
	@echo "make demo     real purchases become badges, on a local Kafka and Redis (about two minutes the first time)"
	@echo "make test     everything is checked: lint, types, import rules, all tests (under a quarter of an hour)"
	@echo "make unit     the tests that need no servers"
	@echo "make compile  machine code of the hot path, for more speed; needs a C compiler, and nothing needs it"
	@echo "make faults   every crash point on three passages, and all other faults (about half an hour)"
	@echo "make chaos    SECONDS=120 SEED=1: producers, workers, broker and Redis are killed at random, then all is checked"
	@echo "make bench    events per second, latency, cost per customer"
	@echo "make soak     a million events through one worker: memory, files and Redis stay flat (EVENTS=...)"
	@echo "make install  only the installation into .venv; then .venv/bin/badges --help"
	@echo "make clean    deletes .venv and caches; data of servers stays (badges down --wipe)"

$(INSTALLED): pyproject.toml requirements.lock
	@test -n "$(PYTHON)" || { echo "make: no Python 3.11 or newer with venv found; install one, or say PYTHON=/path/to/python3"; exit 3; }
	@echo "Installing into $(VENV) (300 MB of packages, once; half a minute on most machines)"
	@$(BIN)/python -m pip --version >/dev/null 2>&1 || "$(PYTHON)" -m venv --clear $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

install: $(INSTALLED)

demo: $(INSTALLED)
	@$(BIN)/badges demo

lint: $(INSTALLED)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

test: lint
	$(BIN)/python -m pytest $(PARALLEL) $(PYTEST_ARGS)

unit: $(INSTALLED)
	$(BIN)/python -m pytest -m "not kafka and not redis" $(PARALLEL) $(PYTEST_ARGS)

compile: $(INSTALLED)
	@$(BIN)/python -m consumer.compile_modules

# What tests say of the sources holds for the compiled modules too, in this process and in workers, and both print
# the same bytes. Not tests/simulator: its page sizes are patched constants, which are compiled in.
test-compiled: compile
	BADGES_COMPILED=1 $(BIN)/python -m pytest -p tests.compiled_modules \
		-m "not kafka and not redis" tests/spec tests/properties tests/unit tests/schemas tests/state \
		tests/compiled tests/compiled/same_bytes.py $(PYTEST_ARGS)
	BADGES_COMPILED=1 BADGES_REQUIRE_KAFKA=1 $(BIN)/python -m pytest $(PARALLEL) \
		-m "kafka or redis" tests/demo tests/live tests/faults $(PYTEST_ARGS)

faults: $(INSTALLED)
	BADGES_REQUIRE_KAFKA=1 $(BIN)/python -m pytest -m row --thorough --rows tests/faults/results.jsonl $(PYTEST_ARGS)
	$(BIN)/python -m tests.faults.table

# Everything is killed, stopped and started again at random for so long; then the oracle is asked.
chaos: $(INSTALLED)
	$(BIN)/python -m tests.chaos --seconds $(SECONDS) --seed $(SEED)

# Where nothing can be compiled the sources are measured; the first line says which.
bench: $(INSTALLED)
	@$(BIN)/python -m consumer.compile_modules || echo "make bench: everything is interpreted"
	$(BIN)/python -m consumer.bench $(BENCH_ARGS)

soak: $(INSTALLED)
	$(BIN)/python -m consumer.bench.soak --events $(EVENTS)

# Exact versions and hashes for every platform and Python from 3.11 on: of .[local,dev], of what the container image
# needs, and of what compiles its rules. A version in the list stays while pyproject.toml allows it; LOCK_ARGS=--upgrade takes the newest.
LOCK := .lock-venv/bin/uv pip compile --quiet --no-config --universal --python-version 3.11 --generate-hashes \
	--no-annotate --custom-compile-command "make lock"
lock:
	rm -rf .lock-venv
	"$(PYTHON)" -m venv .lock-venv
	.lock-venv/bin/python -m pip install --quiet --disable-pip-version-check uv
	$(LOCK) --group build pyproject.toml --extra local --extra dev $(LOCK_ARGS) -o requirements.lock
	$(LOCK) --group build pyproject.toml --constraint requirements.lock $(LOCK_ARGS) -o requirements-image.lock
	$(LOCK) --group compile --constraint requirements.lock $(LOCK_ARGS) -o requirements-compile.lock
	rm -rf .lock-venv

clean:
	rm -rf $(VENV) .build .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
