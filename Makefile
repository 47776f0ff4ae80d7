# Two commands for people:
#
#   make run     set up what is missing, and record (stop with Ctrl-C)
#   make test    set up what is missing, and check everything
#
# and two for the curious, "make bench" and "make fuzz" (below).
#
# Both work on a fresh Debian 12 or Raspberry Pi OS. Everything goes into .venv beside this file.
#
# For a machine that records for years (systemd/README.md):
#
#   sudo make install     as a service, or upgrade it; DESTDIR=/mnt/image into a root folder
#   sudo make uninstall   the recordings stay
#   make wheels           what an installation without a network needs, into wheels/

PYTHON ?= python3
VENV := .venv
VENV_PYTHON := $(VENV)/bin/python

# In the stamps' names: after an upgrade of Python the environment is made anew.
PYTHON_VERSION := $(shell $(PYTHON) -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2> /dev/null)
RUN_STAMP := $(VENV)/run-$(PYTHON_VERSION).stamp
TEST_STAMP := $(VENV)/test-$(PYTHON_VERSION).stamp

# What only Debian has: encoders that publish over RTMP, and the tools that make a disk, a system
# call or a clock fail; and what the manual names.
DEBIAN_FOR_TESTS := ffmpeg gstreamer1.0-tools gstreamer1.0-plugins-base gstreamer1.0-plugins-good \
	gstreamer1.0-plugins-bad e2fsprogs util-linux mount strace faketime \
	prometheus chromium systemd rtmpdump vlc-bin vlc-plugin-base \
	python3 iproute2 nftables nginx-light procps rsync shellcheck

# What looks for whom the page keeps out. npm is Debian's where there is none yet.
NPM_FOR_TESTS := axe-core@4.14.1
NPM_STAMP := $(VENV)/npm/$(NPM_FOR_TESTS).stamp

# The servers beside which the recorder is weighed.
DEBIAN_FOR_BENCH := $(DEBIAN_FOR_TESTS) nginx-light libnginx-mod-rtmp

