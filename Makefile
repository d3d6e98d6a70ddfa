# Everything a person or CI does with a checkout. Needs Python >= 3.11 with venv, gcc, make.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PYTEST := $(BIN)/python -m pytest
JOBS ?= 2  # tests side by side in make test; most of them wait for brokers and timers

export ORT_DISABLE_TELEMETRY := 1

.PHONY: help venv tools demo test check format bench bench-quantize bench-firmware bench-http firmware-table \
        bench-runtime bench-batch kill-test test-openvino test-slow package-test package-tools clean-room \
        clean explore chaos soak fleet fuzz boot-test image boot-tools deb deploy-test

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

test: venv tools  ## the suite (JOBS=2 side by side); REQUIRE_TOOLS=1 makes a missing tool a failure
	$(PYTEST) -n $(JOBS) --dist worksteal -m 'not slow and not boot' --cov --cov-report=term:skip-covered

explore: venv tools  ## the property tests on examples that are new each time (make test: always the same)
	EXPLORE=1 REQUIRE_TOOLS=1 $(PYTEST) -n $(JOBS) --dist worksteal -m 'hypothesis and not slow'

test-openvino: venv  ## the engine whose package is too large for every checkout
	$(BIN)/python -m pip install --quiet --editable '.[openvino]'
	REQUIRE_TOOLS=1 $(PYTEST) -m openvino tests/edge_runtime/engines

test-slow: venv package-tools  ## the long tests
	scripts/install-tools slow
	$(BIN)/python -m pip install --quiet --editable '.[openvino]'
	PATH="$$PATH:$(CURDIR)/.venv-packages/bin" $(PYTEST) -m 'slow and not boot and not deploy'

package-test: venv tools package-tools  ## packages of firmware, by their ecosystems' own tools
	PATH="$$PATH:$(CURDIR)/.venv-packages/bin" $(PYTEST) tests/firmware_export/package

package-tools: .venv-packages/bin/pio  # apart from the rest: they pin what others need newer

.venv-packages/bin/pio:
	$(PYTHON) -m venv .venv-packages
	.venv-packages/bin/python -m pip install -q 'platformio>=6.1' 'idf-component-manager>=2' kconfiglib

kill-test: venv tools  ## kill -9 of the daemon and of the broker, 20 times each
	KILLS=20 BROKER_KILLS=20 $(PYTEST) -m 'slow' tests/broker/test_kill.py -rA

# Hours. KILLS=500 BROKER_KILLS=200 CUTS=50 STOPS=50 SEED=... make it shorter, and repeat it.
chaos: venv tools  ## every row of the fault catalogue, long tier; a table at the end (docs/reliability.md)
	$(PYTEST) -m chaos -p tests.chaos.table tests

soak: venv tools  ## 30 minutes (SOAK_S=...) of random faults (SEED=...); slopes of memory and descriptors
	$(BIN)/python -m tests.chaos.soak

fleet: venv tools  ## 1,000 simulated devices and 20 daemons on one broker: sent = received, and the CPU
	$(BIN)/python -m tests.chaos.fleet

fuzz: venv  ## a million bad payloads (CASES=...) for every decoder
	$(BIN)/python -m tests.chaos.fuzz.run

image: venv boot-tools  ## a bootable card: make image CONFIG=porch.toml BUNDLE=models/door OUT=sd.img (root)
	test -n '$(CONFIG)' || { echo 'usage: make image CONFIG=porch.toml BUNDLE=DIR OUT=sd.img'; exit 2; }
	rm -rf build/packages
	$(BIN)/python deploy/debian/build_package.py --arch arm64 --out build/packages
	$(BIN)/edge-runtime image build '$(CONFIG)' $(addprefix --bundle ,$(BUNDLE)) \
	    --package build/packages/*.deb --base build/image-base --out '$(or $(OUT),sd.img)'

boot-test: venv tools boot-tools  ## a card boots in QEMU, publishes, survives kills (root; 10 minutes idle)
	REQUIRE_TOOLS=1 $(PYTEST) -m boot tests/deploy -rA -s

boot-tools:
	scripts/install-tools boot
	-test -e /proc/sys/fs/binfmt_misc/register || mount -t binfmt_misc binfmt_misc /proc/sys/fs/binfmt_misc
	-test -e /proc/sys/fs/binfmt_misc/qemu-aarch64 || update-binfmts --enable qemu-aarch64

deb: venv  ## the Debian packages of both architectures, in dist/
	$(BIN)/python deploy/debian/build_package.py --arch amd64
	$(BIN)/python deploy/debian/build_package.py --arch arm64

deploy-test: venv  ## package, container, pod and apt repository, really run (root only)
	scripts/install-tools deploy
	$(BIN)/python -m pip install --quiet --editable '.[deploy]'
	$(PYTEST) -m deploy tests/deploy -p no:randomly -rA

check: venv  ## format, lint, types, import contracts
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: venv  ## rewrite the files as check wants them
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: bench-quantize bench-firmware bench-runtime bench-batch bench-http  ## all benchmark tables, Markdown and JSON

bench-quantize: venv  ## accuracy, parity, sizes and cost of the quantizer, beside its peers
	$(BIN)/python -m pip install --quiet --editable '.[bench]'
	$(BIN)/python benchmarks/quantize_bench.py

bench-firmware: venv tools  ## instructions, flash and RAM on emulated Cortex-M
	$(BIN)/python -m benchmarks.firmware_bench --json build/firmware.json
	$(BIN)/python -m benchmarks.firmware_options_bench

firmware-table: venv tools  ## the same, with 100 inputs a model on every core (20 on slow ones): slow
	$(BIN)/python -m benchmarks.firmware_bench --vectors 100 --slow-vectors 20 \
	    --json build/firmware.json

bench-runtime: venv  ## latency, age, CPU and memory of the daemon
	$(BIN)/python benchmarks/runtime_bench.py
	$(BIN)/python benchmarks/peers_bench.py $(if $(INFERENCE_PYTHON),--inference-python $(INFERENCE_PYTHON))

bench-batch: venv  ## what calls with several samples save, of inference and of a worker
	$(BIN)/python -m benchmarks.batch_bench

bench-http: venv  ## requests per second and latency of edge-runtime serve
	$(BIN)/python benchmarks/http_bench.py

clean-room:  ## demo and test in an empty Debian 12 root (root only)
	scripts/clean-room

clean:
	rm -rf $(VENV) build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis
