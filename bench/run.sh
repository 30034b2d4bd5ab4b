#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# bench/run.sh [--quick] [--install-peers] [--out FOLDER] [FOLDER...]: decides workloads by this engine, by C and by peers in one run, and writes
# results.md and results.json. A FOLDER is one more workload, of the format that bench/workloads.py writes. Without peers their columns stay
# empty; --install-peers gets and builds them by go and cargo, into build/peers.
set -eu
cd "$(dirname "$0")/.."
here=$PWD
for argument in "$@"; do
    if [ "$argument" = --install-peers ]; then
        mkdir -p build/peers
        if command -v go >/dev/null; then
            (cd bench/peers/go && go build -o "$here/build/peers/go-peers" . && go build -o "$here/build/peers/opa" github.com/open-policy-agent/opa)
        else
            echo "go is not installed: no OPA, no Casbin"
        fi
        if command -v cargo >/dev/null; then
            (cd bench/peers/rust && cargo build --release --target-dir "$here/build/peers/rust")
        else
            echo "cargo is not installed: no regorus, no Cedar"
        fi
    fi
done
if [ ! -x build/release/bin/pol-bench ]; then
    cmake --preset release >/dev/null
    cmake --build --preset release >/dev/null
fi
exec python3 bench/run.py "$@"
