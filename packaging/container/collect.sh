#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# collect.sh PROGRAM FOLDER: the program, the libraries that it is linked with and what they read, as the whole of a container's files.
set -eu
program=$1 folder=$2
mkdir -p "$folder/usr/bin" "$folder/etc/ssl/certs" "$folder/etc/polward" "$folder/run/polward" "$folder/var/lib/polward" "$folder/usr/share" "$folder/tmp"
cp "$program" "$folder/usr/bin/"
ldd "$program" | grep -o '/[^ ]*' | while read -r library; do
    mkdir -p "$folder$(dirname "$library")"
    cp -L "$library" "$folder$library"
done
cp -L /etc/ssl/certs/ca-certificates.crt "$folder/etc/ssl/certs/"
cp -r /usr/share/zoneinfo "$folder/usr/share/"
printf 'root:x:0:0::/:/nologin\npolward:x:10001:10001::/:/nologin\n' >"$folder/etc/passwd"
printf 'root:x:0:\npolward:x:10001:\n' >"$folder/etc/group"
printf 'hosts: files dns\n' >"$folder/etc/nsswitch.conf"
