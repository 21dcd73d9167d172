# make live: speak and read your words.  make test: the whole suite.  Each sets up first what it needs.

PYTHON ?= python3
PIP := .venv/bin/python -m pip --disable-pip-version-check
# seqeval comes as source: pip 23.0 (Debian 12) would build it outside a clean environment, and fail.
export PIP_USE_PEP517 := 1
CPU_TORCH := --no-deps torch==2.13.0+cpu --extra-index-url https://download.pytorch.org/whl/cpu
# Extras that `make setup` installs; EXTRAS=all,ray names more. See pyproject.toml for what each brings.
EXTRAS ?= all

.PHONY: help live test check coverage format setup clean

help:
	@echo "make live      speak and read your words (ARGS='--file talk.wav' for options)"
	@echo "make test      run the whole suite (ARGS='tests/wire -k text' for a part)"
	@echo "make check     ruff and mypy"
	@echo "make coverage  the suite with a report of the lines that no test runs"
	@echo "make format    ruff's formatter and the lint fixes that are safe"
	@echo "make setup     everything, for development; EXTRAS=... names extras"
	@echo "make clean     remove the environment"

live: .venv/extras/media
	@.venv/bin/streamer live $(ARGS)

test: .venv/extras/dev
	@.venv/bin/python -m pytest -q $(ARGS)

check: .venv/extras/dev
	@.venv/bin/ruff check .
	@.venv/bin/ruff format --check .
	@.venv/bin/mypy

coverage: .venv/extras/dev
	@.venv/bin/python -m pytest -q --cov --cov-report=term-missing:skip-covered $(ARGS)

format: .venv/extras/dev
	@.venv/bin/ruff check --fix .
	@.venv/bin/ruff format .

setup: .venv/extras/$(EXTRAS)

# What an extra brings is installed once; a changed pyproject.toml or constraints.txt installs it again.
.venv/extras/%: .venv/torch pyproject.toml constraints.txt
	@echo "Setting up .venv: $*" >&2
	@$(PIP) install -q -c constraints.txt -e '.[$*]'
# The first start compiles the decoder, for half a minute: better now than before the first word.
	-@.venv/bin/python -m streamer.cli.prepare
	@mkdir -p $(@D) && touch $@

.venv/torch: constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "streamer needs Python 3.11 or newer; name one: make PYTHON=python3.12 $(MAKECMDGOALS)" >&2; exit 1; }
	@test -x .venv/bin/python || $(PYTHON) -m venv .venv || \
	  { rm -rf .venv; echo "no virtual environment; on Debian: apt install python3-venv" >&2; exit 1; }
	@echo "Setting up .venv: torch" >&2
# Without a GPU the CPU build of torch saves gigabytes; where its index is out of reach, any build serves.
	@if command -v nvidia-smi >/dev/null 2>&1 || test "$$(uname -s)" != Linux; then \
	  $(PIP) install -q -c constraints.txt torch; \
	else \
	  $(PIP) install -q --retries 1 --timeout 20 $(CPU_TORCH) 2>/dev/null || $(PIP) install -q -c constraints.txt torch; \
	fi
	@touch $@

clean:
	rm -rf .venv
