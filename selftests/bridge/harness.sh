#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# What the tests of the bridge rest on: machines, links and servers do what machines.sh and
# servers.sh say. Arguments choose tests.

# shellcheck disable=SC2034 # for run_tests
tests='
	channels_of_their_own machines_reach_each_other link_cut loss_and_delay power freezing
	server_restarts cluster_replicates cluster_survives_leader
'

reaches() {
	on "$1" ping -c 1 -W 1 "$(address "$2")"
}

is_unreachable() {
	! reaches "$@"
}

channels_of_their_own() {
	with_machines m1 m2
	on m1 gochan make jobs --cap 4
	on m2 gochan make jobs --cap 8
	is "$(on m1 gochan info jobs capacity)" 4
	is "$(on m2 gochan info jobs capacity)" 8
	expect 1 gochan info jobs
}

machines_reach_each_other() {
	with_machines m1 m2 m3
	within 20 reaches m1 m2
	within 20 reaches m2 m3
	within 20 ping -c 1 -W 1 10.0.0.3
}

link_cut() {
	with_machines m1 m2 m3
	within 20 reaches m1 m2
	cut_link m2
	within 20 is_unreachable m1 m2
	within 20 reaches m1 m3
	heal_link m2
	within 20 reaches m1 m2
}

loss_and_delay() {
	with_machines m1 m2
	within 20 reaches m1 m2
	shape m2 delay 150ms
	# there and back
	on m1 ping -c 1 -W 2 10.0.0.2 >out
	[ "$(sed -n 's/.*time=\([0-9]*\)[. ].*/\1/p' out)" -ge 300 ] || fail "$(cat out)"
	shape m2 loss 100%
	expect 1 on m1 ping -c 2 -W 1 10.0.0.2
	unshape m2
	within 20 reaches m1 m2
}

power() {
	with_machines m1 m2
	on m2 gochan make jobs --cap 4
	start sleeper m2 sleep 1000
	power_off m2
	is_over sleeper || fail 'a process survives'
	within 20 is_unreachable m1 m2
	power_on m2
	within 20 reaches m1 m2
	expect 1 on m2 gochan info jobs
}

freezing() {
	with_machines m1
	start counter m1 sh -c 'while :; do echo; usleep 1000; done'
	within 20 test -s counter.out
	freeze m1
	size=$(wc -c <counter.out)
	usleep 200000
	is "$(wc -c <counter.out)" "$size"
	thaw m1
	within 20 sh -c "[ \$(wc -c <counter.out) -gt $size ]"
}

server_restarts() {
	with_machines m1
	server m1
	nats "$(url m1)" make JOBS messages=7
	nats "$(url m1)" publish gochan.JOBS 5 100
	is "$(get "$(url m1)" JOBS capacity)" 7
	kill_server m1
	! nats "$(url m1)" ready 2>/dev/null || fail 'the server still runs'
	restart_server m1
	is "$(get "$(url m1)" JOBS messages)" 5
	expect 1 nats "$(url m1)" publish gochan.JOBS 3 100
	is "$(get "$(url m1)" JOBS messages)" 7
}

cluster_replicates() {
	with_machines m1 m2 m3
	cluster
	nats "$all_servers" make JOBS replicas=3
	nats "$all_servers" publish gochan.JOBS 10 100
	within 60 has "$all_servers" JOBS current 3
	for machine in m1 m2 m3; do
		is "$(get "$(url $machine)" JOBS messages)" 10
	done
}

cluster_survives_leader() {
	with_machines m1 m2 m3
	cluster
	nats "$all_servers" make JOBS replicas=3
	nats "$all_servers" publish gochan.JOBS 10 100
	within 60 has "$all_servers" JOBS current 3
	first=$(leader JOBS)
	kill_server "$first"
	within 60 has_other_leader JOBS "$first"
	is "$(get "$all_servers" JOBS messages)" 10
	nats "$all_servers" publish gochan.JOBS 10 100
	restart_server "$first"
	within 60 has "$all_servers" JOBS current 3
	is "$(get "$(url "$first")" JOBS messages)" 20
}

# shellcheck source-path=SCRIPTDIR source=servers.sh
. "$(dirname "$0")/servers.sh"
run_tests "$@"
