# make live: speak and read your words.  make test: the whole suite.  Both set everything up first.

PYTHON ?= python3
PIP := .venv/bin/python -m pip --disable-pip-version-check
# seqeval comes as source: pip 23.0 (Debian 12) would build it outside a clean environment, and fail.
export PIP_USE_PEP517 := 1
CPU_TORCH := --no-deps torch==2.13.0+cpu --extra-index-url https://download.pytorch.org/whl/cpu

.PHONY: live test setup clean

live: setup
	@.venv/bin/streamer live $(ARGS)

test: setup
	@.venv/bin/python -m pytest -q $(ARGS)

setup: .venv/installed

.venv/installed: pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "streamer needs Python 3.11 or newer; name one: make PYTHON=python3.12 $(MAKECMDGOALS)" >&2; exit 1; }
	@test -x .venv/bin/python || $(PYTHON) -m venv .venv || \
	  { rm -rf .venv; echo "no virtual environment; on Debian: apt install python3-venv" >&2; exit 1; }
	@echo "Setting up .venv (once)" >&2
# Without a GPU the CPU build of torch saves gigabytes; where its index is out of reach, any build serves.
	@if command -v nvidia-smi >/dev/null 2>&1 || test "$$(uname -s)" != Linux; then \
	  $(PIP) install -q -c constraints.txt torch; \
	else \
	  $(PIP) install -q --retries 1 --timeout 20 $(CPU_TORCH) 2>/dev/null || $(PIP) install -q -c constraints.txt torch; \
	fi
	@$(PIP) install -q -c constraints.txt -e '.[test]'
# The first start compiles the decoder, for half a minute: better now than before the first word.
	-@.venv/bin/python -m streamer.cli.prepare
	@touch $@

clean:
	rm -rf .venv
