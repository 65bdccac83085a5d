#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# Runs tsan/order. A program with ThreadSanitizer cannot be linked statically: it
# brings its libraries along, and its loader is put where the kernel looks for it.
set -eu

cd "$(dirname "$0")/tsan"
for loader in ld-linux*; do
	for place in /lib /lib64; do
		[ -e "$place/$loader" ] || {
			mkdir -p "$place"
			ln -s "$PWD/$loader" "$place"
		}
	done
done
exec ./order
