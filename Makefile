# `make app` and `make test` are complete: each sets up .venv itself (`make setup` does that alone),
# and does so again only when the requirements change. The stamp's name carries a checksum, since a
# checkout changes the times of files that did not change.
SHELL := /bin/bash
PYTHON ?= python3.11
VENV := .venv
PY := $(VENV)/bin/python
ARGS ?=
# Test processes side by side; the tests of one file stay together. In the order of their names the
# browser's come first: the longest files, which would else be left for one process at the end.
WORKERS ?= 2

# PyTorch's own package index for one kind of machine, such as its CPU builds; empty: pip's default.
TORCH_INDEX ?=
INSTALL ?= $(PY) -m pip --disable-pip-version-check install
PIP_FLAGS := $(if $(TORCH_INDEX),--extra-index-url $(TORCH_INDEX))

LOCKED := requirements.txt requirements.lock
APP_STAMP := $(VENV)/.app-$(shell cat $(LOCKED) | cksum | tr ' ' '-')
TEST_STAMP := $(VENV)/.test-$(shell cat $(LOCKED) pyproject.toml | cksum | tr ' ' '-')

.PHONY: app test setup lint lint-supply lock bench gallery clean
.DEFAULT_GOAL := app

app: $(APP_STAMP)
	$(PY) -m streamlit run app.py $(ARGS)

test: $(TEST_STAMP)
	$(PY) -m pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder $(ARGS)

setup: $(TEST_STAMP)

lint: lint-supply
	$(PY) -m ruff check .
	$(PY) -m mypy
	$(VENV)/bin/lint-imports

# The packages fit together, and none of them is known to be vulnerable, as far as can be asked.
lint-supply: $(TEST_STAMP)
	$(PY) -m pip check
	$(PY) -m package.supply audit

# The whole tree of the app with its hashes, anew from requirements.txt.
lock: $(TEST_STAMP)
	$(PY) -m package.supply lock

bench: $(TEST_STAMP)
	$(PY) -m benchmarks $(ARGS)

gallery: $(APP_STAMP)
	$(PY) -m docs.gallery

clean:
	rm -rf $(VENV) build dist site *.egg-info .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# A .venv that was moved or whose interpreter is gone answers nothing here and is made anew.
define prepare_venv
	@$(PY) -m pip --version >/dev/null 2>&1 || { \
	  command -v $(PYTHON) >/dev/null || { \
	    echo "Python 3.11 was not found as '$(PYTHON)'. Install it, or say where it is: make PYTHON=/path/to/python3.11"; exit 1; }; \
	  rm -rf $(VENV); $(PYTHON) -m venv $(VENV); }
	@if [ "$$(uname -s)" = Linux ] && [ -z "$(TORCH_INDEX)" ] && ! command -v nvidia-smi >/dev/null; then \
	  echo "No NVIDIA GPU was found. If several GB of CUDA libraries are about to be downloaded, stop and set TORCH_INDEX (see README)."; fi
endef

# PyTorch is the build of one's own choice; all others are the files whose hashes are locked.
define install_locked
	$(INSTALL) $(PIP_FLAGS) $$(grep '^torch==' requirements.txt)
	$(INSTALL) --require-hashes --no-deps -r requirements.lock
endef

$(APP_STAMP): $(LOCKED)
	$(prepare_venv)
	$(install_locked)
	@rm -f $(VENV)/.app-* && touch $@

$(TEST_STAMP): $(LOCKED) pyproject.toml
	$(prepare_venv)
	$(install_locked)
	$(INSTALL) $(PIP_FLAGS) -e ".[train,dev,docs]"
	@rm -f $(VENV)/.test-* $(VENV)/.app-* && touch $@ $(APP_STAMP)
