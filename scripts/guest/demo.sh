#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# The demonstration, which runs in the guest: a pipeline of processes, a handoff, a worker
# that is killed in the middle of a job, and a channel as a device file. Exits with 0 only
# if all messages arrived as expected.
set -eu

text=/usr/share/gochan/demo.txt
work=$(mktemp -d)
cd "$work"

title() {
	printf '\n== %s\n\n' "$*"
}

say() {
	printf '%s\n' "$*"
}

# Print a command as typed at a prompt, and run it.
show() {
	say "  \$ $*"
	eval "$*"
}

fail() {
	say "demo: $*" >&2
	exit 1
}

# Wait until a field of "gochan info" has the given value, to know that a process blocks.
wait_for_info() {
	tries=1000
	until [ "$(gochan info "$1" "$2")" = "$3" ]; do
		tries=$((tries - 1))
		[ $tries != 0 ] || fail "$1: $2 did not become $3"
		usleep 10000
	done
}

# A worker's result for the job "7 some words of text" is "7 4 worker-1".
count_words() {
	set -f
	while read -r number line; do
		# shellcheck disable=SC2086 # split into words
		set -- "$1" $line
		say "$number $(($# - 1)) $1"
	done
}

pipeline() {
	title 'A pipeline: one producer, four workers, one collector'
	show gochan make jobs --cap 16
	show gochan make results --cap 16

	workers=''
	for n in 1 2 3 4; do
		gochan recv jobs | count_words "worker-$n" | gochan send results &
		workers="$workers $!"
	done
	gochan recv results | sort -n >all &
	collector=$!
	wait_for_info jobs receivers_waiting 4
	wait_for_info results receivers_waiting 1

	lines=$(wc -l <$text)
	say
	say 'Four workers are now waiting for jobs, and a collector for results. A producer'
	say "sends $lines numbered lines of text and closes the channel. Each worker receives"
	say 'lines, counts their words and sends the results.'
	show "nl -ba -w1 -s' ' $text | gochan send jobs"
	show gochan close jobs
	for pid in $workers; do
		wait "$pid" || fail 'a worker failed'
	done
	say
	say 'The channel was closed and drained, so the workers have exited.'
	show gochan close results
	wait $collector || fail 'the collector failed'
	check_results
	show gochan rm jobs results
}

check_results() {
	say
	cut -d' ' -f3 all | sort | uniq -c | while read -r count worker; do
		say "  $worker: $count lines"
	done
	cut -d' ' -f1,2 all >got
	awk '{ print NR, NF }' $text >expected
	cmp -s got expected || fail 'results were lost, duplicated or wrong'
	say "  The collector received $(wc -l <got) results for $lines jobs: none lost, none duplicated."
	say "  Total: $(awk '{ sum += $2 } END { print sum }' got) words; wc -w counts $(wc -w <$text)."
	say
}

# Hundredths of a second since the machine started.
now() {
	read -r seconds _ </proc/uptime
	echo "${seconds%.*}${seconds#*.}"
}

stamp() {
	read -r seconds _ </proc/uptime
	say "  $seconds s  $*"
}

handoff() {
	title 'A handoff: a send on an unbuffered channel waits for a receiver'
	show gochan make baton
	{
		stamp 'sender: sending a message'
		now >started
		gochan send baton 'the baton'
		now >returned
		stamp 'sender: the send returned'
	} &
	sender=$!
	wait_for_info baton senders_waiting 1
	stamp 'observer: the sender is blocked; waiting for a second'
	sleep 1
	[ ! -e returned ] || fail 'the send returned before the message was received'
	now >arrived
	stamp 'receiver: receiving'
	got=$(gochan recv baton -n 1)
	stamp "receiver: received '$got'"
	wait $sender || fail 'the sender failed'
	[ "$got" = 'the baton' ] || fail "received '$got'"
	[ "$(cat returned)" -ge "$(cat arrived)" ] || fail 'the send returned too early'
	took=$(($(cat returned) - $(cat started)))
	say "The send took $((took / 100)).$((took / 10 % 10)) seconds."
	show gochan rm baton
}

# The command of the workers of crash(). The fifth job takes very long, the first time.
write_square() {
	cat >square <<'END'
read -r number
echo "  worker $PPID: job $GOCHAN_SEQ, delivery $GOCHAN_DELIVERIES"
[ "$GOCHAN_SEQ $GOCHAN_DELIVERIES" != '5 1' ] || exec sleep 1000
gochan send results $((number * number))
END
}

# The worker that has a lease of this channel.
worker_of() {
	gochan ps | awk -v name="$1" '/MESSAGE/ { leases = 1 } leases && $3 == name { print $1 }'
}

crash() {
	title 'A crash: another worker gets the job of one that dies'
	show gochan make jobs --cap 16 --ack
	show gochan make results --cap 16
	write_square
	say
	say "Two workers receive numbers and send their squares. On a channel made with --ack, a"
	say 'job stays in the channel until its worker is done.'
	say '  $ gochan each jobs -j 2 -- sh square &'
	gochan each jobs -j 2 -- sh square 2>&1 &
	pool=$!
	wait_for_info jobs receivers_waiting 2
	show 'seq 10 | gochan send jobs'
	show gochan close jobs
	wait_for_info results len 9
	wait_for_info jobs receivers_waiting 1
	say
	say 'Nine jobs are done, and one worker is still busy with job 5. The other one waits for'
	say 'this job, should it come back. Kill the busy one.'
	show gochan ps
	say
	show "kill -KILL $(worker_of jobs)"
	! wait $pool || fail 'the pool did not notice that a worker was killed'
	[ "$(gochan info jobs requeued)" = 1 ] || fail 'job 5 did not come back'
	show gochan close results
	gochan recv results >squares
	say
	say "  Ten jobs, $(wc -l <squares) results. Their sum is $(sum squares), and should be 385."
	[ "$(wc -l <squares) $(sum squares)" = '10 385' ] || fail 'results are missing or wrong'
	show gochan rm jobs results
}

sum() {
	awk '{ sum += $1 } END { print sum }' "$1"
}

device_file() {
	title 'A device file: usable with echo and cat'
	show gochan make notes --cap 4
	show 'echo one note >/dev/gochans/notes'
	show 'echo and another >/dev/gochans/notes'
	show gochan ls
	show gochan close notes
	show 'cat /dev/gochans/notes | tee notes'
	printf 'one note\nand another\n' | cmp -s - notes || fail 'cat did not print what was written'
	say 'cat saw the end of the channel, because it was closed.'
	show gochan rm notes
}

pipeline
handoff
crash
device_file
say
say 'All messages arrived as expected.'
