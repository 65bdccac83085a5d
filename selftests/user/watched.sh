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

# watched PROGRAM: it passes while somebody looks.
watched() {
	: >rounds
	gochan trace >traced 2>err &
	tracer=$!
	look 2>looked &
	looker=$!
	trap 'kill $tracer $looker 2>/dev/null || :' EXIT
	expect 0 "$here/$1"
	kill -0 $looker || fail "could not look: $(cat looked)"
	kill -0 $tracer || fail "could not trace: $(cat err)"
	[ -s rounds ] || fail 'nobody has looked'
	kill $tracer
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
