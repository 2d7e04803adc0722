# Each target sets up what it needs in .venv, on a machine with only Python and make.

PYTHON ?= python3
TENSORFLOW ?= tensorflow-cpu
GPU_PYTHON ?= $(PYTHON)
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check
# An installation is repeated when one of these changes.
INPUTS := pyproject.toml constraints.txt

.PHONY: demo test test-slow test-gpu lint format docs clean

## Train on the embedded digits and write pictures and a quality table to demo_output/.
demo: $(VENV)/.demo
	KERAS_BACKEND=jax $(BIN)/python examples/train_digits.py --output_dir=demo_output

## Run the test suite once per backend.
test: $(VENV)/.test
	$(BIN)/python tests/run_backends.py --jobs=2 -m "not slow and not large"

## Run the slow tests once per backend, as XLA compiles for users.
test-slow: export XLA_FLAGS ?= --xla_force_host_platform_device_count=2
test-slow: $(VENV)/.test $(VENV)/.web
	$(BIN)/python tests/run_backends.py --jobs=2 -m "slow and not large"

## Run the fast tests on the GPU or TPU that JAX or PyTorch of $(GPU_PYTHON) finds; what
## that Python needs is in CONTRIBUTING.md.
test-gpu:
	$(GPU_PYTHON) tests/run_backends.py --accelerator -m "not slow and not large"

lint: $(VENV)/.lint
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/python -m tests.public_annotations

format: $(VENV)/.lint
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

## Build the documentation to build/docs; a broken link or a missing name fails.
docs: $(VENV)/.docs
	$(BIN)/mkdocs build --strict
	@echo "Open build/docs/index.html"

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and \
	  "Python 3.11 or newer is needed; name one: make PYTHON=python3.12")'
	$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); exit 1; }

$(VENV)/.demo: $(BIN)/python $(INPUTS)
	$(PIP) install --constraint constraints.txt --editable ".[jax,data]"
	touch $@

# tensorflow-cpu, and torch by its exact version: `tensorflow` and a range of torch
# would fetch gigabytes of CUDA. (macOS has no tensorflow-cpu: TENSORFLOW=tensorflow.)
# torch-fidelity, which one test compares with, stays apart: where it is found,
# torchmetrics imports it, and so torchvision. keras-cv comes without what it asks for
# and does not need: keras-core and kagglehub.
$(VENV)/.test: $(VENV)/.lint $(INPUTS)
	$(PIP) install --constraint constraints.txt torch==2.13.0 $(TENSORFLOW)
	$(PIP) install --constraint constraints.txt --editable ".[jax,data,train,convert,evaluate,features,huggingface,onnx,onnx-jax,onnx-tensorflow,docs,dev]"
	$(PIP) install --constraint constraints.txt --no-deps --upgrade \
	  --target $(VENV)/reference torch-fidelity
	$(PIP) install --constraint constraints.txt --no-deps keras-cv regex
	touch $@

# The runtime that the page of `web` is tested with, where npm is.
$(VENV)/.web: $(BIN)/python tests/web/package-lock.json
	mkdir -p $(VENV)/web
	cp tests/web/package.json tests/web/package-lock.json $(VENV)/web
	if command -v npm; then cd $(VENV)/web && npm ci --ignore-scripts --no-audit \
	  --no-fund || echo "npm fails: the tests of the page are skipped"; fi
	touch $@

$(VENV)/.lint: $(BIN)/python $(INPUTS)
	$(PIP) install --constraint constraints.txt ruff mypy numpy
	touch $@

# The reference is read from the files, so no backend is needed.
$(VENV)/.docs: $(BIN)/python $(INPUTS)
	$(PIP) install --constraint constraints.txt --editable ".[docs]"
	touch $@

clean:
	rm -rf $(VENV) demo_output build dist *.egg-info
