#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# The benchmark of the bridge, which runs in the guest: m1 has the server, m2 the producer,
# and m3 the workers. Each point is measured with channels that are bridged and with a plain
# client of NATS that uses a stream of its own on the same server, in turn, ROUNDS times. A
# line for each measurement:
#
#   rate WAY SIZE WORKERS MESSAGES_PER_SECOND
#   latency WAY SIZE WORKERS MEDIAN_NS P99_NS
#
# WAY is bridge, or nats; or nats-asap, where the client sends each message at once.
#
#   bench.sh ROUNDS COUNT SIZES WORKERS
set -eu

# shellcheck disable=SC2034 # for with_machines
test=bench
# shellcheck source-path=SCRIPTDIR/../../../selftests/bridge source=jobs.sh
. "$(dirname "$0")/jobs.sh"

rounds=$1 count=$2 sizes=$3 workers=$4
url=nats://10.0.0.1

is_listening() {
	grep -q ready workers.out || is_over workers
}

# measure FROM TO COUNT SIZE WORKERS BATCH PAUSE_US [-a]: set rate, median and p99
measure() {
	# shellcheck disable=SC2086 # an option or nothing
	start workers m3 "$here/load" ${8:-} work "$2" "$3" "$5" "$6"
	within 60 is_listening
	# shellcheck disable=SC2086 # likewise
	began=$(on m2 "$here/load" ${8:-} produce "$1" "$3" "$4" "$6" "$7")
	ends workers 0 600
	tail -n 1 workers.out >result
	read -r last median p99 <result
	rate=$(awk -v n="$3" -v ns=$((last - began)) 'BEGIN { printf "%.0f", n / ns * 1e9 }')
}

# each_way PRINT COUNT SIZE WORKERS BATCH PAUSE_US
each_way() {
	print=$1
	shift
	measure jobs.send jobs "$@"
	$print bridge "$@"
	measure $url/PLAIN $url/PLAIN "$@"
	$print nats "$@"
	measure $url/PLAIN $url/PLAIN "$@" -a
	$print nats-asap "$@"
}

print_rate() {
	echo "rate $1 $3 $4 $rate"
}

print_latency() {
	echo "latency $1 $3 $4 $median $p99"
}

# Channels that have been used once, so that no bridge is idle. Their messages are no longer
# than necessary, but for the default of 4096 bytes.
start_bridges() {
	stream_url=$url/JOBS$1
	bridge_options="--cap 256 --capacity 65536 --size $(($1 < 4096 ? 4096 : $1))"
	bridge m2 --send
	bridge m3 --recv
	measure jobs.send jobs 500 "$1" 1 64 0
}

end_bridges() {
	stop bridge-m2 TERM
	stop bridge-m3 TERM
	on m2 gochan rm jobs.send
	on m3 gochan rm jobs jobs.done
}

with_machines m1 m2 m3
server m1
nats $url make PLAIN messages=65536
measure $url/PLAIN $url/PLAIN 500 64 1 64 0
while [ "$rounds" -gt 0 ]; do
	for size in $sizes; do
		start_bridges "$size"
		for n in $workers; do
			each_way print_rate "$count" "$size" "$n" 64 0
			each_way print_latency 100 "$size" "$n" 1 20000
		done
		end_bridges
	done
	rounds=$((rounds - 1))
done
