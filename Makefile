# The whole of Bartizan in a few words: `make run` builds and starts it, `make test` tests it.
# `make help` lists the rest. Everything that is built lies outside the checkout.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help

CACHE := $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/bartizan
export CARGO_TARGET_DIR ?= $(CACHE)/target
export CARGO_TERM_PROGRESS_WHEN ?= auto

UI_SOURCES := $(shell find ui/src ui/public ui/index.html ui/package.json ui/package-lock.json ui/vite.config.ts ui/svelte.config.js ui/tsconfig.json -type f 2>/dev/null)
ARGS ?=

POINTS ?= 1000
SEED ?= 1
.PHONY: help run test test-rust test-ui test-browser crash ui lint bench bench-requests bench-models compare deps fuzz clean needs-rust needs-node needs-browser needs-crs

help: ## lists what can be made
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/  make \1\t\2/' | expand -t 18

run: ui needs-rust ## builds the console and the product (release) and starts it; ARGS="--demo" and the like are handed on
	@echo "== building bartizan (release; the first time takes a few minutes)"
	cargo build --release --locked -p bartizan
	@echo "== starting; Ctrl-C ends it"
	@exec "$(CARGO_TARGET_DIR)/release/bartizan" serve $(ARGS)

test: test-ui test-rust test-browser ## installs what the tests need and runs all of them: console, Rust, browser
	@echo "== all tests passed"

test-rust: needs-rust ## tests the Rust crates, the plan of the house and the tidiness
	@echo "== Rust tests"
	cargo test --locked --workspace --no-fail-fast

test-ui: ui ## checks and tests the console's own code
	@echo "== console: types and unit tests"
	cd ui && npm run --silent check && npm test --silent

test-browser: ui needs-rust needs-browser ## drives the real binary in Chromium, from the set-up link to a closed alert
	@echo "== browser test"
	@# As the Rust tests build it: another selection would build the query engine anew.
	cargo test --locked --workspace --no-run --quiet
	cd ui && BARTIZAN_BIN="$(CARGO_TARGET_DIR)/debug/bartizan" npm run --silent test:browser

crash: needs-rust ## stops a store at 1000 seeded points: kills, torn writes, power cuts, full disks; POINTS=, SEED=
	CRASH_POINTS=$(POINTS) CRASH_SEED=$(SEED) cargo test --locked -p store --no-default-features --test store power:: -- --nocapture

ui: ui/dist/.built ## builds the console

ui/dist/.built: ui/node_modules/.installed $(UI_SOURCES)
	@echo "== building the console"
	cd ui && npm run --silent build
	@touch $@

ui/node_modules/.installed: ui/package-lock.json | needs-node
	@echo "== installing the console's packages"
	cd ui && npm ci --no-audit --no-fund --prefer-offline
	@touch $@

lint: needs-rust ui ## formatting, lints, types, licences
	cargo fmt --all --check
	cargo clippy --locked --workspace --all-targets -- -D warnings
	cd ui && npm run --silent check
	@if command -v cargo-deny >/dev/null; then cargo deny --offline check bans licenses sources || cargo deny check; \
	else echo "cargo-deny is not installed (cargo install cargo-deny): licences not checked"; fi

bench: ui needs-rust needs-crs ## measures the line, events, Sigma rules, inspection beside its peers, models, detectors, stores and durable ingest
	@# Together, since the bench alone would select other features and build the query engine anew.
	cargo build --release --locked -p bartizan -p bench
	"$(CARGO_TARGET_DIR)/release/line" $(ARGS)
	"$(CARGO_TARGET_DIR)/release/event"
	"$(CARGO_TARGET_DIR)/release/sigma"
	"$(CARGO_TARGET_DIR)/release/requests"
	$(measure-models)
	"$(CARGO_TARGET_DIR)/release/detectors"
	bench/compare/compare.py --mix "$(CARGO_TARGET_DIR)/release/mix"
	"$(CARGO_TARGET_DIR)/release/ingest" --seconds 10
	"$(CARGO_TARGET_DIR)/release/ingest" --seconds 10 --rate 100000

