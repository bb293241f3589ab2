# The commands people type are the ones CI runs. `make serve` opens the site, `make test` proves it.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# uv does not read pip's own configuration: hand it the local wheel folder, when there is one
export UV_FIND_LINKS ?= $(PIP_FIND_LINKS)
export UV_NO_PROGRESS := 1
# with it each server and each worker of a test run would compile itself anew
unexport PYTHONDONTWRITEBYTECODE

.PHONY: serve test test-judge test-jail jail-layers test-soak check fix bench lock assets clean

serve: $(VENV)/.ready assets ; $(BIN)/overfit serve

test: $(VENV)/.ready node_modules/.ready
	sh scripts/require-chromium
	$(MAKE) --no-print-directory assets
	$(BIN)/python -m pytest -q -n 2 --dist loadfile --no-loadscope-reorder --ignore tests/journeys
	$(BIN)/python -m pytest -q -n 2 --dist worksteal tests/journeys  # apart: playwright's event loop would be in the way of the others

test-judge: $(VENV)/.ready ; $(BIN)/overfit problems check --thorough

# The hostile suite at every level, as root and as an ordinary user, and with layers left out.
test-jail: $(VENV)/.ready ; $(BIN)/python -m pytest -q -n 0 -m jail tests/sandbox

jail-layers: $(VENV)/.ready ; $(BIN)/python -m tests.sandbox.escapes.layers

test-soak: $(VENV)/.ready ; $(BIN)/python -m pytest -q -m soak --ignore tests/journeys  # minutes: leaks show late

check: $(VENV)/.ready node_modules/.ready
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	npm run --silent check

fix: $(VENV)/.ready
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: $(VENV)/.ready ; $(BIN)/overfit bench

# The local copy of the browser's libraries; without npm or a network the pages take them from the CDN.
assets: $(VENV)/.ready
	@if command -v npm >/dev/null; then $(BIN)/overfit assets --quiet || true; \
	else echo "npm is missing: the editor will come from the CDN; install Node.js for a local copy."; fi

$(VENV)/.ready: pyproject.toml requirements.lock constraints-torch.txt scripts/install-torch
	@sh scripts/require-python $(PYTHON)
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install -q --disable-pip-version-check uv
	$(BIN)/uv pip install -q --compile-bytecode --python $(BIN)/python -r requirements.lock -e .
	sh scripts/install-torch $(VENV)
	$(BIN)/python -m compileall -q app sandbox  # the warm process of the sandbox writes nothing itself
	touch $@

node_modules/.ready: package.json package-lock.json
	@command -v npm >/dev/null || { echo "npm is missing: install Node.js 20 or newer (on Debian: apt-get install nodejs npm)."; exit 1; }
	npm ci --silent --no-audit --no-fund --ignore-scripts
	touch $@

lock: $(VENV)/.ready
	$(BIN)/uv pip compile -q --universal --no-emit-index-url --no-header --no-annotate --python-version 3.11 \
	  pyproject.toml --group dev -o requirements.lock

clean:
	rm -rf $(VENV) node_modules static/vendor
