#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# The demonstration, inside the guest: a pipeline of processes, a hand-over,
# and a device file. Ends with 0 only if every message is where it should be.
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

# Shows a command as it would be typed, then runs it.
show() {
	say "  \$ $*"
	eval "$*"
}

fail() {
	say "demo: $*" >&2
	exit 1
}

# Until a field of "gochan info" has a value: that is how to see who waits.
until_info() {
	tries=1000
	until [ "$(gochan info "$1" "$2")" = "$3" ]; do
		tries=$((tries - 1))
		[ $tries != 0 ] || fail "$1: $2 did not become $3"
		usleep 10000
	done
}

# A worker's answer to "7 some words of text" is "7 4 worker-1".
count_words() {
	set -f
	while read -r number line; do
		# shellcheck disable=SC2086 # into its words
		set -- "$1" $line
		say "$number $(($# - 1)) $1"
	done
}

pipeline() {
	title 'A pipeline: one producer, four workers, one collector'
	show gochan make jobs --cap 16
	show gochan make answers --cap 16

	workers=''
	for n in 1 2 3 4; do
		gochan recv jobs | count_words "worker-$n" | gochan send answers &
		workers="$workers $!"
	done
	gochan recv answers | sort -n >all &
	collector=$!
	until_info jobs receivers_waiting 4
	until_info answers receivers_waiting 1

	lines=$(wc -l <$text)
	say
	say 'Four workers wait for jobs now, and a collector for answers. A producer sends'
	say "the $lines lines of a text, numbered, and closes the channel; the workers"
	say 'take lines as they come and answer how many words they have.'
	show "nl -ba -w1 -s' ' $text | gochan send jobs"
	show gochan close jobs
	for pid in $workers; do
		wait "$pid" || fail 'a worker failed'
	done
	say
	say 'Closed, and drained: the workers saw the end of the jobs and ended.'
	show gochan close answers
	wait $collector || fail 'the collector failed'
	check_answers
	show gochan rm jobs answers
}

check_answers() {
	say
	cut -d' ' -f3 all | sort | uniq -c | while read -r count worker; do
		say "  $worker answered $count lines"
	done
	cut -d' ' -f1,2 all >got
	awk '{ print NR, NF }' $text >expected
	cmp -s got expected || fail 'answers were lost, doubled or wrong'
	say "  the collector has $(wc -l <got) answers to $lines jobs, in order: none lost, none doubled"
	say "  $(awk '{ sum += $2 } END { print sum }' got) words in all; wc -w says $(wc -w <$text)"
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

hand_over() {
	title 'A hand-over: an unbuffered channel holds nothing'
	show gochan make baton
	{
		stamp 'sender: I send, and my send returns when a receiver has taken it'
		now >began
		gochan send baton 'the baton'
		now >returned
		stamp 'sender: my send returned'
	} &
	sender=$!
	until_info baton senders_waiting 1
	stamp 'onlooker: one sender is waiting; I let it wait for a second'
	sleep 1
	[ ! -e returned ] || fail 'the send returned before anybody received'
	now >came
	stamp "receiver: here I come"
	got=$(gochan recv baton -n 1)
	stamp "receiver: I have '$got'"
	wait $sender || fail 'the sender failed'
	[ "$got" = 'the baton' ] || fail "received '$got'"
	[ "$(cat returned)" -ge "$(cat came)" ] || fail 'the send returned too early'
	say "The send took $(($(cat returned) - $(cat began))) hundredths of a second."
	show gochan rm baton
}

device_file() {
	title 'A device file: echo and cat will do'
	show gochan make notes --cap 4
	show 'echo one note >/dev/gochans/notes'
	show 'echo and another >/dev/gochans/notes'
	show gochan ls
	show gochan close notes
	show 'cat /dev/gochans/notes | tee notes'
	printf 'one note\nand another\n' | cmp -s - notes || fail 'the notes are not what was written'
	say 'cat came to the end, because the channel is closed.'
	show gochan rm notes
}

pipeline
hand_over
device_file
say
say 'All as it should be.'
