#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# Run tsan/order. A program with ThreadSanitizer cannot be linked statically: its
# shared libraries are beside it, and its loader is linked to where the kernel
# looks for it.
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
