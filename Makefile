# The entry points for developers. Each target first installs missing programs (scripts/setup).
.PHONY: help demo test check bench bless book package setup

# rustup installs cargo there; a shell that was open before does not have it in PATH. HOME may be unset.
home := $(or $(HOME),$(shell getent passwd "$$(id -u)" | cut -d : -f 6))
export PATH := $(PATH):$(home)/.cargo/bin

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-7s  %s\n", $$1, $$2 }' Makefile

demo: setup ## show sqern step by step, from an empty database to available modules
	@scripts/demo

test: setup ## run all tests
	@env -u SQERN_TEST_STAGE -u SQERN_TEST_GUARD scripts/test

check: setup ## check formatting, lints, documentation and the project rules
	@scripts/check

bench: setup ## measure the journal, loads, fetching, and crawls of MIRROR=URL with the kernels of EXPECTED=FILE (30 minutes)
	@scripts/bench
	@cargo build --quiet --release -p sqern
	@scripts/bench-cust
	@if command -v apt-ftparchive >/dev/null && command -v gpg >/dev/null; then scripts/bench-fetch; else echo "fetching: needs apt-ftparchive and gpg"; fi
	@if [ -n "$(MIRROR)" ]; then scripts/bench-crawl "$(MIRROR)" "$(EXPECTED)"; fi

package: setup ## build the .deb and the .rpm into target/packages
	@scripts/package

bless: setup ## renew the generated files
	@scripts/bless

book: setup ## render docs/ to target/book/index.html
	@scripts/book

setup: ## find or install PostgreSQL, psql, a C compiler and other programs; runs before all other targets
	@scripts/setup