bench-requests: needs-rust needs-crs ## measures inspection on labelled requests, beside libinjection, naive patterns, and the Core Rule Set
	cargo run --release --locked -p bench --bin requests --no-default-features --features requests -- $(ARGS)

# On the same rows as scikit-learn, where PyPI can be reached.
define measure-models
"$(CARGO_TARGET_DIR)/release/models" ../shared/corpora/web
	@if { test -x "$(CACHE)/sklearn/bin/pip" || python3 -m venv "$(CACHE)/sklearn"; } \
		&& "$(CACHE)/sklearn/bin/pip" install --quiet scikit-learn; then \
		"$(CACHE)/sklearn/bin/python" bench/models/compare.py --models "$(CARGO_TARGET_DIR)/release/models"; \
	else echo "scikit-learn is not measured: it cannot be had from PyPI"; fi
endef

bench-models: needs-rust ## measures the models of requests on labelled ones, beside scikit-learn (from PyPI) on the same rows
	cargo build --release --locked -p bench --bin models --no-default-features --features models
	$(measure-models)

compare: needs-rust ## puts the same five million events into Bartizan, DuckDB, ClickHouse and SQLite and prints one table; ARGS="--events 500000"
	@# Without the query engine, which none of the questions needs: a build of some minutes, once.
	cargo build --release --locked -p bench --bin mix --no-default-features --features kept
	bench/compare/compare.py --mix "$(CARGO_TARGET_DIR)/release/mix" $(ARGS)

deps: needs-rust ## tells how many packages the product stands on
	@echo "packages in Cargo.lock: $$(grep -c '^\[\[package\]\]' Cargo.lock)"
	@echo "packages in the product: $$(cargo tree --locked -p bartizan -e normal --prefix none --no-dedupe | sed 's/ (.*//' | sort -u | wc -l)"
	@cargo tree --locked -p bartizan -e normal --duplicates --depth 0 | grep -v '^$$' || true

TARGET ?= record
fuzz: needs-rust ## fuzzes one reader of outside bytes for a minute; TARGET=record|event_bytes|search_text|rule_file|request|model_file
	@command -v cargo-fuzz >/dev/null || { echo "cargo-fuzz is missing: cargo install cargo-fuzz"; exit 1; }
	cd fuzz && RUSTC_BOOTSTRAP=1 cargo fuzz run --target-dir "$(CACHE)/fuzz" $(TARGET) -- -max_total_time=60 $(ARGS)

clean: ## removes what was built
	rm -rf ui/dist ui/node_modules
	cargo clean

needs-rust:
	@command -v cargo >/dev/null || { echo "Rust is missing: install rustup from your distribution, then a stable toolchain of at least 1.94"; exit 1; }
	@command -v cc >/dev/null || { echo "a C compiler is missing: apt-get install gcc"; exit 1; }

needs-node:
	@command -v npm >/dev/null || { echo "Node.js 20 or newer with npm is missing"; exit 1; }

needs-browser:
	@if ! command -v chromium >/dev/null; then \
		echo "== installing Chromium for the browser test"; \
		sudo=$$(test "$$(id -u)" = 0 || echo sudo); \
		$$sudo apt-get update -qq && $$sudo apt-get install -y -qq --no-install-recommends chromium; \
	fi

needs-crs:
	@if ! { test -e /usr/include/modsecurity/modsecurity.h && test -d /usr/share/modsecurity-crs/rules; }; then \
		echo "== installing ModSecurity and the Core Rule Set, to compare with"; \
		sudo=$$(test "$$(id -u)" = 0 || echo sudo); \
		{ $$sudo apt-get update -qq && $$sudo apt-get install -y -qq --no-install-recommends libmodsecurity-dev modsecurity-crs; } \
		|| echo "== going on without them"; \
	fi
