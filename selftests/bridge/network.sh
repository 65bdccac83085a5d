#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# Links of the machines are cut, delay and lose packets while jobs go over a bridge. Arguments
# choose tests.

# shellcheck disable=SC2034 # for run_tests
tests='
	loss_and_delay short_cut cut_receiver silent_cut cut_sender cut_server
	acknowledged_meanwhile blocked_write
'

# TCP copes with it: nothing is done twice.
loss_and_delay() {
	bridge_options='--cap 16 --size 4096 --capacity 40 --ack-wait 30'
	with_machines m1 m2 m3
	server m1
	queues m2 m3
	shape m2 loss 5% delay 10ms 5ms
	shape m3 loss 5% delay 10ms 5ms
	workers m2 m3
	send_jobs m2 1 150
	send_jobs m3 151 300
	all_done 180 1 300
	close_all m2 m3
}

# Shorter than --ack-wait, and the connection survives.
short_cut() {
	bridge_options='--cap 16 --size 4096 --capacity 40 --ack-wait 30'
	with_machines m1 m2
	server m1
	queues m2
	worker m2
	send_jobs m2 1 200
	within 60 has_effects 40
	cut_link m2
	heal_link m2
	all_done 120 1 200
}

# receiver_cut COMMAND...: jobs that a machine has are done by another one once --ack-wait is
# over, since the first one does not answer; then it comes back.
receiver_cut() {
	bridge_options='--cap 16 --size 4096 --capacity 40 --ack-wait 4'
	with_machines m1 m2 m3
	server m1
	bridge m1 --send
	bridge m2 --recv
	bridge m3 --recv
	worker m3 -b 5
	send_jobs m1 1 100
	within 60 has_on m3 jobs leased 1
	within 60 has_lines m3.effects 5
	"$@"
	worker m2
	within 90 stream_has 0
}

# The jobs in the channel of the machine that was cut off are done there, too.
cut_receiver() {
	receiver_cut cut_link m3
	heal_link m3
	stop worker-m3 KILL
	worker m3
	send_jobs m1 101 200
	all_done 90 1 200 60
	within 60 stream_has 0
	close_all_after_cut
}

silent_cut() {
	receiver_cut shape m3 loss 100%
	unshape m3
	stop worker-m3 KILL
	worker m3
	send_jobs m1 101 200
	all_done 90 1 200 60
	close_all_after_cut
}

close_all_after_cut() {
	on m1 gochan close jobs.send
	for closing in m1 m2 m3; do
		ends bridge-$closing 0 120
	done
	ends worker-m2 0 30
	ends worker-m3 0 30
}

# What was sent meanwhile arrives when the link is back, once.
cut_sender() {
	with_machines m1 m2 m3
	server m1
	bridge m2 --send
	bridge m3 --recv
	worker m3
	send_jobs m2 1 200
	within 60 has_effects 30
	cut_link m2
	within 60 has_on m2 jobs.send senders_waiting 1
	is_running bridge-m2
	heal_link m2
	all_done 120 1 200
}

# All bridges lose their server for longer than --ack-wait.
cut_server() {
	bridge_options='--cap 16 --size 4096 --capacity 40 --ack-wait 3'
	with_machines m1 m2 m3
	server m1
	queues m2 m3
	workers m2 m3
	send_jobs m2 1 200
	send_jobs m3 201 400
	within 60 has_effects 50
	cut_link m1
	# they cannot acknowledge, nor send, so that all come to rest
	within 60 has_on m2 jobs.send senders_waiting 1
	within 60 has_on m3 jobs.send senders_waiting 1
	heal_link m1
	all_done 180 1 400 100
	close_all m2 m3
}

# What workers acknowledge while there is no connection is acknowledged after it, and not only
# when it is delivered again. The server ends in good order, so it forgets nothing.
acknowledged_meanwhile() {
	bridge_options='--cap 16 --size 4096 --capacity 40 --ack-wait 300'
	with_machines m1 m2
	server m1
	queues m2
	send_jobs m2 1 10
	within 60 stream_has 10
	worker m2 -d 500
	within 60 has_effects 2
	stop nats-m1 TERM
	within 60 has_effects 10
	within 60 has_on m2 jobs.done len 0
	restart_server m1
	within 60 stream_has 0
	all_done 0 1 10
}

# has_sent COUNT: the stream has got so many.
has_sent() {
	[ "$(get "$(servers)" JOBS last)" -ge "$1" ]
}

# A link is cut while more is being sent than the socket has room for.
blocked_write() {
	bridge_options='--cap 256 --size 4096 --capacity 2000'
	with_machines m1 m2 m3
	server m1
	on m2 sh -c 'echo 4096 16384 16384 >/proc/sys/net/ipv4/tcp_wmem'
	bridge m2 --send
	bridge m3 --recv
	shape m2 delay 100ms
	send_long_jobs m2 1 1500
	within 60 has_sent 100
	cut_link m2
	within 60 grep -q 'the connection is lost' bridge-m2.err
	unshape m2
	heal_link m2
	worker m3
	all_done 180 1 1500 256
	ends sender-m2 0 60
}

# shellcheck source-path=SCRIPTDIR source=jobs.sh
. "$(dirname "$0")/jobs.sh"
run_tests "$@"
