#!/usr/bin/env bash
# Installs what the tests need on a Debian machine with Rust, then runs everything. In CI a missing peer is a failure.
set -euo pipefail
cd "$(dirname "$0")"
export CI="${CI:-true}" CARGO_TERM_COLOR="${CARGO_TERM_COLOR:-never}" CARGO_INCREMENTAL=0

step() { printf '\n== %s (%s)\n' "$1" "$(date +%H:%M:%S)"; }

target="${CARGO_TARGET_DIR:-$PWD/target}"
peers="${CARRIERD_PEERS:-$target/peers}"

step "install peers and tools"
conformance/peers/setup.sh
export PATH="$target/tools/bin:$PATH"
if ! command -v cargo-deny >/dev/null; then
    cargo install --quiet --locked --root "$target/tools" cargo-deny@0.20.2
fi

step "format, lints, licences"
cargo fmt --all --check
cargo clippy --quiet --workspace --all-targets --all-features -- -D warnings
cargo check --quiet -p codecs --no-default-features
cargo deny --log-level error --all-features check bans licenses sources
RUSTDOCFLAGS="-D warnings" cargo doc --quiet --workspace --no-deps

step "the API's lint"
"$peers/buf/node_modules/.bin/buf" lint proto

step "tests"
cargo test --workspace --all-features

step "all passed"
