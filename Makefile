# What a newcomer types. Each target installs what is missing first (scripts/setup).
.PHONY: help demo test check bench bless book package setup

# rustup puts cargo there; a shell that was open before does not know it yet.
export PATH := $(PATH):$(HOME)/.cargo/bin

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-7s  %s\n", $$1, $$2 }' Makefile

demo: setup ## from nothing to a database with kernels in it, step by step
	@scripts/demo

test: setup ## run all tests
	@scripts/test

check: setup ## formatting, lints, documentation, the rules of the house
	@scripts/check

bench: setup ## measure the journal, loads, fetching and crawls of MIRROR=URL (that must hold EXPECTED=FILE); half an hour
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

setup: ## find or install PostgreSQL, psql, a C compiler; runs before each of the others
	@scripts/setup
