#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# A queue over several machines, without faults: no job is lost, and none is done twice.
# Arguments choose tests.

# shellcheck disable=SC2034 # for run_tests
tests='
	three_machines machine_without_workers order_of_one_sender full_stream_blocks sizes send_and_recv
	closed_on_one_machine closed_with_nothing_inside closed_too_early requeued_by_a_worker once stopped
	foreign_message
'

three_machines() {
	with_machines m1 m2 m3
	server m1
	queues m1 m2 m3
	workers m1 m2 m3
	send_jobs m1 1 150
	send_jobs m2 151 300
	send_jobs m3 301 450
	all_done 120 1 450
	for sender in m1 m2 m3; do
		ends sender-$sender 0 20
		# it is one queue: each machine does some
		[ -s $sender.effects ] || fail "$sender did nothing"
	done
	close_all m1 m2 m3
	all_done 0 1 450
}

# What its bridge has received must not stay there forever.
machine_without_workers() {
	with_machines m1 m2
	server m1
	queues m1 m2
	send_jobs m1 1 100
	worker m2
	all_done 120 1 100
}

# R2, where one machine sends and one receives.
order_of_one_sender() {
	with_machines m1 m2
	server m1
	bridge m1 --send
	bridge m2 --recv
	worker m2
	send_jobs m1 1 400
	all_done 120 1 400
	sort -n m2.effects | cmp - m2.effects
}

is_full() {
	stream_has 8 && has_on m1 jobs.send senders_waiting 1
}

# R4: the stream, of 8 messages, is full, then the sending channel.
full_stream_blocks() {
	bridge_options='--cap 16 --size 4096 --capacity 8'
	with_machines m1 m2
	server m1
	bridge m1 --send
	send_jobs m1 1 200
	within 60 is_full
	is_running sender-m1 || fail 'the sender did not block'
	[ "$(on m1 gochan info jobs.send len)" -le 16 ] || fail 'more than fits'
	is "$(get "$(servers)" JOBS capacity)" 8
	bridge m2 --recv
	worker m2
	all_done 120 1 200
	ends sender-m1 0 20
}

sizes() {
	bridge_options='--cap 4 --size 65536'
	with_machines m1 m2
	server m1
	bridge m1 --send
	bridge m2 --recv
	seq 20000 | head -c 65536 >largest
	on m1 gochan send jobs.send '' x ''
	on m1 gochan send jobs.send --whole <largest
	expect 1 on m1 sh -c 'head -c 65537 /dev/zero | gochan send jobs.send --whole'
	on m1 gochan send jobs.send last
	printf '\0x\0\0' >expected
	expect 0 on m2 gochan recv jobs -0 -n 3 --timeout 60
	cmp out expected
	expect 0 on m2 gochan recv jobs -n 1 --raw --timeout 60
	cmp out largest
	expect 0 on m2 gochan recv jobs -n 1 --timeout 60
	prints last
}

# Nothing comes back to the machine that only sends, or goes out from one that only receives.
send_and_recv() {
	with_machines m1 m2
	server m1
	bridge m1 --send
	bridge m2 --recv
	expect 1 on m2 gochan info jobs.send
	worker m2
	send_jobs m1 1 50
	all_done 60 1 50
	on m1 gochan close jobs.send
	ends bridge-m1 0 60
	ends bridge-m2 0 60
	ends worker-m2 0 20
}

# R5: senders fail everywhere; receivers drain what is inside, and then see the end.
closed_on_one_machine() {
	with_machines m1 m2 m3
	server m1
	queues m1 m2 m3
	# the stream has room for them and the close marker
	send_jobs m1 1 30
	ends sender-m1 0 60
	on m1 gochan close jobs.send
	within 60 has_on m2 jobs.send closed yes
	within 60 has_on m3 jobs.send closed yes
	expect 3 on m2 gochan send jobs.send 1
	is_running bridge-m1
	is_running bridge-m3
	workers m1 m2 m3
	for machine in m1 m2 m3; do
		ends bridge-$machine 0 90
		ends worker-$machine 0 20
	done
	all_done 0 1 30
	is "$(get "$(servers)" JOBS sealed)" yes
}

closed_with_nothing_inside() {
	with_machines m1 m2
	server m1
	queues m1 m2
	workers m1 m2
	close_all m1 m2
	# a bridge that starts later
	start_bridge m1 --queue
	ends bridge-m1 0 60
	expect 3 on m1 gochan send jobs.send 1
}

# A worker that returns a job is one delivery more on its machine, and none elsewhere.
# A message that was sent on a machine that was cut off is neither lost nor forgotten.
closed_too_early() {
	with_machines m1 m2
	server m1
	queues m1
	workers m1
	expect 0 on m2 gochan make jobs.send --ack --cap 4 --size 4096
	expect 0 on m2 gochan send jobs.send 1
	close_all m1
	start_bridge m2 --queue
	ends bridge-m2 1 60
	grep -q '1 messages came too late for the stream' bridge-m2.err || fail 'said nothing'
	is "$(on m2 gochan info jobs.send len)" 1
}

requeued_by_a_worker() {
	with_machines m1 m2
	server m1
	bridge m1 --send
	bridge m2 --recv
	send_jobs m1 1 5
	# while no worker waits, one is fetched
	within 60 has_on m2 jobs len 1
	expect 1 on m2 timeout 60 gochan each jobs -k -- false
	worker m2
	all_done 60 1 5
}

# make_channels MACHINE: those that a bridge with --queue uses.
make_channels() {
	on "$1" gochan make jobs.send --ack --cap 64
	on "$1" gochan make jobs.done --cap 64 --size 24
	on "$1" gochan make jobs --ack --cap 64 --done jobs.done
}

# A bridge ends when what there is was moved, and what it has received is acknowledged.
once() {
	with_machines m1 m2
	server m1
	make_channels m1
	make_channels m2
	send_jobs m1 1 30
	ends sender-m1 0 20
	start_bridge m1 --send --once
	ends bridge-m1 0 60
	is "$(in_stream)" 30
	worker m2
	start_bridge m2 --recv --once
	ends bridge-m2 0 60
	all_done 0 1 30
	is "$(in_stream)" 0
	is_running worker-m2 || fail 'the channel was closed'
}

# SIGTERM ends a bridge in good order: what it has is done once.
stopped() {
	with_machines m1 m2
	server m1
	queues m1 m2
	workers m1 m2
	send_jobs m2 1 300
	for count in 50 100 150; do
		within 60 has_effects $count
		for machine in m1 m2; do
			kill -TERM "$(pid bridge-$machine)"
			ends bridge-$machine 0 30
			bridge $machine --queue
		done
	done
	all_done 120 1 300
}

# A message in the receiving channel that has not come over the bridge: nothing is fetched to
# wait behind it while there is no worker.
foreign_message() {
	bridge_options='--cap 16 --size 4096 --capacity 40 --ack-wait 2'
	with_machines m1
	server m1
	bridge m1 --queue
	on m1 gochan send jobs 21
	send_jobs m1 1 20
	within 60 stream_has 20
	within 60 has_passed $(($(uptime_s) + 12))
	is "$(on m1 gochan info jobs len)" 1
	worker m1
	all_done 60 1 21
}

# shellcheck source-path=SCRIPTDIR source=jobs.sh
. "$(dirname "$0")/jobs.sh"
run_tests "$@"
