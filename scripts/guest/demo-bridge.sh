#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# The demonstration of the bridge, which runs in the guest: three machines, which are network
# namespaces, and a queue over all of them. A worker and then the server are killed, and the
# sum of the results comes out right. Exits with 0 only if it does.
set -eu

# shellcheck disable=SC2034 # for with_machines
test=demo
# shellcheck source-path=SCRIPTDIR/../../selftests/bridge source=jobs.sh
. "$(dirname "$0")/jobs.sh"

jobs=300

say() {
	printf '%s\n' "$*"
}

title() {
	printf '\n== %s\n\n' "$*"
}

# A job is a number, and its result the square, in a file of that name, which appears complete:
# so it does no harm if a job is done twice.
write_worker() {
	mkdir results
	cat >square <<-'END'
		#!/bin/sh
		read -r number
		usleep 50000
		echo $((number * number)) >"results/new.$number.$$"
		mv "results/new.$number.$$" "results/$number"
	END
	chmod +x square
}

start_workers() {
	for each; do
		start "worker-$each" "$each" gochan each jobs -j 2 -k -- ./square
	done
}

has_results() {
	count=$(find results -name '[0-9]*' | wc -l)
	ls results >&2
	[ "$count" -ge "$1" ]
}

show_machines() {
	for each in m1 m2 m3; do
		say "  $each: $(on "$each" gochan info jobs received) jobs begun," \
			"$(on "$each" gochan info jobs requeued) requeued"
	done
}

check_sum() {
	is=$(cat results/[0-9]* | awk '{ sum += $1 } END { print sum }')
	wanted=$((jobs * (jobs + 1) * (2 * jobs + 1) / 6))
	say "  The sum of the squares of 1 to $jobs is $is."
	[ "$is" = $wanted ] || fail "it should be $wanted"
}

with_machines m1 m2 m3
write_worker

title 'Three machines, and a server of NATS on the first'
server m1
queues m1 m2 m3
for each in m1 m2 m3; do
	say "  $each\$ gochan bridge jobs nats://10.0.0.1/JOBS --queue --cap 16 &"
done
start_workers m1 m2 m3
for each in m1 m2 m3; do
	say "  $each\$ gochan each jobs -j 2 -- ./square &"
done
say "  m1\$ seq $jobs | gochan send jobs.send"
send_jobs m1 1 $jobs
within 60 has_results 30

title 'A worker is killed'
say '  m2: kill -KILL the gochan each that runs the jobs'
stop worker-m2 KILL
say '  The kernel requeues what it had, and a new worker gets it.'
start_workers m2
within 60 has_results 90

title 'The server is killed, and started again'
say '  m1: kill -KILL nats-server'
kill_server m1
say '  The workers go on with what their machines have, and the bridges connect again.'
restart_server m1
within 60 has_results $jobs

title 'The queue is closed on one machine'
say '  m1$ gochan close jobs.send'
on m1 gochan close jobs.send
for each in m1 m2 m3; do
	ends "bridge-$each" 0 90
	ends "worker-$each" 0 30
done
say '  All bridges and workers have ended.'
say
show_machines
check_sum
