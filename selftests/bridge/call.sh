#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# Calls: an unbuffered channel over machines (R3). Arguments choose tests.

# shellcheck disable=SC2034 # for run_tests
tests='
	waits_for_receiver in_order two_receivers on_one_machine sender_gives_up
	receiver_gives_up call_sizes call_too_long call_closed receiving_bridge_killed
	call_server_killed request_without_id call_closed_offline
'

calls() {
	bridge_options='--cap 1 --size 4096'
	server m1
	for calling; do
		bridge "$calling" --call
	done
}

# A send completes when a receiver on another machine has taken the message, and not before.
waits_for_receiver() {
	with_machines m1 m2
	calls m1 m2
	start sender m1 gochan send jobs.send hello
	within 30 has_on m1 jobs.send senders_waiting 1
	expect 4 on m1 gochan send jobs.send again --timeout 2
	is_running sender || fail 'the send completed without a receiver'
	start receiver m2 gochan recv jobs -n 1
	ends receiver 0 30
	ends sender 0 30
	is "$(cat receiver.out)" hello
}

# R2: the bridge of a machine asks for one message at a time.
in_order() {
	with_machines m1 m2
	calls m1 m2
	start receiver m2 gochan recv jobs
	send_jobs m1 1 100
	ends sender-m1 0 90
	on m1 gochan close jobs.send
	ends receiver 0 60
	is "$(cat receiver.out)" "$(seq 100)"
}

# Each message is received by one of them.
two_receivers() {
	with_machines m1 m2 m3
	calls m1 m2 m3
	start receiver-m2 m2 gochan recv jobs
	start receiver-m3 m3 gochan recv jobs
	within 30 has_on m2 jobs receivers_waiting 1
	within 30 has_on m3 jobs receivers_waiting 1
	send_jobs m1 1 100
	ends sender-m1 0 90
	on m1 gochan close jobs.send
	ends receiver-m2 0 60
	ends receiver-m3 0 60
	cat receiver-m2.out receiver-m3.out | sort -n >got
	seq 100 | cmp - got
	[ -s receiver-m2.out ] || fail 'm2 got nothing'
	[ -s receiver-m3.out ] || fail 'm3 got nothing'
}

on_one_machine() {
	with_machines m1
	calls m1
	start receiver m1 gochan recv jobs -n 1
	expect 0 on m1 gochan send jobs.send hello --timeout 30
	ends receiver 0 30
	is "$(cat receiver.out)" hello
}

# R3: a message whose sender has given up is not received.
sender_gives_up() {
	with_machines m1 m2
	calls m1 m2
	expect 4 on m1 gochan send jobs.send lost --timeout 1
	expect 4 on m2 gochan recv jobs -n 1 --timeout 3
	prints_nothing
	start sender m1 gochan send jobs.send next
	expect 0 on m2 gochan recv jobs -n 1 --timeout 30
	prints next
	ends sender 0 30
}

receiver_gives_up() {
	with_machines m1 m2 m3
	calls m1 m2 m3
	for _ in 1 2 3 4 5; do
		expect 4 on m2 gochan recv jobs -n 1 --timeout 0.3
	done
	start sender m1 gochan send jobs.send hello
	expect 0 on m3 gochan recv jobs -n 1 --timeout 30
	prints hello
	ends sender 0 30
}

call_sizes() {
	with_machines m1 m2
	calls m1 m2
	seq 2000 | head -c 4096 >largest
	start sender m1 sh -c 'gochan send jobs.send "" && gochan send jobs.send --whole <largest'
	expect 0 on m2 gochan recv jobs -n 1 --timeout 30
	prints ''
	expect 0 on m2 gochan recv jobs -n 1 --raw --timeout 30
	cmp out largest
	ends sender 0 30
}

# What the receivers' machine cannot take is reported there once, and is not lost.
call_too_long() {
	with_machines m1 m2
	server m1
	bridge_options='--cap 1 --size 4096'
	bridge m1 --call
	on m2 gochan make jobs --size 8
	bridge m2 --call
	start receiver m2 gochan recv jobs -n 1
	within 30 has_on m2 jobs receivers_waiting 1
	expect 4 on m1 gochan send jobs.send 'longer than eight' --timeout 3
	is "$(grep -c 'cannot send a message of 17 bytes: .* the same --size' bridge-m2.err)" 1
	expect 0 on m1 gochan send jobs.send short --timeout 30
	ends receiver 0 30
	is "$(cat receiver.out)" short
}

# Of a client of NATS that is no bridge.
request_without_id() {
	with_machines m1
	calls m1
	start receiver m1 gochan recv jobs -n 1
	within 30 has_on m1 jobs receivers_waiting 1
	nats "$(url m1)" publish gochan.JOBS 1 3 || :
	ends receiver 0 60
	is "$(cat receiver.out)" xxx
	is_running bridge-m1 || fail 'the bridge ended'
}

# Closed while there is no server: told as soon as there is one.
call_closed_offline() {
	with_machines m1
	calls m1
	kill_server m1
	within 30 grep -q 'the connection is lost' bridge-m1.err
	on m1 gochan close jobs.send
	restart_server m1
	ends bridge-m1 0 60
	expect 3 on m1 gochan send jobs late
}

call_closed() {
	with_machines m1 m2
	calls m1 m2
	start receiver m2 gochan recv jobs
	within 30 has_on m2 jobs receivers_waiting 1
	on m1 gochan close jobs.send
	ends receiver 0 30
	ends bridge-m1 0 30
	ends bridge-m2 0 30
	expect 3 on m2 gochan send jobs.send late
	expect 3 on m1 gochan send jobs late
}

receiving_bridge_killed() {
	with_machines m1 m2 m3
	calls m1 m2 m3
	start receiver-m2 m2 gochan recv jobs
	start receiver-m3 m3 gochan recv jobs
	send_jobs m1 1 100
	within 60 test -s receiver-m2.out
	stop bridge-m2 KILL
	ends sender-m1 0 120
	on m1 gochan close jobs.send
	ends receiver-m3 0 60
	stop receiver-m2 TERM
	sort -n -u receiver-m2.out receiver-m3.out >got
	seq 100 | cmp - got
	note "$(($(cat receiver-m2.out receiver-m3.out | wc -l) - 100)) were received twice"
}

call_server_killed() {
	with_machines m1 m2
	calls m1 m2
	start receiver m2 gochan recv jobs
	send_jobs m1 1 100
	within 60 test -s receiver.out
	kill_server m1
	restart_server m1
	ends sender-m1 0 120
	on m1 gochan close jobs.send
	ends receiver 0 60
	sort -n -u receiver.out >got
	seq 100 | cmp - got
	note "$(($(wc -l <receiver.out) - 100)) were received twice"
}

# shellcheck source-path=SCRIPTDIR source=jobs.sh
. "$(dirname "$0")/jobs.sh"
run_tests "$@"
