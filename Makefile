# On a fresh Debian 12 with the Rust toolchain: `make demo` shows the gateway, `make test` tests it.

SHELL := /bin/bash
TARGET := $(or $(CARGO_TARGET_DIR),target)
# One profile for tests, demo and bench, so that all is built once. Clippy, which only checks, shares its build
# scripts and macros.
CARGO_FLAGS := --locked --profile ci

.PHONY: help demo run test check bench prompts

help:
	@echo "make demo     install what is lacking, build, have callers dial in, print what they heard"
	@echo "make run      build, start the gateway with conf/demo.toml, stay up"
	@echo "make test     install what is lacking, run every test"
	@echo "make check    format and lints only"
	@echo "make bench    what calls cost and how fast they are, beside a plain UDP echo and SIPp"
	@echo "make prompts  make the recordings whose text changed"

demo:
	@tests/stage set-up tests/setup demo
	@tests/stage build cargo build $(CARGO_FLAGS) -p server --bin gateway
	@$(TARGET)/ci/gateway demo --config conf/demo.toml

run:
	@tests/setup demo
	@cargo build $(CARGO_FLAGS) -p server --bin gateway
	@exec $(TARGET)/ci/gateway run --config conf/demo.toml

test:
	@tests/stage set-up tests/setup test
	@tests/stage format cargo fmt --all --check
	@tests/stage lint cargo clippy $(CARGO_FLAGS) --workspace --all-targets -- -D warnings
	@tests/stage build cargo build $(CARGO_FLAGS) --workspace --all-targets
	@if cargo nextest --version >/dev/null 2>&1; then \
		tests/stage tests cargo nextest run --locked --cargo-profile ci --workspace; \
	else \
		tests/stage tests cargo test $(CARGO_FLAGS) --workspace --all-targets; \
	fi
	@tests/stage doc-tests cargo test $(CARGO_FLAGS) --workspace --doc
	@tests/stage prompts conf/prompts/check-prompts
	@tests/stage interop tests/interop/run
	@tests/stage fuzz tests/fuzz/run

check:
	@tests/stage format cargo fmt --all --check
	@tests/stage lint cargo clippy $(CARGO_FLAGS) --workspace --all-targets -- -D warnings

bench:
	@tests/setup bench
	@tests/stage build cargo build $(CARGO_FLAGS) -p server -p bench --bin gateway --bin bench --bin parser_bench
	@$(TARGET)/ci/bench

prompts:
	@tests/setup test
	@conf/prompts/make-prompts
