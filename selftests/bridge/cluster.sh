#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# A cluster of three servers with a replicated stream: the bridges go on while one of them is
# away. Arguments choose tests.
#
# nats-server 2.9 may lose jobs that it has confirmed when a leader dies, also those of other
# clients. So each server is listened to, and a job without effect is a failure unless it was
# confirmed and never delivered to any bridge.

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
	record_jobs
	workers m1 m2 m3
}

# record_jobs: all that passes the servers and has to do with jobs
record_jobs() {
	for machine in m1 m2 m3; do
		start record-$machine $machine "$here/nats" "$(url $machine)" record JOBS
	done
	for machine in m1 m2 m3; do
		within 60 grep -q recording record-$machine.out
	done
}

# lost_jobs FIRST LAST: without effect
lost_jobs() {
	cat ./*.effects >effects
	seq "$1" "$2" | grep -vxF -f effects || :
}

# lost_by_servers JOB: they have confirmed it, and delivered it to nobody.
lost_by_servers() {
	cat record-m?.out >record
	awk -v job="$1" '
		$1 == "gochan.JOBS" && $3 == job {
			if ($2 ~ /^\$JS\.ACK/)
				delivered = 1
			else
				asked[$2] = 1
		}
		NR > FNR && $1 in asked && /"seq":/ { confirmed = 1 }
		END { exit !confirmed || delivered }' record record
}

# Each job has had its effect, or the servers, which have none left, have lost it.
is_accounted() {
	tally "$@"
	[ "$lost" != 0 ] || return 0
	is_settled || return 1
	for job in $(lost_jobs "$@"); do
		lost_by_servers "$job" || return 1
	done
}

# all_accounted SECONDS FIRST LAST DOUBLED: as all_done, but for what the servers have lost.
all_accounted() {
	within "$1" is_accounted "$2" "$3"
	tally "$2" "$3"
	[ "$lost" = 0 ] || note "the servers have lost $lost jobs that they had confirmed:" \
		"$(lost_jobs "$2" "$3" | tr '\n' ' ')"
	[ "$wrong" = 0 ] || fail "$wrong numbers are no jobs"
	note "$doubled of $(($3 - $2 + 1)) jobs had their effect more than once"
	[ "$doubled" -le "$4" ] || fail "$doubled jobs had their effect more than once"
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
	all_accounted 180 1 400 400
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
	all_accounted 180 1 300 300
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
	all_accounted 180 1 500 500
	close_all m1 m2 m3
}

# shellcheck source-path=SCRIPTDIR source=jobs.sh
. "$(dirname "$0")/jobs.sh"
run_tests "$@"