# The parts that decide what is recorded; every line and branch of them is tested.
FULLY_COVERED := recorder/amf/*,recorder/rtmp/*,recorder/flv/*,recorder/recording/*

# All of flake8-async but its optional rules: 124 and 9xx would have every async function wait on
# every path, and one that can answer at once should; 114 only asks to be told every startable name.
ASYNC_RULES := --select=ASYNC1,ASYNC2,ASYNC3 --ignore=ASYNC114,ASYNC124

# A file that breaks one of them has one of these words; to read them all takes three times as long.
ASYNC_WORDS := async|await|trio|nursery|cancel|except:|except\*|BaseException|ExceptionGroup|httpx
ASYNC_FILES = $(shell grep -rliE --include='*.py' '$(ASYNC_WORDS)' recorder tests)

# Of the tests, one more than there are processors: those with the real program mostly wait for it.
# With two for each, encoders and players were late themselves. 0: one after the other, as in full size, which needs the whole machine.
PROCESSES := $(if $(RECORDER_LONG_TESTS),0,$(shell expr 1 + $$(nproc 2> /dev/null || echo 1)))

# A test run never asks questions, and nothing it installs brings more than it names.
APT_INSTALL := DEBIAN_FRONTEND=noninteractive apt-get install --yes --no-install-recommends

# What `make wheels` is for, where it is not this machine: FOR=aarch64 FOR_PYTHON=3.13
FOR :=
FOR_PYTHON := $(PYTHON_VERSION)

.PHONY: run test lint lint-style lint-async lint-types bench fuzz install uninstall wheels clean
.DELETE_ON_ERROR:

run: $(RUN_STAMP)
	@exec $(VENV_PYTHON) -m recorder run

test: lint
	@$(install_npm_packages) ; \
	DEBIAN="$(DEBIAN_FOR_TESTS)"; $(call install_debian_packages) ; \
	$(VENV_PYTHON) -m pytest tests -n $(PROCESSES) --max-worker-restart=0 --no-loadscope-reorder \
		--cov --cov-report= --missing-packages "$$missing" --missing-npm "$$missing_npm"
	@echo "Coverage of $(FULLY_COVERED):"
	@$(VENV_PYTHON) -m coverage report --include "$(FULLY_COVERED)" --fail-under=100

# Side by side: none of them needs all processors all the time.
lint: $(TEST_STAMP)
	@$(MAKE) --no-print-directory --jobs --output-sync=target lint-style lint-async lint-types

lint-style: $(TEST_STAMP)
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .

lint-async: $(TEST_STAMP)
	@echo "$(VENV)/bin/flake8 $(ASYNC_RULES), on $(words $(ASYNC_FILES)) files"
	@$(VENV)/bin/flake8 $(ASYNC_RULES) $(ASYNC_FILES)

lint-types: $(TEST_STAMP)
	$(VENV)/bin/mypy

# Weigh the recorder beside other servers: an hour, with nothing else on the machine. What it finds
# goes into the README. BENCH="--rounds 1 --seconds 5" is a quick look; BENCH=--help tells more.
bench: $(TEST_STAMP)
	@DEBIAN="$(DEBIAN_FOR_BENCH)"; $(call install_debian_packages) ; \
	test -z "$$missing" || echo "Not installed, so left out:$$missing"; \
	$(VENV_PYTHON) -m tests.bench $(BENCH)

# Try millions of bytes on everything that reads what others send, an hour for each of eleven parts: on
# Linux on x86-64. FUZZ="--hours 12 server" is one part for longer; FUZZ=--help tells more.
fuzz: $(TEST_STAMP)
	@$(VENV_PYTHON) -m tests.fuzz $(FUZZ)

install:
	@test -d wheels || { $(check_python); }
	@PYTHON="$(PYTHON)" DESTDIR="$(DESTDIR)" sh systemd/install.sh

uninstall:
	@DESTDIR="$(DESTDIR)" sh systemd/uninstall.sh

# The recorder itself, every library it needs, and the pip that installs them. Built anew: what lies in
# build/ may be of another day.
wheels:
	@$(make_venv)
	@rm -rf wheels build
	@echo "Gathering the recorder and its libraries in wheels/ ..."
	@$(VENV_PYTHON) -m pip wheel --quiet --no-deps --wheel-dir wheels .
	@$(VENV_PYTHON) -m pip $(if $(FOR),download --only-binary=:all: --dest,wheel --wheel-dir) wheels \
		--quiet --find-links wheels $(and $(FOR),--python-version $(FOR_PYTHON) \
		--platform manylinux2014_$(FOR) --platform manylinux_2_28_$(FOR)) classroom-recorder pip

clean:
	rm -rf $(VENV) .coverage .mypy_cache .pytest_cache .ruff_cache .hypothesis *.egg-info build

$(RUN_STAMP): pyproject.toml
	@$(make_venv)
	@echo "Installing the recorder into $(VENV) ..."
	@$(VENV_PYTHON) -m pip install --quiet --editable .
	@touch $@

$(TEST_STAMP): pyproject.toml
	@$(make_venv)
	@echo "Installing the recorder and the tools of its tests into $(VENV) ..."
	@$(VENV_PYTHON) -m pip install --quiet --editable '.[dev]'
	@touch $(RUN_STAMP) $@

# Debian ships Python without the part that makes a virtual environment (ensurepip).
define check_python
set -e; \
command -v $(PYTHON) > /dev/null || { \
	echo "The recorder needs Python 3.11 or later: sudo apt install python3 python3-venv" >&2; exit 1; }; \
$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	echo "The recorder needs Python 3.11 or later, and this is $$($(PYTHON) --version)." \
		"Debian 12 and Raspberry Pi OS 12 have it; else: make PYTHON=/path/to/python3.11" >&2; exit 1; }; \
$(PYTHON) -c 'import ensurepip, venv' 2> /dev/null || { \
	test "$$(id -u)" = 0 && command -v apt-get > /dev/null && \
	apt-get update && $(APT_INSTALL) python3-venv && $(PYTHON) -c 'import ensurepip, venv'; } || { \
	echo "Python cannot make a virtual environment yet: sudo apt install python3-venv" >&2; exit 1; }
endef

# A virtual environment of the Python there is now; one of an older Python is replaced.
define make_venv
$(check_python); \
test -x $(VENV_PYTHON) -a -d $(VENV)/lib/python$(PYTHON_VERSION)/site-packages/pip || \
	$(PYTHON) -m venv --clear $(VENV)
endef

# Sets the shell variable "missing" to what of "DEBIAN" is not installed and cannot be from here.
define install_debian_packages
missing=; \
for package in $$DEBIAN; do \
	dpkg-query --show --showformat='$${db:Status-Status}' $$package 2> /dev/null | grep -qx installed || \
		missing="$$missing $$package"; \
done; \
if test -n "$$missing" -a "$$(id -u)" = 0; then \
	{ apt-get update && $(APT_INSTALL) $$missing; } || { \
		echo "The tests need Debian packages that could not be installed:$$missing" >&2; exit 1; }; \
	missing=; \
fi
endef

# Sets the shell variable "missing_npm" to what of npm is not there and cannot be brought from here;
# only the tests that need it are left out then.
define install_npm_packages
missing_npm=; \
if ! test -f "$(NPM_STAMP)"; then \
	( DEBIAN="$$(command -v npm > /dev/null || echo npm)"; $(call install_debian_packages); \
		test -z "$$missing" ) && \
	npm install --silent --no-save --no-audit --no-fund --prefix $(VENV)/npm $(NPM_FOR_TESTS) && \
	touch "$(NPM_STAMP)" || missing_npm="$(NPM_FOR_TESTS)"; \
fi
endef
