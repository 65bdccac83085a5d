#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# What becomes of the rules of channels across machines, beside those which the other
# programs test. Arguments choose tests.

# shellcheck disable=SC2034 # for run_tests
tests='
	no_hangup waiters_in_order send_gives_up bad_memory fixed_size nonblocking
	nonblocking_calls polling polling_calls selecting batch no_file_passing credentials
	account_limit dead_letter
'

# one_way: what is sent on m1 is received on m2.
one_way() {
	with_machines m1 m2
	server m1
	bridge m1 --send
	bridge m2 --recv
}

calls() {
	with_machines m1 m2
	server m1
	bridge_options='--cap 1 --size 4096'
	bridge m1 --call
	bridge m2 --call
}

# make_channels OPTION...: jobs.send on m1, and jobs on m2.
make_channels() {
	on m1 gochan make jobs.send --ack "$@"
	on m2 gochan make jobs.done --cap 16 --size 24
	on m2 gochan make jobs --ack --done jobs.done "$@"
}

# R6: that the last sender or receiver of a machine is gone is not seen on others.
no_hangup() {
	with_machines m1 m2
	server m1
	make_channels --cap 4 --hangup
	bridge m1 --send
	bridge m2 --recv
	expect 0 on m1 gochan send jobs.send first
	expect 0 on m2 gochan recv jobs -n 1 --timeout 30
	prints first
	expect 4 on m2 gochan recv jobs -n 1 --timeout 1
	expect 0 on m1 gochan send jobs.send second
	expect 0 on m2 gochan recv jobs -n 1 --timeout 30
	prints second
}

# waiting_sender NAME NUMBER COUNT: it is one of so many that wait on m1.
waiting_sender() {
	start "$1" m1 gochan send jobs.send "$2"
	within 30 has_on m1 jobs.send senders_waiting "$3"
}

# R7: on each machine, waiters are served in FIFO order.
waiters_in_order() {
	with_machines m1 m2
	server m1
	make_channels --cap 1
	on m1 gochan send jobs.send 1
	waiting_sender second 2 1
	waiting_sender third 3 2
	waiting_sender fourth 4 3
	start receiver-1 m2 gochan recv jobs -n 1
	within 30 has_on m2 jobs receivers_waiting 1
	start receiver-2 m2 gochan recv jobs -n 1
	within 30 has_on m2 jobs receivers_waiting 2
	bridge m1 --send
	bridge m2 --recv
	ends receiver-1 0 30
	ends receiver-2 0 30
	is "$(cat receiver-1.out receiver-2.out)" "$(seq 2)"
	worker m2
	within 60 is_done 3 4
	is "$(cat m2.effects)" "$(seq 3 4)"
}

# R8: what a sender has given up goes nowhere.
send_gives_up() {
	with_machines m1 m2
	server m1
	make_channels --cap 1
	on m1 gochan send jobs.send 1
	expect 4 on m1 gochan send jobs.send 99 --timeout 0.5
	start killed m1 gochan send jobs.send 98
	within 30 has_on m1 jobs.send senders_waiting 1
	stop killed KILL
	bridge m1 --send
	bridge m2 --recv
	worker m2
	expect 0 on m1 gochan send jobs.send 2
	all_done 60 1 2
}

# R9: a fault on either side loses nothing.
bad_memory() {
	one_way
	expect 0 on m1 "$here/ops" bad-send jobs.send
	expect 0 on m1 gochan send jobs.send hello
	expect 0 on m2 timeout 60 "$here/ops" bad-recv jobs
	expect 0 on m2 gochan recv jobs -n 1 --timeout 30
	prints hello
	expect 4 on m2 gochan recv jobs -n 1 --timeout 1
}

# R11: messages of another length are put off, and hold up no others.
fixed_size() {
	with_machines m1 m2
	server m1
	make_channels --cap 4 --fixed --size 8
	bridge m1 --send
	bridge m2 --recv
	nats "$(url m1)" publish gochan.JOBS 1 5
	expect 0 on m1 gochan send jobs.send 12345678
	expect 0 on m2 gochan recv jobs -n 1 --timeout 60
	prints 12345678
	grep -q 'a message of 5 bytes.*does not fit into the channel' bridge-m2.err ||
		fail "$(cat bridge-m2.err)"
	within 30 has "$(url m1)" JOBS messages 1
}

is_received() {
	on m2 gochan recv jobs -n 1 --timeout 0 >received
}

# R12: as on one machine, once the message is there.
nonblocking() {
	one_way
	expect 4 on m2 gochan recv jobs -n 1 --timeout 0
	expect 0 on m1 gochan send jobs.send hello --timeout 0
	within 60 is_received
	is "$(cat received)" hello
}

