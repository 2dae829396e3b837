# make help lists the targets. Everything runs in .venv, which is made on first use.
PYTHON ?= python3.11
VENV ?= .venv
BIN := $(VENV)/bin
ARGS ?=

# The embedded, drawn faces unless ARGS name other data
CHOSEN := $(filter data=% data.path=% data.download=% experiment=% ckpt_path=%,$(ARGS))
TRAIN_ARGS := $(if $(CHOSEN),,experiment=synthetic) $(ARGS)

.DEFAULT_GOAL := help
.PHONY: help install train demo web test test-fast test-wheel test-web docs lint tools benchmark clean

help:  ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-11s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
	@echo '  Settings of a run go into ARGS:  make train ARGS="data.path=/data/fer2013.csv trainer.max_epochs=100"'

# A stamp per set of extras: a changed setup.cfg installs again, nothing else does
$(VENV)/.installed: setup.cfg pyproject.toml
	@command -v $(PYTHON) >/dev/null || { echo "$(PYTHON) is not on PATH; name another 3.11 or newer with PYTHON=…"; exit 1; }
	@test -x $(BIN)/python || { echo "creating $(VENV)"; $(PYTHON) -m venv $(VENV); }
	@echo "installing the project; the first time this fetches PyTorch, several GB"
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[train]'
	@touch $@

$(VENV)/.installed-test: $(VENV)/.installed
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[test]'
	@touch $@

$(VENV)/.installed-export: $(VENV)/.installed
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[export]'
	@touch $@

install: $(VENV)/.installed  ## create .venv and install the project

train: $(VENV)/.installed  ## train, on drawn faces unless ARGS name other data
	$(BIN)/python train.py $(TRAIN_ARGS)

# What the page in web/ needs beside itself: the detector and the expression model in one file, and ONNX Runtime
web/vendor/ort.wasm.min.mjs: web/package.json web/package-lock.json
	@command -v npm >/dev/null || { echo "npm is missing, which fetches what the page runs on: install Node.js 20 or newer"; exit 1; }
	npm --prefix web ci --silent
	npm --prefix web run --silent vendor
	@touch $@

web/model/pipeline.onnx: $(VENV)/.installed-export $(wildcard fer/weights/small_resnet.onnx cascade/models/convolutional.onnx) fer/one_graph.py
	@mkdir -p web/model
	$(BIN)/python -m fer.export pipeline.detector=convolutional pipeline.colour=true pipeline.optional=false output=$@

web: web/vendor/ort.wasm.min.mjs web/model/pipeline.onnx  ## complete the page in web/, ready for any static host

demo: web  ## the page at http://localhost:8000: a photo or the camera, read in the browser
	$(BIN)/python -m http.server --directory web --bind 127.0.0.1 8000

tools: $(VENV)/.installed  ## get OpenCV's cascade training programs, once
	$(BIN)/python -m cascade.tools $(ARGS)

lint: $(VENV)/.installed-test  ## format, lint and types
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

# Two processes share the test files out; more would need a gigabyte and a half of memory each
test: lint  ## lint, then all tests; those of OpenCV's training programs where these are cached, or with FER_TEST_TOOLS=1
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 2 --dist loadfile $(ARGS)

test-fast: $(VENV)/.installed-test  ## the tests for every save of a file: under a minute, no compiler, no network
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -m "not slow and not tools" $(ARGS)

$(VENV)/.installed-docs: $(VENV)/.installed
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[docs]'
	@touch $@

docs: $(VENV)/.installed-docs  ## the guides as a site, in build/docs; a link that leads nowhere is an error
	NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --quiet --strict

# Needs Chromium, which npm cannot fetch: the test names what is missing
test-web: web $(VENV)/.installed-test  ## the page in a real browser, against what Python finds
	$(BIN)/python -m tests.web.expected build/web
	node web/test.mjs build/web

# A photo goes through the package as a user installs it: another folder, no clone, no torch
test-wheel: $(VENV)/.installed-test  ## build the wheel and read a picture with it in a bare environment
	rm -rf build
	$(BIN)/python -m pip wheel --quiet --disable-pip-version-check --no-deps --wheel-dir build/wheel .
	$(PYTHON) -m venv build/bare
	build/bare/bin/python -m pip install --quiet --disable-pip-version-check build/wheel/*.whl
	$(BIN)/python -m cascade.drawn scenes build/photos count=1
	cd build && bare/bin/fer-detect source=photos hydra.run.dir=run
	test $$(wc -l < build/run/faces.csv) -gt 1
	! build/bare/bin/python -c 'import torch' 2>/dev/null
	! (cd build && bare/bin/fer-train data=synthetic) 2>&1 | grep Traceback

benchmark: $(VENV)/.installed-test  ## measure training throughput side by side
	$(BIN)/python -m benchmarks.throughput $(ARGS)

clean:  ## remove caches; outputs and .venv stay
	rm -rf .pytest_cache .mypy_cache .ruff_cache build dist *.egg-info
	find fer cascade tests benchmarks configs -name __pycache__ -type d -prune -exec rm -rf {} +
