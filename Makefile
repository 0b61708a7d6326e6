# `make app` and `make test` are complete: each sets up .venv itself (`make setup` does that alone),
# and does so again only when the requirements change. The stamp's name carries a checksum, since a
# checkout changes the times of files that did not change.
SHELL := /bin/bash
PYTHON ?= python3.11
VENV := .venv
PY := $(VENV)/bin/python
ARGS ?=
# Test processes side by side. Each begins with its own stretch of the tests, so that what a file
# makes for its tests is made once; whoever is done takes tests from the end of another's stretch.
WORKERS ?= 2
PYTEST = $(PY) -m pytest -n $(WORKERS) --dist worksteal

# PyTorch's own package index for one kind of machine, such as its CPU builds; empty: pip's default.
TORCH_INDEX ?=
INSTALL ?= $(PY) -m pip --disable-pip-version-check install
PIP_FLAGS := $(if $(TORCH_INDEX),--extra-index-url $(TORCH_INDEX))

LOCKED := requirements.txt requirements.lock
APP_STAMP := $(VENV)/.app-$(shell cat $(LOCKED) | cksum | tr ' ' '-')
TEST_STAMP := $(VENV)/.test-$(shell cat $(LOCKED) pyproject.toml | cksum | tr ' ' '-')

NODE_STAMP := node_modules/.scripts-$(shell cat package-lock.json | cksum | tr ' ' '-')

.PHONY: app test test-all setup lint lint-python lint-scripts lint-supply lock format bench gallery docs clean node_modules
.DEFAULT_GOAL := app

app: $(APP_STAMP)
	$(PY) -m streamlit run app.py $(ARGS)

# All that a change needs.
test: $(TEST_STAMP)
	$(PYTEST) -m "not slow" $(ARGS)

# And what takes long: every view in every format, the demo checkpoints, Ray, simulated studies,
# and more examples of each property.
test-all: $(TEST_STAMP)
	POOLLENS_ALL_EXAMPLES=1 $(PYTEST) $(ARGS)

setup: $(TEST_STAMP)

lint: lint-python lint-scripts lint-supply

lint-python: $(TEST_STAMP)
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .
	$(PY) -m mypy
	$(VENV)/bin/lint-imports

# The packages fit together, and none of them is known to be vulnerable, as far as can be asked.
lint-supply: $(TEST_STAMP)
	$(PY) -m pip check
	$(PY) -m package.supply audit

# The whole tree of the app with its hashes, anew from requirements.txt.
lock: $(TEST_STAMP)
	$(PY) -m package.supply lock

node_modules: $(NODE_STAMP)

# The scripts and styles of the pages.
lint-scripts: node_modules
	node_modules/.bin/biome ci .

format: $(TEST_STAMP) node_modules
	$(PY) -m ruff check --fix .
	$(PY) -m ruff format .
	node_modules/.bin/biome check --write .

bench: $(TEST_STAMP)
	$(PY) -m benchmarks $(ARGS)

gallery: $(APP_STAMP)
	$(PY) -m docs.gallery

# The guide and the reference, into site/. Nothing is fetched from a network.
docs: $(TEST_STAMP)
	NO_MKDOCS_2_WARNING=1 $(PY) -m mkdocs build $(ARGS)

clean:
	rm -rf $(VENV) node_modules build dist site *.egg-info .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
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

$(NODE_STAMP): package.json package-lock.json
	@command -v npm >/dev/null || { \
	  echo "npm was not found. Install Node.js (18 or newer): the checks of the pages' scripts need it."; exit 1; }
	npm ci --ignore-scripts --no-audit --no-fund
	@touch $@