# The bridge waits in one direction only: two that never wait do not meet.
nonblocking_calls() {
	calls
	start receiver m2 gochan recv jobs -n 1
	within 30 has_on m2 jobs receivers_waiting 1
	expect 4 on m1 gochan send jobs.send hello --timeout 0
	expect 0 on m1 gochan send jobs.send hello --timeout 60
	ends receiver 0 30
	start sender m1 gochan send jobs.send again
	within 30 has_on m1 jobs.send senders_waiting 1
	expect 4 on m2 gochan recv jobs -n 1 --timeout 0
	expect 0 on m2 gochan recv jobs -n 1 --timeout 60
	ends sender 0 30
}

# R13: also a machine whose workers only poll gets messages.
polling() {
	one_way
	expect 0 on m1 "$here/ops" poll jobs.send out 0
	expect 4 on m2 "$here/ops" poll jobs in 0
	expect 0 on m1 gochan send jobs.send hello
	expect 0 on m2 "$here/ops" poll jobs in 60000
	expect 0 on m2 gochan recv jobs -n 1 --timeout 0
	prints hello
}

polling_calls() {
	calls
	start receiver m2 gochan recv jobs -n 1
	within 30 has_on m2 jobs receivers_waiting 1
	expect 4 on m1 "$here/ops" poll jobs.send out 1000
	start sender m1 gochan send jobs.send hello
	ends receiver 0 30
	ends sender 0 30
	start sender m1 gochan send jobs.send again
	within 30 has_on m1 jobs.send senders_waiting 1
	expect 4 on m2 "$here/ops" poll jobs in 1000
	expect 0 on m2 gochan recv jobs -n 1 --timeout 60
	ends sender 0 30
}

# R14: with a channel that has no bridge; each message once, from where it was sent.
selecting() {
	one_way
	on m2 gochan make local
	start selecting m2 gochan select jobs local -n 2
	within 30 has_on m2 local receivers_waiting 1
	expect 0 on m1 gochan send jobs.send far
	within 60 grep -q far selecting.out
	expect 0 on m2 gochan send local near --timeout 30
	ends selecting 0 30
	grep -q near selecting.out || fail "$(cat selecting.out)"
	expect 4 on m2 gochan recv jobs -n 1 --timeout 1
}

# R15: in order, as long as one machine receives.
batch() {
	one_way
	worker m2
	expect 0 on m1 "$here/ops" batch jobs.send 40
	all_done 60 1 40
	is "$(cat m2.effects)" "$(seq 40)"
}

# R16: the file stays behind.
no_file_passing() {
	calls
	start receiver m2 "$here/ops" take jobs
	within 30 has_on m2 jobs receivers_waiting 1
	expect 0 on m1 timeout 60 "$here/ops" pass jobs.send hello
	ends receiver 0 30
	is "$(cat receiver.out)" 'hello, no file'
}

# R17: the sender is the bridge.
credentials() {
	with_machines m1 m2
	server m1
	bridge_options='--cap 1 --size 256'
	on m2 "$here/ops" make-cred jobs
	bridge m1 --call
	bridge m2 --call
	start receiver m2 "$here/ops" who jobs
	within 30 has_on m2 jobs receivers_waiting 1
	expect 0 on m1 gochan send jobs.send hello --timeout 60
	ends receiver 0 30
	is "$(cat receiver.out)" "hello $(pid bridge-m2)"
}

# R19: where an account may store less than the stream could hold, senders wait as well.
account_limit() {
	with_machines m1 m2
	server m1 'accounts { JOBS: { users: [ { user: me, password: right } ]
		jetstream: { max_file: 64K, max_mem: 0 } } }
		no_auth_user: me'
	bridge_options='--cap 4 --size 4096 --capacity 1000'
	bridge m1 --send
	bridge m2 --recv
	send_long_jobs m1 1 100
	within 60 grep -q 'does not confirm messages' bridge-m1.err
	within 60 has_on m1 jobs.send senders_waiting 1
	is_running sender-m1 || fail 'the sender did not block'
	[ "$(in_stream)" -lt 25 ] || fail 'more than the account may store'
	worker m2
	all_done 120 1 100
}

# R21: what workers have returned too often is given up where that happens.
dead_letter() {
	with_machines m1 m2
	server m1
	bridge m1 --send
	on m2 gochan make jobs.dead --cap 4 --size 4096
	on m2 gochan make jobs.done --cap 16 --size 24
	on m2 gochan make jobs --ack --cap 4 --size 4096 --done jobs.done --deliveries 2 \
		--dead jobs.dead
	bridge m2 --recv
	expect 0 on m1 gochan send jobs.send hopeless
	start failing m2 gochan each jobs --backoff 0 -- false
	within 60 grep -q 'became a dead letter of the channel after 2 deliveries' bridge-m2.err
	stop failing TERM
	expect 0 on m2 gochan recv jobs.dead -n 1 --timeout 30
	prints hopeless
	within 30 stream_has 0
}

# shellcheck source-path=SCRIPTDIR source=jobs.sh
. "$(dirname "$0")/jobs.sh"
run_tests "$@"
