# Commands for developers. Each target first installs missing programs (scripts/setup).
.PHONY: help demo test check bench update-generated book package setup

# rustup installs cargo in this directory. A shell that was started earlier does not have it in PATH. HOME may be unset.
home := $(or $(HOME),$(shell getent passwd "$$(id -u)" | cut -d : -f 6))
export PATH := $(PATH):$(home)/.cargo/bin

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-16s  %s\n", $$1, $$2 }' Makefile

demo: setup ## show sqern step by step, from an empty database to available modules
	@scripts/demo

test: setup ## run all tests
	@env -u SQERN_TEST_STAGE -u SQERN_TEST_GUARD scripts/test

check: setup ## check formatting, lints, documentation, project rules and language
	@scripts/check

bench: setup ## run benchmarks (40 minutes); MIRROR=URL EXPECTED=FILE also measures crawls
	@scripts/bench
	@scripts/bench-read-model
	@cargo build --quiet --release -p sqern
	@scripts/bench-limits
	@scripts/bench-cust
	@if command -v apt-ftparchive >/dev/null && command -v gpg >/dev/null; then scripts/bench-fetch; else echo "bench-fetch: skipped, requires apt-ftparchive and gpg"; fi
	@if [ -n "$(MIRROR)" ]; then scripts/bench-crawl "$(MIRROR)" "$(EXPECTED)"; fi

package: setup ## build .deb and .rpm packages in target/packages
	@scripts/package

update-generated: setup ## update generated files
	@scripts/update-generated

book: setup ## render the documentation to target/book/index.html
	@scripts/book

setup: ## install missing programs: PostgreSQL, psql, C compiler and others
	@scripts/setup
