# What a newcomer types. Each target installs what is missing first (scripts/setup).
.PHONY: help demo test check bench bless setup

# rustup puts cargo there; a shell that was open before does not know it yet.
export PATH := $(PATH):$(HOME)/.cargo/bin

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-6s  %s\n", $$1, $$2 }' Makefile

demo: setup ## from nothing to a database with kernels in it, step by step
	@scripts/demo

test: setup ## run all tests
	@scripts/test

check: setup ## formatting, lints, documentation, the rules of the house
	@scripts/check

bench: setup ## measure the journal, and crawls of MIRROR=URL (which must hold EXPECTED=FILE), against their goals; 20 minutes
	@scripts/bench
	@if [ -n "$(MIRROR)" ]; then cargo build --quiet --release -p sqern && scripts/bench-crawl "$(MIRROR)" "$(EXPECTED)"; fi

bless: setup ## renew the generated files
	@scripts/bless

setup: ## find or install PostgreSQL, psql, a C compiler; runs before each of the others
	@scripts/setup
