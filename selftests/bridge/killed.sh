#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# Servers, bridges, workers and machines die while jobs go over a bridge. No job is lost, and
# only the faults that may do so cause jobs to be done twice. Arguments choose tests.

# shellcheck disable=SC2034 # for run_tests
tests='
	server_killed idle_bridges_reconnect server_away_at_the_start consumer_deleted
	consumer_deleted_of_one never_delivered bridges_killed sending_bridge_killed
	worker_killed machine_dead machine_frozen
'

# The bridges do not end; they connect again.
server_killed() {
	with_machines m1 m2 m3
	server m1
	queues m2 m3
	workers m2 m3
	send_jobs m2 1 200
	send_jobs m3 201 400
	for count in 60 200; do
		within 90 has_effects $count
		kill_server m1
		restart_server m1
	done
	all_done 180 1 400 400
	is_running bridge-m2
	is_running bridge-m3
	close_all m2 m3
}

has_reconnected() {
	grep -q 'connected again' "bridge-$1.err" || is_over "bridge-$1"
}

# Those that have not moved anything yet as well.
idle_bridges_reconnect() {
	with_machines m1 m2 m3
	server m1
	queues m2 m3
	kill_server m1
	restart_server m1
	for machine in m2 m3; do
		within 60 has_reconnected $machine
		is_running bridge-$machine || fail "the bridge of $machine ended"
	done
	workers m2 m3
	send_jobs m2 1 50
	all_done 60 1 50
	close_all m2 m3
}

# While there is no server, senders fill the sending channel and block.
server_away_at_the_start() {
	with_machines m1 m2
	server m1
	queues m2
	kill_server m1
	send_jobs m2 1 100
	within 60 has_on m2 jobs.send senders_waiting 1
	is_running bridge-m2
	restart_server m1
	worker m2
	all_done 120 1 100
}

# A bridge makes it again within two seconds; what is in progress is delivered again.
consumer_deleted() {
	with_machines m1 m2
	server m1
	queues m1 m2
	workers m1 m2
	send_jobs m1 1 300
	for count in 50 150; do
		within 60 has_effects $count
		within 60 nats "$(url m1)" forget JOBS
	done
	all_done 120 1 300 64
	grep -q 'the consumer of stream JOBS is gone; it was made again' bridge-m?.err ||
		fail 'nobody has made it'
}

# A bridge knows what it has in progress, and what it has acknowledged.
consumer_deleted_of_one() {
	with_machines m1
	server m1
	bridge m1 --queue
	worker m1
	send_jobs m1 1 300
	for count in 50 150; do
		within 60 has_effects $count
		within 60 nats "$(url m1)" forget JOBS
	done
	all_done 120 1 300
}

# What the stream has, but would deliver to nobody, is published again.
never_delivered() {
	with_machines m1 m2
	server m1
	bridge m2 --send
	send_jobs m2 1 10
	ends sender-m2 0 30
	within 30 stream_has 10
	last=$(nats "$(url m1)" strand JOBS 40 10)
	[ "$last" -lt 10 ] || fail 'all are acknowledged'
	seq 2 "$last" >strand.effects
	is "$(in_stream)" $((11 - last))
	bridge m1 --recv
	worker m1
	all_done 60 1 10
	within 30 stream_has 0
	grep -q 'had 1 messages that it would not have delivered' bridge-m1.err ||
		fail 'the bridge has not published it again'
}

# random BELOW
random() {
	echo $(($(od -An -N2 -tu2 /dev/urandom) % $1))
}

# The channels stay, with what is in them, and the next bridge takes over.
bridges_killed() {
	bridge_options='--cap 16 --size 4096 --capacity 40 --ack-wait 4'
	with_machines m1 m2 m3
	server m1
	queues m1 m2 m3
	workers m1 m2 m3
	send_jobs m1 1 300
	send_jobs m2 301 600
	for _ in 1 2 3 4 5 6 7 8; do
		count=$(($(effects) + $(random 60)))
		[ $count -lt 600 ] || break
		within 90 has_effects $count
		victim=m$(($(random 3) + 1))
		stop bridge-$victim KILL
		bridge $victim --queue
	done
	all_done 180 1 600 600
	ends sender-m1 0 20
	ends sender-m2 0 20
	close_all m1 m2 m3
}

# Where only the sending side dies, the message IDs suppress duplicates, also if the channel has
# got another mode and name meanwhile.
sending_bridge_killed() {
	with_machines m1 m2
	server m1
	bridge m1 --send
	bridge m2 --recv
	worker m2
	send_jobs m1 1 400
	for _ in 1 2 3 4 5 6 7 8; do
		count=$(($(effects) + 1 + $(random 40)))
		[ $count -lt 400 ] || break
		within 90 has_effects $count
		stop bridge-m1 KILL
		on m1 chmod 660 /dev/gochans/jobs.send
		on m1 mv /dev/gochans/jobs.send /dev/gochans/moved
		on m1 mv /dev/gochans/moved /dev/gochans/jobs.send
		bridge m1 --send
	done
	all_done 180 1 400
}

# R21, over two machines: the worker's job has its effect again, and no other.
worker_killed() {
	with_machines m1 m2
	server m1
	bridge m1 --send
	bridge m2 --recv
	send_jobs m1 1 100
	worker m2 -k 20
	ends worker-m2 137 60
	worker m2
	all_done 90 1 100 1
	is "$doubled" 1
}

# A machine dies with jobs that it has leased, and others that wait there.
machine_dead() {
	bridge_options='--cap 16 --size 4096 --capacity 40 --ack-wait 6'
	with_machines m1 m2 m3
	server m1
	bridge m1 --send
	queues m2 m3
	worker m3 -b 10
	send_jobs m1 1 100
	within 60 has_on m3 jobs leased 1
	within 60 has_lines m3.effects 10
	power_off m3
	worker m2
	all_done 120 1 100 10
	power_on m3
	bridge m3 --queue
	worker m3
	close_all m2 m3
	ends bridge-m1 0 60
}

# A machine that stops for longer than --ack-wait goes on as if nothing had happened.
machine_frozen() {
	bridge_options='--cap 16 --size 4096 --capacity 40 --ack-wait 4'
	with_machines m1 m2 m3
	server m1
	bridge m1 --send
	bridge m2 --recv
	bridge m3 --recv
	worker m3 -d 20
	send_jobs m1 1 150
	within 60 test -s m3.effects
	freeze m3
	worker m2
	within 90 stream_has 0
	thaw m3
	all_done 60 1 150 150
}

# shellcheck source-path=SCRIPTDIR source=jobs.sh
. "$(dirname "$0")/jobs.sh"
run_tests "$@"
