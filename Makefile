# Poisonscope: `make run` opens the dashboard, `make test` proves the project. Everything is installed into .venv beside this file.

HOST ?= 127.0.0.1
PORT ?= 8501
PYTHON ?=

VENV := .venv
PY := $(VENV)/bin/python
PIP := $(PY) -m pip --disable-pip-version-check --no-input

.PHONY: help run setup test lint worker showcase tools browser venv
.DEFAULT_GOAL := help

help:
	@echo "Poisonscope: make run and make test are all you need."
	@awk -F ':.*## ' '/^[a-z]+:.*## /{printf "  make %-8s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
	@echo "  PORT=8600 and HOST=0.0.0.0 move the dashboard; PYTHON=/path/to/python3.12 chooses the Python for .venv."

run: setup ## install what is missing, then open the dashboard on http://127.0.0.1:8501
	@set --; case "$(HOST)" in \
	  localhost|127.*|::1) ;; \
	  0.0.0.0|::) echo "Everybody who can reach this machine can use the dashboard on port $(PORT)."; \
	    set -- --server.allowedHosts='*' --browser.serverAddress=localhost ;; \
	  *) set -- --server.allowedHosts=localhost --server.allowedHosts=127.0.0.1 --server.allowedHosts="$(HOST)" ;; \
	esac; \
	echo "Starting the dashboard; Ctrl-C stops it. Runs that have begun go on to their end."; \
	exec $(PY) -m streamlit run app/main.py --server.address "$(HOST)" --server.port "$(PORT)" "$$@"

setup: venv ## install Poisonscope alone (about 5 GB, mostly PyTorch; a few minutes once, nothing afterwards)
	@$(call install,setup,requirements.txt,Poisonscope,about 5 GB$(comma) mostly PyTorch$(comma) in one to a few minutes)

test: lint browser ## install what tests need, then run them all: lint, types, import layers, Dockerfile, pytest (minutes)
	@echo "Testing: unit, contracts, flows, app and docs, two tests at a time."
	@OMP_NUM_THREADS=1 $(PY) -m pytest -m "not browser" -n 2 --dist loadscope
	@echo "Testing in a browser."
	@$(PY) -m pytest tests/browser --reruns 1 -rR

lint: tools ## only the checks that read the code without running it
	@echo "Checking style (ruff)."
	@$(PY) -m ruff check .
	@$(PY) -m ruff format --check .
	@echo "Checking types (mypy)."
	@$(PY) -m mypy
	@echo "Checking import layers (import-linter)."
	@$(PY) -c 'from importlinter.cli import lint_imports_command as main; main()'
	@if [ -x $(VENV)/bin/hadolint ]; then echo "Checking the Dockerfile (hadolint)."; $(VENV)/bin/hadolint Dockerfile; \
	else echo "The Dockerfile is not checked: hadolint has no wheel for this platform."; fi

worker: setup ## start a worker by hand (the dashboard starts one by itself)
	@$(PY) -m core worker

showcase: setup ## compute the finished runs that are shipped anew, into assets/showcase (some ten minutes on two cores)
	@rm -rf build/showcase
	@POISONSCOPE_HOME=build/showcase $(PY) -m core showcase --make
	@rm -rf build/showcase

# --- what the targets above are made of -------------------------------------------------------------------------------------

comma := ,

# $(call install,NAME,FILES,WHAT,COST): pip-installs FILES unless exactly this was done before. The stamp holds a checksum of
# their content, the interpreter and the folder (an editable install knows its path). It is removed before pip starts and written
# after it ends well: an interrupted installation is done again, a finished one asks neither the clock nor the network.
define install
set -e; stamp=$(VENV)/$(1).stamp; \
wanted=$$({ $(PY) -V; pwd -P; cat $(2) constraints.txt; } | cksum); \
if [ "$$(cat $$stamp 2>/dev/null)" = "$$wanted" ]; then echo "$(3): installed."; exit 0; fi; \
echo "$(3): installing into $(VENV) ($(4))."; \
rm -f $$stamp; \
$(PIP) install $(addprefix -r ,$(2)) -c constraints.txt || { \
  echo "$(3): the installation did not finish (see above); the same command goes on where it stopped." >&2; exit 1; }; \
echo "$$wanted" > $$stamp; echo "$(3): installed."
endef

tools: setup
	@$(call install,tools,requirements-test.txt,Test tools,about 100 MB)

venv:
	@set -e; check='import sys, pip; sys.exit(sys.version_info < (3, 11))'; \
	if $(PY) -c "$$check" 2>/dev/null; then exit 0; fi; \
	usable=; bare=; \
	for python in $(or $(PYTHON),python3.13 python3.12 python3.11 python3); do \
	  $$python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || continue; \
	  if $$python -c 'import ensurepip' 2>/dev/null; then usable=$$python; break; fi; \
	  bare=$${bare:-$$python}; \
	done; \
	if [ -z "$$usable" ] && [ -n "$$bare" ]; then \
	  echo "$$bare cannot make virtual environments: install its venv package (Debian, Ubuntu: sudo apt-get install $$(basename $$bare)-venv) and try again." >&2; \
	  exit 1; \
	elif [ -z "$$usable" ]; then \
	  echo "Poisonscope needs Python 3.11 or newer, and $$python is $$($$python -V 2>/dev/null || echo not there): install one (Debian, Ubuntu: sudo apt-get install python3 python3-venv) or name one (PYTHON=/path/to/python3.12)." >&2; \
	  exit 1; \
	fi; \
	echo "Making $(VENV) with $$($$usable -V)."; \
	$$usable -m venv --clear $(VENV)

# The browser tests take the machine's Chromium or Chrome. Where there is none, Debian's package is installed, else Playwright's own.
browser: tools
	@find="$(PY) tests/chromium.py"; if $$find; then exit 0; fi; \
	if [ "$$(id -u)" = 0 ]; then sudo=; elif sudo -n true 2>/dev/null; then sudo="sudo -n"; else sudo=no; fi; \
	if [ "$$sudo" != no ] && grep -qs '^ID=debian' /etc/os-release; then \
	  echo "No Chromium here: installing Debian's package (about 300 MB)."; \
	  $$sudo apt-get update -qq && $$sudo env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq chromium && $$find && exit 0; \
	fi; \
	echo "No Chromium here: installing Playwright's own (about 300 MB)."; \
	with=; if [ "$$sudo" != no ] && [ "$$(uname)" = Linux ]; then with=--with-deps; fi; \
	$(PY) -m playwright install $$with chromium && $$find && exit 0; \
	echo "The browser tests need Chromium, and it could not be installed: please install chromium or google-chrome." >&2; exit 1
