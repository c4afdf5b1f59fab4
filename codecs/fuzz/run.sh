#!/bin/sh
# Runs every fuzz target for some seconds each (60 unless told), two at a time, from seeds made of the worked packets.
# Needs a nightly toolchain and cargo-fuzz. A crash is left in artifacts/<target>/ and makes this fail.
set -eu
cd "$(dirname "$0")"
seconds=${1:-60}
targets=$(cargo +nightly fuzz list --fuzz-dir . | grep -v "^seeds$")

cargo +nightly run --quiet --release --bin seeds -- corpus
cargo +nightly fuzz build --fuzz-dir .

run() {
    mkdir -p "corpus/$1" "artifacts/$1"
    log="artifacts/$1/log"
    if cargo +nightly fuzz run --fuzz-dir . "$1" -- -max_total_time="$seconds" -rss_limit_mb=512 -timeout=10 \
        -max_len=4096 -print_final_stats=1 >"$log" 2>&1; then
        echo "$1: $(sed -n 's/^stat::number_of_executed_units: *//p' "$log") executions"
    else
        echo "$1: FAILED, see fuzz/$log"
        return 1
    fi
}

failed=0
set -- $targets
while [ $# -gt 0 ]; do
    run "$1" & first=$!
    shift
    if [ $# -gt 0 ]; then
        run "$1" || failed=1
        shift
    fi
    wait "$first" || failed=1
done
exit "$failed"
