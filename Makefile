# One-word commands. Each makes what it needs in .venv first; options go in ARGS, as in
#   make serve ARGS="--webhook-url http://localhost:3000/webhooks"     make test ARGS="-k clock"

PYTHON ?= python3
VENV   ?= .venv
ARGS   ?=
BIN    := $(VENV)/bin

.PHONY: help serve demo test lint bench clean
.DELETE_ON_ERROR:

help:
	@echo "make serve   start the server on http://127.0.0.1:8484"
	@echo "make demo    watch one member connect: calls, statuses, callbacks"
	@echo "make test    run the tests"
	@echo "make lint    style, types, import rules"
	@echo "make bench   measure, beside a bare Flask app"
	@echo "make clean   remove the virtual environment and everything that was built"
	@echo 'options go in ARGS: make serve ARGS="--port 9000"'

serve: $(VENV)/.run
	@$(BIN)/mocksrv serve $(ARGS)

demo: $(VENV)/.run
	@$(BIN)/mocksrv demo $(ARGS)

test: $(VENV)/.test
	@$(BIN)/python -m pytest $(ARGS)

lint: $(VENV)/.lint
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: $(VENV)/.run
	@$(BIN)/python -m bench $(ARGS)

clean:
	rm -rf $(VENV) build dist .coverage .coverage.* .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(VENV)/.run: pyproject.toml $(BIN)/python
	@echo "Installing mocksrv in $(VENV) ..."
	@$(BIN)/python -m pip install --quiet -e .
	@touch $@

$(VENV)/.test $(VENV)/.lint: $(VENV)/.%: pyproject.toml $(BIN)/python
	@echo "Installing mocksrv with what '$*' needs in $(VENV) ..."
	@$(BIN)/python -m pip install --quiet -e '.[$*]'
	@touch $@

# Some systems ship Python without ensurepip; then the system's own pip, if there is one, fills the environment.
$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	    echo "mocksrv needs Python 3.11 or newer as '$(PYTHON)'. Name another one: make PYTHON=/path/to/python3.12 ..." >&2; exit 1; }
	@$(PYTHON) -m venv --clear $(VENV) >/dev/null 2>&1 \
	  || { $(PYTHON) -m venv --clear --without-pip $(VENV) && $(PYTHON) -m pip --python $@ install --quiet pip; } >/dev/null 2>&1 \
	  || { rm -rf $(VENV); \
	    echo "'$(PYTHON) -m venv' cannot make a virtual environment here. Debian and Ubuntu: apt install python3-venv." >&2; exit 1; }
