# Everything a person or CI does with a checkout. Needs Python >= 3.11 with venv, gcc, make.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PYTEST := $(BIN)/python -m pytest

export ORT_DISABLE_TELEMETRY := 1

.PHONY: help venv tools demo test check format bench bench-quantize bench-firmware bench-runtime \
        kill-test test-slow clean-room clean

help:  ## this list
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/\1\t\2/p' $(MAKEFILE_LIST) | expand -t 18

venv: $(VENV)/.installed  ## .venv with everything installed

$(VENV)/.installed: pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed")'
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --editable '.[dev]'
	touch $@

tools:  ## the test tools of the base system (mosquitto, QEMU, Arm compiler); asks for sudo
	scripts/install-tools

demo: venv  ## train-to-broker in a minute: quantize, export C, run the daemon on real input
	$(BIN)/python examples/demo.py

test: venv tools  ## the suite; REQUIRE_TOOLS=1 makes a missing tool a failure
	$(PYTEST) -m 'not slow' --cov --cov-report=term:skip-covered

test-slow: venv  ## the long tests
	scripts/install-tools slow
	$(PYTEST) -m 'slow'

kill-test: venv tools  ## kill -9 of the daemon and of the broker, 20 times each
	$(PYTEST) -m 'slow' tests/broker -rA

check: venv  ## format, lint, types, import contracts
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: venv  ## rewrite the files as check wants them
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: bench-quantize bench-firmware bench-runtime  ## all benchmark tables, Markdown and JSON

bench-quantize: venv  ## accuracy, parity, sizes and cost of the quantizer
	$(BIN)/python benchmarks/quantize_bench.py

bench-firmware: venv tools  ## instructions, flash and RAM on emulated Cortex-M
	$(BIN)/python benchmarks/firmware_bench.py

bench-runtime: venv  ## latency, age, CPU and memory of the daemon
	$(BIN)/python benchmarks/runtime_bench.py

clean-room:  ## demo and test in an empty Debian 12 root (root only)
	scripts/clean-room

clean:
	rm -rf $(VENV) build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis
