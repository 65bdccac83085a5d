#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# R22: looking changes nothing. Programs of the stress tests pass while ps, deadlock, top,
# ls, trace and debugfs look at all channels again and again. See helpers/shell.sh.
# Arguments choose tests.

# shellcheck disable=SC2034 # for run_tests
tests='stress select_many'

debugfs=/sys/kernel/debug
tracefs=/sys/kernel/tracing
cpu1=/sys/devices/system/cpu/cpu1/online
grep -q " $debugfs debugfs " /proc/mounts || mount -t debugfs debugfs $debugfs
grep -q " $tracefs tracefs " /proc/mounts || mount -t tracefs tracefs $tracefs

# Ends only if something fails.
look() {
	while :; do
		gochan ps --json >ps.out || return
		gochan deadlock >deadlock.out || [ $? -le 2 ] || return
		gochan top -b -d 0.1 >top.out || return
		gochan ls --json >ls.out || return
		cat $debugfs/gochan/channels $debugfs/gochan/waiters >debugfs.out || return
		echo >>rounds
	done
}

# Switching events on or off may stall another processor in QEMU, see trace.sh.
cpu1() {
	[ ! -e $cpu1 ] || echo "$1" >$cpu1
}

is_tracing() {
	grep -q 1 "$tracefs/instances/gochan-$1/events/gochan/gochan_unlink/enable" 2>/dev/null
}

# watched PROGRAM: it passes while somebody looks.
watched() {
	: >rounds
	cpu1 0
	trap 'cpu1 1' EXIT
	gochan trace >traced 2>err &
	tracer=$!
	trap 'kill $tracer; cpu1 1' EXIT
	until_true is_tracing $tracer
	cpu1 1
	look 2>looked &
	looker=$!
	trap 'kill $tracer $looker 2>/dev/null || :; cpu1 1' EXIT
	expect 0 "$here/$1"
	kill $looker || fail "could not look: $(cat looked)"
	[ -s rounds ] || fail 'nobody has looked'
	cpu1 0
	kill $tracer || fail "could not trace: $(cat err)"
	wait $tracer || :
	grep -q ' send .* len ' traced || fail 'no message was seen'
}

stress() {
	watched stress
}

select_many() {
	watched select_many
}

here=$(realpath "$(dirname "$0")")
# shellcheck source-path=SCRIPTDIR source=helpers/shell.sh
. "$here/shell.sh"
run_tests "$@"
