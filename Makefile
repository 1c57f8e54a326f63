# `make verify` and `make test` need Python 3.11 or newer and nothing else; see CONTRIBUTING.md for the rest.

PYTHON ?= python3
BIN := .venv/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet

# PyTorch's own index of builds without CUDA, which takes several gigabytes elsewhere; given up where it does not answer.
TORCH_WITHOUT_CUDA := https://download.pytorch.org/whl/cpu

# Every test in one thread of its own: there are as many workers as cores. They begin some hundred processes, and rewrite
# their own assertions: what is compiled is kept, wherever else that is turned off.
PYTEST := PYTHONDONTWRITEBYTECODE= OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1

.PHONY: verify test test-all test-lowest test-highest lint format schemas power frameworks picture dist clean programs

# Compare the NumPy implementation of the notes with PyTorch and JAX; the report goes to backproof-report/.
verify: .venv/installed-verify
	$(BIN)/backproof verify

# Run the tests on all cores, but for those that take long by their nature; tests/conftest.py says which stay together.
test: .venv/installed-dev | programs
	$(PYTEST) $(BIN)/pytest --numprocesses auto

# Run all tests, those by Hypothesis with more examples.
test-all: .venv/installed-dev | programs
	HYPOTHESIS_PROFILE=ci $(PYTEST) $(BIN)/pytest --numprocesses auto -m ''

# The same with the lowest versions of other people's packages that are allowed, and with the highest; each in an
# environment of its own. Both have PyTorch's CUDA build on Linux, which takes several gigabytes.
test-lowest: .venv-lowest/installed
	HYPOTHESIS_PROFILE=ci $(PYTEST) .venv-lowest/bin/pytest --numprocesses auto -m ''

test-highest: .venv-highest/installed
	HYPOTHESIS_PROFILE=ci $(PYTEST) .venv-highest/bin/pytest --numprocesses auto -m ''

# Check style and types.
lint: .venv/installed-dev
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	@mkdir -p .venv/rooms && ln -sfn "$(CURDIR)" .venv/rooms/backproof
	$(BIN)/mypy

# Put the code into the house style.
format: .venv/installed-dev
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

# Write the JSON Schemas anew, from the classes that write the documents.
schemas: .venv/installed-dev
	$(BIN)/python -m tests.schemas

# Measure how good the suite itself is; the report goes to backproof-power/.
power: .venv/installed-dev
	$(BIN)/backproof power

# Hold NumPy, PyTorch and JAX against exact values on 100,000 networks; the report goes to backproof-frameworks/.
frameworks: .venv/installed-dev
	$(BIN)/backproof frameworks --networks 100000 --slow-networks 0 --dtype float64 --dtype float32 \
		--framework numpy --framework torch-eager --framework jax-jit

# Take the README's pictures of a report and of feedback anew; needs the browser chromium.
picture: verify
	chromium --headless --no-sandbox --disable-gpu --hide-scrollbars --virtual-time-budget=9000 \
		--window-size=1000,920 --screenshot=docs/report.png "file://$(CURDIR)/backproof-report/report.html"
	$(BIN)/backproof grade docs/student.py
	chromium --headless --no-sandbox --disable-gpu --hide-scrollbars --virtual-time-budget=9000 \
		--window-size=1000,1100 --screenshot=docs/feedback.png "file://$(CURDIR)/backproof-grades/student/feedback.html"

# Build what is published, and check it as the package index does.
dist: .venv/installed-dev
	rm -rf dist
	$(BIN)/python -m build --no-isolation --outdir dist
	$(BIN)/twine check --strict dist/*

# Remove what installing, testing and running leave behind.
clean:
	rm -rf .venv .venv-lowest .venv-highest dist backproof-report backproof-grades backproof-power backproof-frameworks
	rm -rf .pytest_cache .mypy_cache .ruff_cache .hypothesis

# Submissions run in bubblewrap, and pages are opened in chromium. Who may install them here does; others are told.
programs:
	@for program in bwrap:bubblewrap chromium:chromium; do \
		command -v $${program%:*} >/dev/null || set -- "$$@" $${program#*:}; \
	done; \
	if [ $$# -gt 0 ]; then $(call installed-or-told,$$*,without them submissions are not graded in the tests$(comma) or pages not opened); fi

comma := ,

# Install packages of Debian or Ubuntu where this is root, with a word of notice; elsewhere say what to install.
define installed-or-told
if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
	echo "Installing $(1) with apt-get"; \
	apt-get update --quiet=2 || true; \
	for package in $(1); do \
		DEBIAN_FRONTEND=noninteractive apt-get install --yes --quiet=2 --no-install-recommends $$package >/dev/null \
			|| echo "apt-get could not install $$package: $(2)"; \
	done; \
else \
	echo "Not installed: $(1); $(2)"; \
fi
endef

.venv/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
		echo "Backproof needs Python 3.11 or newer, and $(PYTHON) is not: name one that is, as in make PYTHON=python3.12"; \
		exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { $(call installed-or-told,python3-venv,Python makes no \
		environment without it); }
	$(PYTHON) -m venv .venv

# Where there is no NVIDIA driver, PyTorch's build without CUDA, if it is to be had.
.venv/torch: constraints.txt | .venv/bin/python
	@if [ "$$(uname -s)" = Linux ] && [ ! -e /proc/driver/nvidia/version ]; then \
		echo "Installing PyTorch without CUDA into .venv"; \
		$(PIP) install --timeout 10 --retries 1 --no-deps --index-url $(TORCH_WITHOUT_CUDA) \
			"$$(grep '^torch==' constraints.txt)" 2>/dev/null || echo "It is not to be had here; pip takes the usual one"; \
	fi
	@touch $@

# The stamps remember what is installed, so that it is installed again only when the pins change.
.venv/installed-verify: pyproject.toml constraints.txt .venv/torch | .venv/bin/python
	@echo "Installing into .venv, which takes a minute or more the first time"
	$(PIP) install --constraint constraints.txt --editable '.[verify]'
	@touch $@

.venv/installed-dev: pyproject.toml constraints.txt .venv/torch | .venv/bin/python
	@echo "Installing into .venv, which takes a minute or more the first time"
	$(PIP) install --constraint constraints.txt --editable '.[dev]'
	@touch .venv/installed-verify $@

.venv-lowest/installed: pyproject.toml constraints-lowest.txt
	$(PYTHON) -m venv .venv-lowest
	.venv-lowest/bin/python -m pip --quiet install --constraint constraints-lowest.txt --editable '.[dev]'
	@touch $@

.venv-highest/installed: pyproject.toml
	$(PYTHON) -m venv .venv-highest
	.venv-highest/bin/python -m pip --quiet install --upgrade --editable '.[dev]'
	@touch $@
