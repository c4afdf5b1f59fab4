#!/bin/sh
# run.sh [SECONDS [AT_A_TIME]]: runs every fuzz target for some seconds each (60 unless told), some at a time (2 unless
# told), from seeds made of the worked packets and from what earlier runs found. Needs a nightly toolchain and cargo-fuzz.
# A crash, an input of more than ten seconds or memory beyond the limits is left in artifacts/<target>/ and makes this fail.
set -eu
cd "$(dirname "$0")"
seconds=${1:-60}
at_a_time=${2:-2}
targets=$(cargo +nightly fuzz list --fuzz-dir . | grep -v "^seeds$")

cargo +nightly run --quiet --release --bin seeds -- corpus
cargo +nightly fuzz build --fuzz-dir .

# No input has more than 4096 octets, so no single allocation has a reason to be large.
run() {
    mkdir -p "corpus/$1" "artifacts/$1"
    log="artifacts/$1/log"
    # A backtrace reads all debug information, which is an allocation beyond the limit.
    if RUST_BACKTRACE=0 cargo +nightly fuzz run --fuzz-dir . "$1" -- -max_total_time="$seconds" -rss_limit_mb=512 -malloc_limit_mb=4 \
        -timeout=10 -max_len=4096 -print_final_stats=1 >"$log" 2>&1; then
        echo "$1: $(sed -n 's/^stat::number_of_executed_units: *//p' "$log") executions"
    else
        echo "$1: FAILED, see fuzz/$log"
        return 1
    fi
}

failed=0
running=""
await() {
    for one in $running; do
        wait "$one" || failed=1
    done
    running=""
}
for target in $targets; do
    run "$target" &
    running="$running $!"
    # shellcheck disable=SC2086 # a list of process ids
    set -- $running
    [ $# -lt "$at_a_time" ] || await
done
await
exit "$failed"
