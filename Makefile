# make demo   a guided run on a local Astro
# make test   ruff, mypy and the tests that can run here; make test-all: the long ones, too
# make docs   the documentation, as a site in build/docs
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# Most tests wait for other processes, so that three times as many as processors run at a time.
WORKERS ?= $(shell echo $$((3 * $$(getconf _NPROCESSORS_ONLN))))
# Tests that share what is dear go to one test process.
PYTEST := $(BIN)/python -m pytest -n $(WORKERS) --dist loadgroup
# Bytecode is kept, whatever a container says: each of thousands of processes would compile all that
# it imports, and each test process rewrite every test, which takes twice the time.
unexport PYTHONDONTWRITEBYTECODE
STAMP := $(VENV)/.installed
# What a user installs, without what developers need. Where the larger set is there, it will do.
SMALL := $(if $(wildcard $(STAMP)),$(STAMP),$(VENV)/.small)
SITE := build/docs
PORT ?= 8000

CHECK_PYTHON = @$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or later is needed: make PYTHON=python3.12 ...")'

.DEFAULT_GOAL := help
.PHONY: help demo test test-all coverage docs docs-serve picture pictures nightly mutants lint format lock runners clean

help: ## say what can be made
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 12

demo: $(SMALL) ## a guided run: deploys to a local Astro, explained step by step
	@$(BIN)/astro-ci demo

# `make lint` runs beside the tests, and is shown when it fails. The tests are collected once before,
# which makes their bytecode for all test processes.
define LINT_AND_TEST
@mkdir -p build; $(MAKE) lint >build/lint.log 2>&1 & lint=$$!; \
$(BIN)/python -m pytest --collect-only -qq >/dev/null 2>&1; \
$(PYTEST); tested=$$?; \
wait $$lint || { tested=$$?; cat build/lint.log; }; \
exit $$tested
endef

test: $(STAMP) ## ruff, mypy and the tests that can run on this machine, without the long ones
	$(LINT_AND_TEST)

test-all: export ASTRO_CI_TEST_THOROUGH := 1
test-all: $(STAMP) ## the same with the tests marked `thorough`, which repeat at length
	$(LINT_AND_TEST)

coverage: $(STAMP) ## every test, and which lines and branches they reach; takes half as long again
	$(BIN)/coverage erase
	ASTRO_CI_TEST_THOROUGH=1 $(BIN)/coverage run -m pytest -n $(WORKERS) --dist loadgroup
	$(BIN)/coverage combine --quiet
	$(BIN)/coverage report

docs: $(STAMP) ## the documentation as a site in build/docs; a warning is an error
	$(BIN)/sphinx-build --builder html --fresh-env --write-all --nitpicky --fail-on-warning --keep-going --quiet docs $(SITE)
	@echo "built $(SITE)/index.html"

docs-serve: docs ## the same, on http://127.0.0.1:8000 (PORT=... for another port)
	@echo "the documentation is at http://127.0.0.1:$(PORT) (Ctrl-C stops it)"
	@$(BIN)/python -m http.server --bind 127.0.0.1 --directory $(SITE) $(PORT)

pictures: $(STAMP) ## take the pictures of summaries, comments and the sandbox anew, with Chromium
	$(BIN)/python tools/report_pictures.py
	$(BIN)/python tools/sandbox_picture.py

picture: $(STAMP) ## record the picture of a plan and its deploy anew, from a run on the sandbox
	$(BIN)/python tools/terminal_picture.py

nightly: $(STAMP) ## what takes hours: thousands of histories, faults, kills, races and .dockerignore files
	ASTRO_CI_TEST_THOROUGH=1 ASTRO_CI_TEST_EXAMPLES=100 $(PYTEST) --timeout=7200 \
	  tests/unit tests/fuzz tests/canary tests/replay tests/faults tests/e2e/test_image_dockerignore.py \
	  tests/e2e/test_fast_pairs.py

mutants: $(STAMP) ## what decides and deploys, with one small mistake at a time: do its tests notice?
	$(BIN)/mutmut run
	$(BIN)/mutmut results

lint: $(STAMP) docs ## ruff, mypy, yamllint, the generated tables and the site, as in .pre-commit-config.yaml
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/yamllint --strict .
	$(BIN)/python tools/reference.py --check

format: $(STAMP) ## format the code, write the README's tables
	$(BIN)/ruff check --fix
	$(BIN)/ruff format
	$(BIN)/python tools/reference.py

lock: $(STAMP) ## pin what the GitHub actions and the container image install
	$(BIN)/uv pip compile pyproject.toml --quiet --upgrade --universal --python-version 3.11 \
	  --generate-hashes --no-annotate --custom-compile-command 'make lock' \
	  --output-file actions/requirements.lock
	$(BIN)/uv pip compile pyproject.toml --quiet --upgrade --universal --python-version 3.11 \
	  --generate-hashes --no-annotate --custom-compile-command 'make lock' \
	  --output-file image-requirements.lock
	$(BIN)/python tools/compiled.py

runners: ## install gitlab-ci-local for the tests of the GitLab templates; needs Node 20 and rsync
	npm ci --prefix tests/surfaces/node

clean: ## remove what was made here
	rm -rf $(VENV) tests/surfaces/node/node_modules .mypy_cache .ruff_cache .pytest_cache .hypothesis mutants build

# Remade when the dependencies change. uv is quicker than pip, where it is installed, and a pip that
# can install elsewhere saves the seconds in which the environment gets a pip of its own.
$(VENV)/.small: pyproject.toml
	@echo "Installing astro_ci and its local Astro into $(VENV), once. Nothing else is installed."
	$(CHECK_PYTHON)
	@if command -v uv >/dev/null; then \
	  uv venv --quiet --allow-existing --python $(PYTHON) $(VENV) && \
	  uv pip install --quiet --python $(BIN)/python --editable '.[sandbox]'; \
	elif $(PYTHON) -c 'import pip, sys; sys.exit(int(pip.__version__.split(".")[0]) < 23)' \
	  2>/dev/null; then \
	  $(PYTHON) -m venv --without-pip $(VENV) && \
	  $(PYTHON) -m pip --python $(BIN)/python install --quiet --disable-pip-version-check \
	    --editable '.[sandbox]'; \
	else \
	  $(PYTHON) -m venv $(VENV) && \
	  $(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[sandbox]'; \
	fi
	@touch $@

# An old pip knows no dependency groups, so it comes first.
$(STAMP): pyproject.toml
	@echo "Installing astro_ci and what its development needs into $(VENV), once: a minute or two."
	$(CHECK_PYTHON)
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check 'pip>=25.1'
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[sandbox]' --group dev
	touch $@
