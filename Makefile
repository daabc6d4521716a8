# Everything runs from the project's own virtual environment, which the first target makes.
# No absolute paths and every path quoted: the checkout may live under a folder with a space.
PYTHON ?= python3
VENV := .venv
PY := $(VENV)/bin/python
PIP := $(PY) -m pip install --quiet --disable-pip-version-check --constraint constraints.txt

.PHONY: demo test check services bench clean

demo: $(VENV)/run.stamp
	@$(PY) -m tandem demo

test: $(VENV)/dev.stamp
	@$(PY) -m tests.run

check: $(VENV)/dev.stamp
	$(PY) -m ruff format --check .
	$(PY) -m ruff check .
	$(PY) -m mypy
	$(PY) -c "import sys; sys.argv[:] = ['lint-imports']; from importlinter.cli import lint_imports_command as c; c()"

services: $(VENV)/dev.stamp
	@$(PY) -m tests.services.install

bench: $(VENV)/dev.stamp
	@$(PY) -m tests.bench

$(VENV)/run.stamp: pyproject.toml constraints.txt
	@test -x $(PY) || $(PYTHON) -m venv $(VENV)
	@echo "installing Tandem into $(VENV) (once)"
	@PIP_CONSTRAINT=constraints.txt $(PIP) --editable .
	@touch $@

$(VENV)/dev.stamp: $(VENV)/run.stamp
	@echo "installing the tools for tests (once)"
	@PIP_CONSTRAINT=constraints.txt $(PIP) --editable '.[dev]'
	@touch $@

clean:
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
