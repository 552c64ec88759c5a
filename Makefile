# Every target works on a fresh machine: the virtual environment is made and filled first.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
AVATARS = $(or $(STATE),miniature-state/avatars)
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check

.PHONY: demo test lint docs miniature .miniature-folders miniature-report avatars help clean

help:  ## this list
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/'

$(BIN)/python:
	@$(PYTHON) -c 'import sys; ok = sys.version_info >= (3, 11); ok or print("inst needs Python 3.11 or newer; this is", sys.version.split()[0] + ". Name another: make PYTHON=python3.12"); sys.exit(not ok)'
	$(PYTHON) -m venv $(VENV)

$(VENV)/.installed: pyproject.toml | $(BIN)/python
	@echo "installing (PyTorch is large: the first time takes some minutes)"
	$(PIP) -e .
	@touch $@

$(VENV)/.installed-test: pyproject.toml | $(VENV)/.installed
	$(PIP) -e '.[test]'
	@touch $@

$(VENV)/.installed-dev: pyproject.toml | $(VENV)/.installed-test
	$(PIP) -e '.[dev,miniature]'
	@touch $@

$(VENV)/.installed-docs: pyproject.toml | $(VENV)/.installed
	$(PIP) -e '.[docs]'
	@touch $@

demo: $(VENV)/.installed  ## learn a painting, stylize a photo, write outputs/demo.png
	$(BIN)/inst demo --output outputs/demo.png

test: $(VENV)/.installed-test  ## run the tests
	$(BIN)/python -m pytest

lint: $(VENV)/.installed-dev  ## ruff, pyright, import-linter
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/pyright
	$(BIN)/lint-imports

docs: $(VENV)/.installed-docs  ## build the documentation site and run its notebooks: docs/_build/html/index.html
	HF_HUB_OFFLINE=1 $(BIN)/python -m sphinx -b html -nW --keep-going -q docs docs/_build/html
	@echo "the site is docs/_build/html/index.html"

miniature: .miniature-folders $(VENV)/.installed-dev  ## train the embedded model again: make miniature PHOTOS=folder PAINTINGS=folder [EMOJI=folder]
	$(BIN)/python -m miniature.diffusion.train_all --photos "$(PHOTOS)" --paintings "$(PAINTINGS)" $(if $(EMOJI),--emoji "$(EMOJI)") --state $(or $(STATE),miniature-state)

.miniature-folders:
	@test -n "$(PHOTOS)" && test -n "$(PAINTINGS)" || { echo "make miniature needs PHOTOS=folder and PAINTINGS=folder (EMOJI=folder is optional)"; exit 2; }

miniature-report: $(VENV)/.installed-dev  ## measure the embedded model and draw its sheets: make miniature-report [DATA=folder]
	$(BIN)/python -m benchmarks.quality.miniature $(if $(DATA),--data "$(DATA)")

avatars: $(VENV)/.installed-dev  ## train the embedded generator of faces again: make avatars [STATE=folder]
	@for step in "avatars" "avatars.generator --out $(AVATARS)/exports" "avatars.clip --out $(AVATARS)/exports" \
	  "avatars.identity --out $(AVATARS)/exports" \
	  "avatars.encoder --generator $(AVATARS)/exports/generator.safetensors --identity $(AVATARS)/exports/identity.safetensors --out $(AVATARS)/exports" \
	  "avatars.bundle --exports $(AVATARS)/exports --out $(AVATARS)/avatars"; \
	do echo "== $$step"; $(BIN)/python -m miniature.$$step --state $(AVATARS) || exit 1; done

clean:  ## remove the virtual environment and caches
	rm -rf $(VENV) .pytest_cache .ruff_cache docs/_build
