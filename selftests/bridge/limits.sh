#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# The server's disk is full, clocks are set, and nobody receives for a minute: senders block,
# memory is bounded, and no job is lost. Arguments choose tests.

# shellcheck disable=SC2034 # for run_tests
tests='disk_full clocks_set consumer_stops server_away_for_long'

# ---- a full disk ----------------------------------------------------------------

# On m1, whose mounts they are.
is_disk_full() {
	[ "$(on m1 df -k "$PWD/m1.store" | awk 'END { print $4 }')" -lt 16 ]
}

# What the server has confirmed is on the disk; the rest waits until there is space.
disk_full() {
	bridge_options='--cap 16 --size 4096 --capacity 1000'
	with_machines m1 m2 m3
	mkdir m1.store
	on m1 mount -t tmpfs -o size=1m tmpfs "$PWD/m1.store"
	server m1
	bridge m2 --send
	send_long_jobs m2 1 800
	within 120 is_disk_full
	within 60 has_on m2 jobs.send senders_waiting 1
	is_running bridge-m2 || fail 'the bridge ended'
	on m1 mount -o remount,size=32m "$PWD/m1.store"
	kill_server m1
	restart_server m1
	bridge m3 --recv
	worker m3
	all_done 180 1 800
	ends sender-m2 0 20
}

# ---- clocks ---------------------------------------------------------------------

# set_clock SECONDS: forward, or back if it is negative.
set_clock() {
	date -s "@$(($(date +%s) + $1))"
}

# The clock is the same on all machines here: the server's, and those of the bridges.
clocks_set() {
	bridge_options='--cap 16 --size 4096 --capacity 40 --ack-wait 30'
	with_machines m1 m2 m3
	server m1
	queues m2 m3
	workers m2 m3
	send_jobs m2 1 200
	send_jobs m3 201 400
	done_before=20
	for seconds in 3600 -7200 90000 -86400; do
		within 90 has_effects $done_before
		set_clock $seconds
		done_before=$((done_before + 80))
	done
	all_done 180 1 400 400
	close_all m2 m3
}

# ---- memory ---------------------------------------------------------------------

# rss NAME: in KiB
rss() {
	sed -n 's/^VmRSS:[^0-9]*\([0-9]*\) kB/\1/p' "/proc/$(pid "$1")/status"
}

# check_growth NAME BEFORE KIB
check_growth() {
	now=$(rss "$1")
	note "$1: $2 KiB before, $now after"
	[ "$now" -le $(($2 + $3)) ] || fail "$1 grew from $2 to $now KiB"
}

# Producers push for two minutes, and nobody receives: how long it takes is what is tested. The
# stream is of 50 messages, with 3000 bytes each. In the first minute the heap of the server,
# which is in Go, grows to its usual size; the second shows whether it grows further.
consumer_stops() {
	bridge_options='--cap 16 --size 4096 --capacity 50'
	with_machines m1 m2 m3
	server m1
	bridge m2 --send
	bridge m3 --recv
	send_long_jobs m2 1 600
	within 60 has_on m2 jobs.send senders_waiting 1
	within 60 stream_has 50
	for name in bridge-m2 bridge-m3; do
		rss $name >$name.rss
	done
	within 90 has_passed $(($(uptime_s) + 60))
	rss nats-m1 >nats-m1.rss
	within 90 has_passed $(($(uptime_s) + 60))
	within 60 stream_has 50
	has_on m2 jobs.send senders_waiting 1 || fail 'the sender does not wait'
	check_growth bridge-m2 "$(cat bridge-m2.rss)" 2048
	check_growth bridge-m3 "$(cat bridge-m3.rss)" 2048
	check_growth nats-m1 "$(cat nats-m1.rss)" 8192
	worker m3
	all_done 180 1 600
	ends sender-m2 0 20
}

# ticks NAME: of processor time, a hundredth of a second each. A busy host makes it more, as
# the guest cannot see when it does not run.
ticks() {
	sed 's/.*) //' "/proc/$(pid "$1")/stat" | awk '{ print $12 + $13 }'
}

# wakeups NAME: how often its threads have gone to sleep
wakeups() {
	cat "/proc/$(pid "$1")"/task/*/status | awk '/^voluntary/ { sum += $2 } END { print sum }'
}

# Senders wait meanwhile. Connecting again does not spin: a thread that does takes all of a
# processor.
server_away_for_long() {
	with_machines m1 m2
	server m1
	queues m2
	kill_server m1
	send_jobs m2 1 50
	within 60 has_on m2 jobs.send senders_waiting 1
	before=$(ticks bridge-m2) slept_before=$(wakeups bridge-m2)
	within 60 has_passed $(($(uptime_s) + 20))
	used=$(($(ticks bridge-m2) - before)) slept=$(($(wakeups bridge-m2) - slept_before))
	note "in 20 seconds $used hundredths of a second of processor time, $slept wakeups"
	[ $used -le 800 ] || fail "the bridge has used $used hundredths of a second"
	restart_server m1
	worker m2
	all_done 90 1 50
}

# shellcheck source-path=SCRIPTDIR source=jobs.sh
. "$(dirname "$0")/jobs.sh"
run_tests "$@"
