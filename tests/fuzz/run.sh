#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Fuzzes every target, or those named, for some seconds each, by turns: run.sh SECONDS [TARGET...]. What is found stays in build/fuzz/, corpora
# in build/fuzz/corpus/; what a finding taught goes to seeds/ as a file of its own, which tests/run.sh replays.
set -u
cd "$(dirname "$0")/../.." || exit 1
seconds=${1:?usage: tests/fuzz/run.sh SECONDS [TARGET...]}
shift
cmake --preset fuzz >/dev/null && cmake --build --preset fuzz -j "$(nproc)" >/dev/null || exit 1
targets=("$@")
[ ${#targets[@]} -gt 0 ] || for program in build/fuzz/fuzz/fuzz_*; do targets+=("$(basename "$program")"); done
passed=0 failed=0
for target in "${targets[@]}"; do
    corpus=build/fuzz/corpus/$target seeds=tests/fuzz/seeds/${target#fuzz_}
    mkdir -p "$corpus"
    [ -d "$seeds" ] || seeds=
    # shellcheck disable=SC2086
    if "build/fuzz/fuzz/$target" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=4096 -print_final_stats=1 \
        -artifact_prefix="build/fuzz/$target-" "$corpus" $seeds >"build/fuzz/$target.log" 2>&1; then
        passed=$((passed + 1))
        printf '%-24s %s\n' "$target" "$(sed -n 's/^stat::number_of_executed_units: */runs: /p' "build/fuzz/$target.log")"
    else
        failed=$((failed + 1))
        printf '%-24s see build/fuzz/%s.log\n' "$target" "$target"
    fi
done
echo "$passed passed, $failed failed"
[ $failed -eq 0 ]
