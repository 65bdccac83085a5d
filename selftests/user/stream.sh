#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# Tools for byte streams, as Debian has them, on channels that "gochan make" creates with
# its default size. They are in the directory stream beside this script. Arguments choose
# tests.

# shellcheck disable=SC2034 # for run_tests
tests='
	cat_sends_file cat_receives_file cat_sends_nothing_longer cp_sends_file cp_receives_file
	dd_both_ways pv_sends_file tar_archive gzip_small_file gzip_large_file
	cat_splits_stream cat_before_small_buffer bytes_of_any_tool
'

here=$(realpath "$(dirname "$0")")
stream=$here/stream

# gnu TOOL [ARGUMENT...]
gnu() {
	program=$stream/$1
	shift
	"$stream/ld.so" --library-path "$stream" "$program" "$@"
}

# numbers BYTES: print so many bytes of text.
numbers() {
	seq 100000 | head -c "$1"
}

# is_received FILE: the channel files has this file, as one message, and no other.
is_received() {
	is "$(gochan info files len)" 1
	gochan recv files -n 1 --raw | cmp - "$1"
}

# Of any length up to the size, and when the sender waits for the receiver.
cat_sends_file() {
	make files --cap 16
	for size in 1 4096 4097 65536; do
		numbers $size >sent
		gnu cat sent >/dev/gochans/files
		is_received sent
	done
	make unbuffered
	gnu cat sent >/dev/gochans/unbuffered &
	gochan recv unbuffered -n 1 --raw | cmp - sent
	wait $!
}

cat_receives_file() {
	make files --hangup
	numbers 65536 >sent
	gochan send files --whole <sent &
	gnu cat /dev/gochans/files >received
	cmp sent received
}

cat_sends_nothing_longer() {
	make files --cap 16
	numbers 65537 >sent
	status=0
	gnu cat sent 2>err >/dev/gochans/files || status=$?
	is "$status $(gochan info files len)" '1 0'
	grep -q 'write error: Message too long' err
}

cp_sends_file() {
	make files --cap 16
	numbers 65536 >sent
	gnu cp sent /dev/gochans/files
	is_received sent
}

cp_receives_file() {
	make files --hangup
	numbers 65536 >sent
	gochan send files --whole <sent &
	gnu cp /dev/gochans/files received
	cmp sent received
}

dd_both_ways() {
	make files --cap 16
	numbers 65536 >sent
	gnu dd bs=64k if=sent of=/dev/gochans/files 2>err
	is "$(gochan info files len)" 1
	gnu dd bs=64k count=1 if=/dev/gochans/files of=received 2>err
	cmp sent received
}

pv_sends_file() {
	make files --cap 16
	numbers 65536 >sent
	gnu pv -q sent >/dev/gochans/files
	is_received sent
}

# Records of 10 KiB, at both ends.
tar_archive() {
	make files --hangup
	mkdir from to
	numbers 100000 >from/sent
	gnu tar -c -C from -f /dev/gochans/files sent &
	gnu tar -x -C to -f /dev/gochans/files
	cmp from/sent to/sent
}

gzip_small_file() {
	make files --cap 16
	numbers 65536 >sent
	gnu gzip -c sent >/dev/gochans/files
	is "$(gochan info files len)" 1
	gochan recv files -n 1 --raw | gunzip | cmp - sent
}

# What does not fit into a message, fits behind cat.
gzip_large_file() {
	make files --hangup
	seq 100000 >sent
	status=0
	gnu gzip -c sent 2>err >/dev/gochans/files || status=$?
	is "$status $(gochan info files sent)" '1 0'
	grep -q 'Message too long' err
	gochan rm files
	make files --hangup
	gnu gzip -c sent | gnu cat >/dev/gochans/files &
	gnu cat /dev/gochans/files | gunzip | cmp - sent
}

# From a pipe cat reads no more than one message holds.
cat_splits_stream() {
	make files --hangup
	seq 100000 >sent
	gnu dd bs=1M if=sent 2>err | gnu cat >/dev/gochans/files &
	gnu cat /dev/gochans/files | cmp - sent
}

# A reader with a small buffer needs a pipe in front of it.
cat_before_small_buffer() {
	make files --cap 1
	seq 10000 >sent
	gochan send files --whole <sent
	status=0
	gnu head -n 10000 /dev/gochans/files 2>err >received || status=$?
	is "$status $(gochan info files len)" '1 1'
	grep -q 'Message too long' err
	gochan close files
	gnu cat /dev/gochans/files | gnu head -n 10000 >received
	cmp received sent
}

bytes_of_any_tool() {
	make files --fixed --size 1 --cap 4096 --hangup
	seq 100000 >sent
	gnu gzip -c sent >/dev/gochans/files &
	gunzip </dev/gochans/files | cmp - sent
}

# shellcheck source-path=SCRIPTDIR source=helpers/shell.sh
. "$here/shell.sh"
run_tests "$@"
