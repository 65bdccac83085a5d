#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# Runs tsan/order. A program with ThreadSanitizer cannot be linked statically: it
# brings its libraries along, and its loader is put where the kernel looks for it.
set -eu

cd "$(dirname "$0")/tsan"
for loader in ld-linux*; do
	[ -e "/lib64/$loader" ] || {
		mkdir -p /lib64
		ln -s "$PWD/$loader" /lib64
	}
done
exec ./order
