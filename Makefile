# One-word commands. Each makes what it needs in .venv first, from locked versions; options go in ARGS, as in
#   make serve ARGS="--webhook-url http://localhost:3000/webhooks"     make test ARGS="-k clock"

PYTHON ?= python3
VENV   ?= .venv
ARGS   ?=
BIN    := $(VENV)/bin
unexport PYTHONDONTWRITEBYTECODE # each of many servers would compile anew what it imports

.PHONY: help serve demo test test-all lint bench soak screenshots lock clean
.DELETE_ON_ERROR:

help:
	@echo "make serve     start the server on http://127.0.0.1:8484"
	@echo "make demo      watch one member connect: calls, statuses, callbacks"
	@echo "make test      run the tests, without those marked slow"
	@echo "make test-all  run all tests"
	@echo "make lint      style, types, import rules, bandit"
	@echo "make bench     measure, beside a bare Flask app and other mock servers: bench/report.html"
	@echo "make soak      half an hour of mixed traffic, with kills, faults and slow endpoints"
	@echo "make screenshots  make the pictures of README and docs anew (needs Chromium)"
	@echo "make lock      lock the versions in requirements/ anew; newer ones with ARGS=--upgrade"
	@echo "make clean     remove the virtual environment and everything that was built"
	@echo 'options go in ARGS: make serve ARGS="--port 9000"'

serve: $(VENV)/.run
	@$(BIN)/mocksrv serve $(ARGS)

demo: $(VENV)/.run
	@$(BIN)/mocksrv demo $(ARGS)

test: $(VENV)/.test
	@$(BIN)/python -m pytest $(ARGS)

test-all: $(VENV)/.test
	@$(BIN)/python -m pytest -m "slow or not slow" $(ARGS)

lint: $(VENV)/.lint
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/bandit --quiet --configfile pyproject.toml --recursive mocksrv

bench: $(VENV)/.run
	@$(BIN)/python -m bench --chart bench/report.html $(ARGS)

soak: $(VENV)/.run
	@$(BIN)/python -m bench.soak $(ARGS)

screenshots: $(VENV)/.test
	@$(BIN)/python -m tests.browser.screenshots

# Locks what pyproject.toml asks for, for every supported Python and system; what is locked stays, unless ARGS=--upgrade.
COMPILE = UV_CUSTOM_COMPILE_COMMAND="make lock" $(BIN)/uv pip compile --quiet --universal --python-version 3.11 \
          --generate-hashes --no-annotate $(ARGS)

lock: $(BIN)/python
	@$(BIN)/python -m pip install --quiet uv
	$(COMPILE) pyproject.toml --extra postgres -o requirements/run.txt
	$(COMPILE) pyproject.toml --extra test --constraint requirements/run.txt -o requirements/test.txt
	$(COMPILE) pyproject.toml --extra lint --extra postgres --constraint requirements/test.txt -o requirements/lint.txt
	$(COMPILE) pyproject.toml --extra mcp --constraint requirements/run.txt -o requirements/mcp.txt
	$(COMPILE) pyproject.toml --group frameworks --constraint requirements/run.txt -o requirements/frameworks.txt
	$(COMPILE) --group build --constraint requirements/test.txt -o requirements/build.txt
	$(COMPILE) --group conformance -o requirements/conformance.txt

clean:
	rm -rf $(VENV) build dist .coverage .coverage.* .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# Each marker file stands for an environment that has what its file in requirements/ locks, and this checkout.
$(VENV)/.run $(VENV)/.test $(VENV)/.lint: $(VENV)/.%: requirements/%.txt requirements/build.txt pyproject.toml $(BIN)/python
	@echo "Installing mocksrv and requirements/$*.txt in $(VENV) ..."
	@$(BIN)/python -m pip install --quiet --no-deps --require-hashes -r requirements/build.txt -r requirements/$*.txt
	@$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation -e .
	@touch $@

# Some systems ship Python without ensurepip; then the system's own pip, if there is one, fills the environment.
$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	    echo "mocksrv needs Python 3.11 or newer as '$(PYTHON)'. Name another one: make PYTHON=/path/to/python3.12 ..." >&2; exit 1; }
	@$(PYTHON) -m venv --clear $(VENV) >/dev/null 2>&1 \
	  || { $(PYTHON) -m venv --clear --without-pip $(VENV) && $(PYTHON) -m pip --python $@ install --quiet pip; } >/dev/null 2>&1 \
	  || { rm -rf $(VENV); \
	    echo "'$(PYTHON) -m venv' cannot make a virtual environment here. Debian and Ubuntu: apt install python3-venv." >&2; exit 1; }
