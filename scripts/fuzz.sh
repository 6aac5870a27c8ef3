#!/bin/sh
# fuzz.sh [ROUNDS [SEED]]: breaks values of calib.behavior and reads them, with
# the address and the undefined behavior sanitizer watching. No server needed.
# It prints its seed first; the same seed makes the same values.
set -eu
cd "$(dirname "$0")/.."
dir=$(mktemp -d "${TMPDIR:-/tmp}/calib-fuzz.XXXXXX")
trap 'rm -rf "$dir"' EXIT
trap 'exit 1' INT TERM
"${CC:-cc}" -g -O1 -Wall -Wextra -Werror -fsanitize=address,undefined -fno-sanitize-recover=all \
	-Isrc tests/fuzz/behavior.c src/behavior_read.c src/behavior_check.c src/behavior_write.c \
	-o "$dir/behavior"
"$dir/behavior" "${1:-20000}" ${2:+"$2"}
