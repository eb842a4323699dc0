# `make serve` and `make test` do all the set-up themselves, on a fresh machine too.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

# What `make serve` passes on; what is empty is left to the settings.
ROOT ?= share
HOST ?=
PORT ?=
WORKERS ?=
ANONYMOUS ?=
CONFIG ?=
STATE_DIR ?=
DOCUMENT_SERVER ?=
JWT_SECRET_FILE ?=
OPTIONS = $(if $(HOST),--host "$(HOST)") $(if $(PORT),--port "$(PORT)") \
  $(if $(WORKERS),--workers "$(WORKERS)") $(if $(ANONYMOUS),--anonymous "$(ANONYMOUS)") \
  $(if $(CONFIG),--config "$(CONFIG)") $(if $(STATE_DIR),--state-dir "$(STATE_DIR)") \
  $(if $(DOCUMENT_SERVER),--document-server "$(DOCUMENT_SERVER)") \
  $(if $(JWT_SECRET_FILE),--jwt-secret-file "$(JWT_SECRET_FILE)")

# Programs that some tests need, by their Debian package.
TOOLS := chromium litmus cadaver rclone davfs2 curl wrk nginx-light caddy apache2 slapd \
  libreoffice-writer-nogui libreoffice-calc-nogui libreoffice-impress-nogui
APART := clients or browser or crash
# How long the audit may take: whoever has no network waits for nothing.
AUDIT_SECONDS := 20

.DEFAULT_GOAL := help
.PHONY: help serve install words test check lint types layers audit unit dav browser crash bench conformance tools clean

help: ## show what there is to make
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

serve: $(VENV)/serving ## serve ./share, or ROOT=... PORT=... DOCUMENT_SERVER=... JWT_SECRET_FILE=...
	@if [ "$(ROOT)" = share ] && [ ! -e share ]; then $(BIN)/davserver samples share; fi
	@exec $(BIN)/davserver serve "$(ROOT)" $(OPTIONS)

install: $(VENV)/developing ## make .venv with everything to develop

words: $(VENV)/developing ## bring davserver/locale/*/LC_MESSAGES/davserver.po up to date with the sources
	$(BIN)/python -m tests.wording

test: tools check ## everything: check, then real clients, Chromium and crashes
	$(BIN)/pytest -n auto -m "$(APART)"

check: lint types layers audit unit ## what every commit passes

lint: $(VENV)/developing ## ruff
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .

types: $(VENV)/developing ## mypy --strict
	$(BIN)/mypy

layers: $(VENV)/developing ## import-linter: imports point down
	$(BIN)/lint-imports

audit: $(VENV)/developing ## pip-audit: known holes in what is installed, if its service can be asked
	@told=$$(timeout -k 2 $(AUDIT_SECONDS) $(BIN)/pip-audit --progress-spinner off --timeout 10 \
	  --skip-editable 2>&1); code=$$?; \
	unknown=$$(echo "$$told" | grep -c "could not be audited"); \
	case "$$code $$told" in \
	  *"Found "*"known vulnerabilit"*) echo "$$told"; exit 1;; \
	  *"No known vulnerabilities found"*) echo "pip-audit: nothing known; $$unknown packages it could not ask about";; \
	  124*|137*) echo "pip-audit: no answer within $(AUDIT_SECONDS) seconds, nothing was checked";; \
	  *) echo "pip-audit: the service cannot be asked from here, nothing was checked";; \
	esac

unit: $(VENV)/developing ## the tests that need nothing but Python
	$(BIN)/pytest -n auto -m "not ($(APART))"

dav: $(VENV)/developing tools ## litmus, cadaver, rclone, davfs2, curl
	$(BIN)/pytest -m clients

browser: $(VENV)/developing tools ## Chromium; pictures of every page go to ./screenshots
	$(BIN)/pytest -m browser

crash: $(VENV)/developing ## kill -9 between every two steps
	$(BIN)/pytest -m crash

bench: $(VENV)/developing tools ## side by side with stock WsgiDAV on cheroot; docs/benchmarks.md
	$(BIN)/python -m benchmarks

conformance: $(VENV)/developing tools ## hard cases and litmus, davserver beside its peers; docs/conformance.md
	$(BIN)/python -m benchmarks.conformance

tools: ## install the programs that some tests need (as root; without, those tests are skipped)
	@missing=$$(for tool in $(TOOLS); do dpkg -s $$tool >/dev/null 2>&1 || echo $$tool; done); \
	if [ -z "$$missing" ]; then :; \
	elif [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
	  echo "installing" $$missing; \
	  apt-get update -qq && RUNLEVEL=1 DEBIAN_FRONTEND=noninteractive \
	    apt-get install -y -qq --no-install-recommends $$missing >/dev/null; \
	else echo "not root, so these stay away and tests that need them are skipped:" $$missing; fi

clean: ## remove what was made, but not ./share
	rm -rf $(VENV) build dist *.egg-info screenshots .mypy_cache .pytest_cache .ruff_cache .import_linter_cache

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/serving: $(VENV)/bin/python setup.cfg pyproject.toml
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable .
	@touch $@

$(VENV)/developing: $(VENV)/bin/python setup.cfg pyproject.toml
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable ".[test,check]"
	@touch $@ $(VENV)/serving
