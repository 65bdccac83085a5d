#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# Jobs that go over a bridge: numbers, sent into jobs.send of any machine, and received from
# its channel jobs. Workers append the number of each job to a file, MACHINE.effects, before
# they acknowledge it. That is the effect which is counted: none may be missing.

# shellcheck source-path=SCRIPTDIR source=servers.sh
. "$(dirname "$0")/servers.sh"

# Notes are among the results.
exec 3>&1

# Where the bridges find the stream, and their options; tests may change this. Small channels
# keep senders busy until the end.
stream_url=nats://10.0.0.1/JOBS
bridge_options='--cap 16 --size 4096 --capacity 40 --ack-wait 10'

# start_bridge MACHINE MODE [OPTION...]: of jobs, and of jobs.send if it is sent from here.
start_bridge() {
	bridged=$1 channel=jobs
	shift
	[ "$1" != --send ] || channel=jobs.send
	# shellcheck disable=SC2086 # split into words
	start "bridge-$bridged" "$bridged" gochan bridge $channel "$stream_url" $bridge_options "$@"
}

# It has connected, and made what was missing; or it has failed.
is_ready() {
	grep -q 'bridged to' "bridge-$1.err" || is_over "bridge-$1"
}

wait_for_bridge() {
	within 60 is_ready "$1"
	is_running "bridge-$1" || fail "the bridge of $1 ended: $(cat "bridge-$1.err")"
}

# bridge MACHINE MODE [OPTION...]: start one, which makes its channels.
bridge() {
	start_bridge "$@"
	wait_for_bridge "$1"
}

# refused STATUS PATTERN ARGUMENT...: a bridge on m1; what it logs matches the pattern.
refused() {
	wanted_status=$1 pattern=$2
	shift 2
	expect "$wanted_status" on m1 timeout 90 gochan bridge "$@"
	grep -qE "^gochan bridge: .*($pattern)" err ||
		fail "$*: it said '$(cat err)', not '$pattern'"
}

# queues MACHINE...: a bridge on each of these
queues() {
	for queue; do
		start_bridge "$queue" --queue
	done
	for queue; do
		wait_for_bridge "$queue"
	done
}

# send_jobs MACHINE FIRST LAST: in the background, as sender-MACHINE.
send_jobs() {
	# shellcheck disable=SC2016 # expanded by the other shell
	start "sender-$1" "$1" sh -c 'seq "$1" "$2" | gochan send jobs.send' - "$2" "$3"
}

# send_long_jobs MACHINE FIRST LAST: each of 3000 bytes: its number, a space and filler.
send_long_jobs() {
	# shellcheck disable=SC2016 # expanded by the other shell
	start "sender-$1" "$1" sh -c '
		filler=$(head -c 3000 /dev/zero | tr "\0" x)
		seq "$1" "$2" | sed "s/\$/ $filler/" | gochan send jobs.send' - "$2" "$3"
}

# worker MACHINE [OPTION...]: start one, see worker.c.
worker() {
	working=$1
	shift
	start "worker-$working" "$working" "$here/worker" "$@" jobs "$PWD/$working.effects"
}

workers() {
	for each; do
		worker "$each"
	done
}

effects() {
	cat ./*.effects 2>/dev/null | wc -l
}

has_effects() {
	[ "$(effects)" -ge "$1" ]
}

# tally FIRST LAST: set lost, doubled (jobs that had their effect more than once) and wrong
# (numbers that are no jobs).
tally() {
	cat ./*.effects | awk -v first="$1" -v last="$2" '
		$1 < first || $1 > last { wrong++ }
		count[$1]++ == 1 { doubled++ }
		END {
			for (job = first; job <= last; job++)
				lost += !(job in count)
			print lost + 0, doubled + 0, wrong + 0
		}' >tally
	read -r lost doubled wrong <tally
	echo "$lost lost, $doubled doubled, $wrong wrong"
}

is_done() {
	tally "$@"
	[ "$lost" = 0 ]
}

# The stream has no job that may be delivered again.
is_settled() {
	[ "$(nats "$(servers)" consumer JOBS left)" = 0 ]
}

# all_done SECONDS FIRST LAST [DOUBLED]: every job has had its effect in time, and no more
# than so many more than once. How many that were is noted.
all_done() {
	within "$1" is_done "$2" "$3"
	within 60 is_settled
	tally "$2" "$3"
	[ "$wrong" = 0 ] || fail "$wrong numbers are no jobs"
	note "$doubled of $(($3 - $2 + 1)) jobs had their effect more than once"
	[ "$doubled" -le "${4:-0}" ] || fail "$doubled jobs had their effect more than once"
}

# note TEXT: print it beside the results of the tests.
note() {
	# shellcheck disable=SC2154 # of run_tests
	echo "# $test: $*" >&3
}

# ---- the stream and the channels ------------------------------------------------

# The servers, for the client.
servers() {
	echo "${stream_url%/*}" | sed 's|,|,nats://|g'
}

in_stream() {
	get "$(servers)" JOBS messages
}

stream_has() {
	[ "$(in_stream)" = "$1" ]
}

# has_on MACHINE CHANNEL FIELD VALUE: of "gochan info".
has_on() {
	[ "$(on "$1" gochan info "$2" "$3")" = "$4" ]
}

print_more() {
	echo '--- the stream'
	nats "$(servers)" show JOBS || :
	for machine in m1 m2 m3; do
		[ ! -d "$groups/$machine" ] || on "$machine" gochan ls || :
	done
}

# close_all MACHINE...: close the channel on the first machine; then all bridges and workers
# end.
close_all() {
	on "$1" gochan close jobs.send
	for closing; do
		ends "bridge-$closing" 0 90
		ends "worker-$closing" 0 30
	done
}
