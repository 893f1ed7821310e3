# `make demo` and `make test` set up everything they need in .venv/ (Python >= 3.11, pip and a package registry suffice).
PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV := .venv
BIN := $(VENV)/bin
DEMO := demo-store
export OMP_NUM_THREADS ?= 1
export PREFECT_SERVER_ANALYTICS_ENABLED ?= false
export DO_NOT_TRACK ?= 1

.PHONY: demo train-demo test lint bench setup setup-dev setup-train docs clean
demo: setup
	$(BIN)/vistill run vlaa-thinking --source 'figures?kinds=mcq,digit' --limit 24 --seed 7 --teacher local --set draws=4 --store $(DEMO)
	@echo
	$(BIN)/vistill sql "select step, input, kept, dropped, failed, dropped_by_reason as dropped_why, failed_by_reason as failed_why from funnel order by step_no" --store $(DEMO)
	@echo
	@echo "Try next:"
	@echo "  $(BIN)/vistill sql \"select sample_id, split, reason from splits\" --store $(DEMO)"
	@echo "  $(BIN)/vistill recipes show vlaa-thinking"
	@echo "  $(BIN)/vistill run vlaa-thinking --source 'figures?kinds=mcq,digit' --limit 32 --seed 7 --teacher local --set draws=4 --store $(DEMO) --no-prefect"

# Does what was curated teach something? A very small model, minutes a seed on one core: docs/training.md.
SEEDS ?= 3
train-demo: setup-train
	$(BIN)/python -m flows.train_demo --seeds $(SEEDS) --folder train-demo

# Three workers on two cores: tests wait for processes and servers half of their time. tests/conftest.py says what stays together.
test: setup-dev
	$(BIN)/pytest -n 3 --dist loadgroup -rs

lint: setup-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

setup: $(VENV)/.local
setup-dev: $(VENV)/.dev
setup-train: $(VENV)/.train

# The stamp is newer than pyproject.toml exactly when what it lists is installed.
$(VENV)/.local: pyproject.toml
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --editable '.[local,report]'
	$(BIN)/python -m curation.teachers.local.model
	touch $@

$(VENV)/.dev: pyproject.toml $(VENV)/.local
	$(BIN)/python -m pip install --quiet --editable '.[local,report,dev]'
	touch $@

$(VENV)/.train: pyproject.toml $(VENV)/.local
	$(BIN)/python -m pip install --quiet torch==2.13.0
	$(BIN)/python -m pip install --quiet --editable '.[local,report,train]'
	touch $@

clean:
	rm -rf $(VENV) $(DEMO) train-demo build *.egg-info
