#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# A cluster of three servers with a replicated stream: the bridges go on while one of them is
# away. Arguments choose tests.

# shellcheck disable=SC2034 # for run_tests
tests='leader_killed leader_cut_off every_server_once'

# A bridge on each machine, all of which know all servers.
start_cluster() {
	with_machines m1 m2 m3
	stream_url=nats://10.0.0.1,10.0.0.2,10.0.0.3/JOBS
	bridge_options='--cap 16 --size 4096 --capacity 40 --ack-wait 10 --replicas 3'
	cluster
	queues m1 m2 m3
	is "$(get "$(servers)" JOBS replicas)" 3
	within 60 has "$(servers)" JOBS current 3
	workers m1 m2 m3
}

leader_killed() {
	start_cluster
	send_jobs m1 1 200
	send_jobs m2 201 400
	within 90 has_effects 60
	leader=$(leader JOBS)
	kill_server "$leader"
	within 90 has_other_leader JOBS "$leader"
	within 120 has_effects 200
	restart_server "$leader"
	all_done 180 1 400 400
	within 120 has "$(servers)" JOBS current 3
	close_all m1 m2 m3
}

# With its machine, and so with a bridge and a worker, which end up without a server.
leader_cut_off() {
	start_cluster
	leader=$(leader JOBS)
	others=$(echo m1 m2 m3 | sed "s/$leader//")
	sender=${others# }
	sender=${sender%% *}
	send_jobs "$sender" 1 300
	within 90 has_effects 60
	cut_link "$leader"
	within 120 has_effects 200
	heal_link "$leader"
	all_done 180 1 300 300
	within 120 has "$(servers)" JOBS current 3
	close_all m1 m2 m3
}

every_server_once() {
	start_cluster
	send_jobs m1 1 500
	for machine in m1 m2 m3; do
		within 120 has_effects $((${machine#m} * 100))
		kill_server $machine
		restart_server $machine
		within 120 has "$(servers)" JOBS current 3
	done
	all_done 180 1 500 500
	close_all m1 m2 m3
}

# shellcheck source-path=SCRIPTDIR source=jobs.sh
. "$(dirname "$0")/jobs.sh"
run_tests "$@"
