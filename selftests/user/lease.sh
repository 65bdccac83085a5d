#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# R21: acknowledged channels in the gochan command. See helpers/shell.sh. Arguments choose
# tests.

# shellcheck disable=SC2034 # for run_tests
tests='
	make_ack make_dead make_dead_size make_dead_refused make_done make_done_refused
	make_as_user make_usage
	recv_acknowledges recv_prints_before recv_to_full_disk recv_no_ack recv_no_ack_ends
	recv_no_ack_counts recv_no_ack_waits recv_plain_channel select_acknowledges
	each_acknowledges each_requeues each_killed_command each_gives_up each_dead_letters
	each_unlimited each_backoff each_default_backoff each_environment each_worker_killed
	each_killed each_timeout each_timeout_of_children each_timeout_by_kill
	each_timeout_in_time each_timeout_plain each_stops each_stops_idle each_stops_plain
	each_stops_at_once each_group each_group_of_failures each_group_large
	each_group_before_ack each_group_to_full_disk each_usage
	dead_prints dead_resends dead_resends_in_part dead_resends_once dead_to_closed
	dead_refused info_fields ls_leased ps_leases ps_of_process ps_of_others ps_many
'

# ---- helpers ------------------------------------------------------------------

# expect_info NAME VALUE FIELD...: "gochan info" prints these values.
expect_info() {
	name=$1
	values=$2
	shift 2
	is "$(gochan info "$name" "$@" | tr '\n' ' ')" "$values "
}

# expect_inside NAME LEN LEASED
expect_inside() {
	expect_info "$1" "$2 $3" len leased
}

children_of() {
	grep -l "^PPid:	$1\$" /proc/[0-9]*/status 2>/dev/null | cut -d/ -f3
}

has_no_children() {
	[ -z "$(children_of "$1")" ]
}

# ended STATUS PID: it ends with this status.
ended() {
	status=0
	wait "$2" || status=$?
	[ $status = "$1" ] || fail "it ended with $status, not $1: $(cat err)"
}

# A pipe as descriptor 3, which takes no more.
open_full_pipe() {
	rm -f pipe
	mkfifo pipe
	exec 3<>pipe
	! "$nonblock" 3 sh -c 'cat /dev/zero >&3' 2>/dev/null || fail 'the pipe cannot be filled'
}

# ---- make -----------------------------------------------------------------------

make_ack() {
	make jobs --ack --cap 4
	expect_info jobs '4 ack 16 0 0' capacity flags max_deliveries leased dropped
	make more --ack --cap 4 --deliveries 0
	expect_info more 0 max_deliveries
	make fewer --deliveries 3 --cap 4 --ack
	expect_info fewer 3 max_deliveries
}

make_dead() {
	make dead --cap 4
	make jobs --ack --cap 4 --dead dead
	expect_info jobs 'ack deadletter 16' flags max_deliveries
	# the source may send
	expect_info dead '1 0' send_handles recv_handles
	gochan rm jobs
	until_info dead send_handles 0
}

# The default size is no more than dead letters may have.
make_dead_size() {
	make few --cap 16
	make many --cap 17
	make short --size 10
	for dead in few:65536 many:4096 short:10; do
		make jobs --ack --cap 16 --dead "${dead%:*}"
		is "${dead%:*}:$(gochan info jobs msg_size)" "$dead"
		gochan rm jobs
	done
	make jobs --ack --cap 17 --dead few
	expect_info jobs 4096 msg_size
}

make_dead_refused() {
	expect 1 gochan make jobs --ack --cap 4 --dead dead
	says "dead: no such channel; see 'gochan ls'"
	make dead --size 10
	expect 1 gochan make jobs --ack --cap 4 --size 11 --dead dead
	says 'dead: takes messages of at most 10 bytes; make it with --size 11'
	make fixed --size 10 --fixed
	expect 1 gochan make jobs --ack --cap 4 --size 10 --dead fixed
	says 'fixed: takes messages of exactly 10 bytes; make it without --fixed'
	expect 1 gochan make jobs --ack --cap 4 --size 9 --fixed --dead fixed
	says 'fixed: takes messages of exactly 10 bytes; make it without --fixed'
	make jobs --ack --cap 4 --size 10 --fixed --dead fixed
	expect 1 gochan make more --ack --cap 4 --size 10 --fixed --dead jobs
	says 'jobs: has a dead-letter or done channel itself, so it cannot be one'
	expect 0 gochan ls -q
	prints 'dead
fixed
jobs'
}

make_done() {
	make notices --cap 4 --size 24 --fixed
	make jobs --ack --cap 4 --done notices
	expect_info jobs "ack done $(gochan info notices id)" flags "done"
	expect_info notices '1 0' send_handles recv_handles
	gochan send jobs one two
	expect 0 gochan recv jobs -n 2
	until_info notices len 2
	make dead
	make both --ack --cap 4 --dead dead --done notices
	expect_info both 'ack deadletter done' flags
	is "$(gochan ls -n -r -o DONE jobs)" "$(gochan info notices id)"
	expect 0 gochan info -J dead "done"
	prints '{"done":0}'
}

make_done_refused() {
	expect 1 gochan make jobs --ack --cap 4 --done notices
	says "notices: no such channel; see 'gochan ls'"
	make short --size 23
	make fixed --size 25 --fixed
	for name in short fixed; do
		expect 1 gochan make jobs --ack --cap 4 --done $name
		says "$name: notices have 24 bytes; make it with --size 24 --fixed"
	done
	make notices --size 25
	expect 1 gochan make jobs --ack --cap 4 --dead notices --done notices
	says 'notices: cannot be both --dead and --done'
	make jobs --ack --cap 4 --done notices
	expect 1 gochan make more --ack --cap 4 --done jobs
	says 'jobs: has a dead-letter or done channel itself, so it cannot be one'
	make dead
	expect 1 gochan make more --ack --cap 4 --dead dead --done jobs
	says 'jobs: has a dead-letter or done channel itself, so it cannot be one'
	expect 1 gochan make more --ack --cap 4 --size 24 --dead jobs --done notices
	says 'jobs: has a dead-letter or done channel itself, so it cannot be one'
	chmod 0644 /dev/gochans/notices
	expect 1 alice gochan make more --ack --cap 4 --done notices
	says 'notices: permission denied (owner root, mode 0644); ask its owner for access'
}

make_as_user() {
	make dead --mode 0644
	expect 1 alice gochan make jobs --ack --cap 4 --dead dead
	says 'dead: permission denied (owner root, mode 0644); ask its owner for access'
	chmod 0622 /dev/gochans/dead
	expect 0 alice gochan make jobs --ack --cap 4 --dead dead
	prints /dev/gochans/jobs
}

make_usage() {
	expect 2 gochan make jobs --ack
	grep -qx 'gochan: --ack needs a --cap of at least 1' err
	make dead
	for option in '--deliveries 3' '--deliveries 0' '--dead dead' '--done dead'; do
		# shellcheck disable=SC2086 # split into words
		expect 2 gochan make jobs --cap 4 $option
		grep -qx 'gochan: --deliveries, --dead and --done need --ack' err
	done
	expect 2 gochan make jobs --cap 4 --ack --deliveries 0 --dead dead
	grep -qx 'gochan: --dead needs --deliveries of at least 1' err
	expect 2 gochan make jobs --cap 4 --ack --deliveries x
	expect 0 gochan ls -q
	prints dead
}

# ---- recv, select ---------------------------------------------------------------

recv_acknowledges() {
	make jobs --ack --cap 4
	gochan send jobs one two three
	expect 0 gochan recv jobs -n 1
	prints one
	expect 0 gochan recv jobs -n 1 --ack
	prints two
	expect_info jobs '1 0 2 0' len leased received requeued
	gochan close jobs
	expect 0 gochan recv jobs
	prints three
	expect_info jobs '0 0 3 0' len leased received requeued
}

# What is printed only in part is not acknowledged.
recv_prints_before() {
	make jobs --ack --cap 4 --size 300000
	seq 30000 | gochan send jobs --whole
	open_full_pipe
	gochan recv jobs >&3 &
	until_info jobs leased 1
	until_asleep $!
	expect_inside jobs 0 1
	kill -KILL $!
	until_info jobs len 1
	expect_inside jobs 1 0
}

recv_to_full_disk() {
	make jobs --ack --cap 4
	gochan send jobs one two
	status=0
	gochan recv jobs >/dev/full 2>err || status=$?
	is $status 1
	says 'standard output: No space left on device; the message just received is requeued'
	expect_inside jobs 2 0
	expect 0 gochan recv jobs -n 2
	prints 'one
two'
}

recv_no_ack() {
	make jobs --ack --cap 4
	gochan send jobs one two three
	expect 0 gochan recv jobs --no-ack -n 2
	prints 'one
two'
	expect_info jobs '3 0 2' len leased requeued
	expect 0 timeout 20 gochan recv jobs --no-ack
	prints 'one
two
three'
	expect_inside jobs 3 0
	expect 0 gochan recv jobs --no-ack --ack -n 3
	expect_inside jobs 0 0
}

# Its own leases keep the channel from its end.
recv_no_ack_ends() {
	make jobs --ack --cap 4
	gochan send jobs one two
	expect 4 timeout 20 gochan recv jobs --no-ack -n 3
	prints 'one
two'
	says_nothing
	gochan close jobs
	expect 0 timeout 20 gochan recv jobs --no-ack
	prints 'one
two'
	expect 4 timeout 20 gochan recv jobs --no-ack -n 3
	expect 0 gochan recv jobs
	prints 'one
two'
	expect 0 gochan recv jobs --no-ack
	prints_nothing
	expect 3 gochan recv jobs --no-ack -n 1
}

recv_no_ack_counts() {
	make jobs --ack --cap 4 --deliveries 2
	gochan send jobs one
	expect 0 gochan recv jobs --no-ack
	expect 0 gochan recv jobs --no-ack
	prints one
	expect_info jobs '0 0 1' len leased dropped
}

# It waits for the first message only.
recv_no_ack_waits() {
	make jobs --ack --cap 4
	expect 4 gochan recv jobs --no-ack --timeout 0
	gochan recv jobs --no-ack --timeout 60 >got 2>err &
	until_info jobs receivers_waiting 1
	gochan send jobs one
	ended 0 $!
	is "$(cat got)" one
	expect_inside jobs 1 0
}

recv_plain_channel() {
	make jobs --cap 4
	gochan send jobs one
	for option in --ack --no-ack; do
		expect 1 gochan recv jobs $option -n 1
		says 'jobs: its messages are not acknowledged; make it with --ack'
		prints_nothing
	done
	expect_info jobs 1 len
}

select_acknowledges() {
	make jobs --ack --cap 4
	make more --cap 4
	gochan send jobs one two
	gochan send more three
	gochan close more
	expect 4 gochan select jobs more --timeout 0
	sort out >sorted
	is "$(cat sorted)" 'jobs: one
jobs: two
more: three'
	expect_info jobs '0 0 2 0' len leased received requeued
	gochan send jobs four
	status=0
	gochan select jobs >/dev/full 2>err || status=$?
	is $status 1
	says 'standard output: No space left on device; the message just received is requeued'
	expect_inside jobs 1 0
}

# ---- each -------------------------------------------------------------------------

each_acknowledges() {
	make jobs --ack --cap 100
	seq 100 | gochan send jobs
	gochan close jobs
	expect 0 gochan each jobs -j 4 -- xargs echo
	says_nothing
	sort -n out >sorted
	seq 100 | cmp - sorted
	expect_info jobs '0 0 100 0' len leased received requeued
}

each_requeues() {
	make jobs --ack --cap 4
	gochan send jobs one two
	gochan close jobs
	# shellcheck disable=SC2016 # for the other shell
	expect 1 gochan each jobs --backoff 0 -- \
		sh -c '[ "$GOCHAN_DELIVERIES" = 2 ] || exit 7; cat; echo " $GOCHAN_SEQ"'
	prints 'one 1
two 2'
	says 'sh: exited with status 7; message 1 is requeued after delivery 1 of 16
gochan: sh: exited with status 7; message 2 is requeued after delivery 1 of 16'
	expect_info jobs '0 0 2 2 0' len leased received requeued dropped
}

each_killed_command() {
	make jobs --ack --cap 4
	gochan send jobs one
	gochan close jobs
	# shellcheck disable=SC2016 # for the other shell
	expect 1 gochan each jobs --backoff 0 -- \
		sh -c '[ "$GOCHAN_DELIVERIES" = 2 ] || kill -KILL $$; cat'
	is "$(cat out)" one
	says 'sh: killed by signal 9; message 1 is requeued after delivery 1 of 16'
}

each_gives_up() {
	make jobs --ack --cap 4 --deliveries 2
	gochan send jobs one two
	gochan close jobs
	expect 1 timeout 20 gochan each jobs --backoff 0 -- false
	says 'false: exited with status 1; message 1 is requeued after delivery 1 of 2
gochan: false: exited with status 1; message 1 is given up after delivery 2 of 2
gochan: false: exited with status 1; message 2 is requeued after delivery 1 of 2
gochan: false: exited with status 1; message 2 is given up after delivery 2 of 2'
	expect_info jobs '0 0 2' len leased dropped
}

each_dead_letters() {
	make dead --cap 4
	make jobs --ack --cap 4 --deliveries 1 --dead dead
	gochan send jobs good bad
	gochan close jobs
	expect 1 gochan each jobs -- grep good
	prints good
	says 'grep: exited with status 1; message 2 is given up after delivery 1 of 1'
	expect 0 gochan recv dead -n 1 --timeout 20
	prints bad
	expect_info jobs '0 0 0' len leased dropped
}

each_unlimited() {
	make jobs --ack --cap 4 --deliveries 0
	gochan send jobs one
	gochan close jobs
	# shellcheck disable=SC2016 # for the other shell
	expect 1 gochan each jobs --backoff 0 -- sh -c '[ "$GOCHAN_DELIVERIES" -gt 20 ]'
	is "$(wc -l <err)" 20
	grep -qx 'gochan: sh: exited with status 1; message 1 is requeued after delivery 20' err
}

# The lease is kept, and the worker receives nothing else.
each_backoff() {
	make jobs --ack --cap 4
	gochan send jobs one
	: >err
	gochan each jobs --backoff 60 -- false >out 2>err &
	until_true [ -s err ]
	gochan send jobs two
	expect_info jobs '1 1 0' len leased requeued
	kill $!
	until_info jobs len 2
	expect_inside jobs 2 0
	expect 0 gochan recv jobs -n 2
	prints 'one
two'
	expect_info jobs 1 requeued
	make plain --cap 4
	expect 1 gochan each plain --backoff 2 -- true
	says 'plain: its messages are not acknowledged; make it with --ack'
}

each_default_backoff() {
	make jobs --ack --cap 4 --deliveries 2
	gochan send jobs one
	gochan close jobs
	expect 1 gochan each jobs -- sh -c 'cut -d" " -f1 /proc/uptime; exit 1'
	is "$(wc -l <out)" 2
	tr '\n' ' ' <out | awk '{ exit !($2 - $1 >= 0.99) }' || fail "too early: $(cat out)"
}

# Other channels have no such numbers, and all have the environment of each.
each_environment() {
	# shellcheck disable=SC2016 # for the other shell
	show='echo "$(cat) ${GOCHAN_SEQ-none} ${GOCHAN_DELIVERIES-none} $OTHER"'
	make plain --cap 4
	gochan send plain one
	gochan close plain
	expect 0 env OTHER=x gochan each plain -- sh -c "$show"
	prints 'one none none x'
	make jobs --ack --cap 4
	gochan send jobs one two
	gochan recv jobs -n 1 >/dev/null
	gochan recv jobs -n 1 --no-ack >/dev/null
	gochan close jobs
	expect 0 env OTHER=x GOCHAN_SEQ=7 gochan each jobs -- sh -c "$show"
	prints 'two 2 2 x'
}

# The command is killed with its worker, so that nothing is done twice at once.
each_worker_killed() {
	make jobs --ack --cap 4
	make gate
	gochan send jobs one
	gochan each jobs -- gochan recv gate -n 1 >out 2>err &
	until_info gate receivers_waiting 1
	expect_inside jobs 0 1
	kill -KILL "$(children_of $!)"
	ended 1 $!
	says 'a worker was killed by signal 9'
	until_info gate receivers_waiting 0
	until_info jobs len 1
	expect_inside jobs 1 0
	expect 0 gochan recv jobs -n 1
	prints one
}

each_killed() {
	make jobs --ack --cap 4
	make gate
	gochan send jobs one two three
	for signal in KILL TERM; do
		gochan each jobs -j 2 -- gochan recv gate -n 1 >out 2>err &
		until_info gate receivers_waiting 2
		expect_inside jobs 1 2
		kill -$signal $!
		until_info gate receivers_waiting 0
		until_info jobs len 3
	done
	expect 0 gochan recv jobs -n 3
	prints 'one
two
three'
}

# ---- each --timeout -----------------------------------------------------------------

each_timeout() {
	make jobs --ack --cap 4 --deliveries 2
	make gate
	gochan send jobs one
	gochan close jobs
	expect 1 timeout 20 gochan each jobs --timeout 0.2 --backoff 0 -- gochan recv gate
	says 'gochan: killed, as it took more than 0.2 s; message 1 is requeued after delivery 1 of 2
gochan: gochan: killed, as it took more than 0.2 s; message 1 is given up after delivery 2 of 2'
	expect_info gate 0 receivers_waiting
}

each_timeout_of_children() {
	make jobs --ack --cap 4 --deliveries 1
	make gate
	gochan send jobs one
	gochan close jobs
	expect 1 timeout 20 gochan each jobs --timeout 0.2 -- \
		sh -c 'trap "exit 0" TERM; (trap "" TERM; gochan recv gate) & wait'
	says 'sh: killed, as it took more than 0.2 s; message 1 is given up after delivery 1 of 1'
	until_info gate receivers_waiting 0
}

each_timeout_by_kill() {
	make jobs --ack --cap 4 --deliveries 1
	make gate
	gochan send jobs one
	gochan close jobs
	expect 1 timeout 20 gochan each jobs --timeout 0.2 -- sh -c 'trap "" TERM; gochan recv gate; :'
	says 'sh: killed, as it took more than 0.2 s; message 1 is given up after delivery 1 of 1'
	until_info gate receivers_waiting 0
}

each_timeout_in_time() {
	make jobs --ack --cap 4
	gochan send jobs one two
	gochan close jobs
	expect 0 timeout 20 gochan each jobs --timeout 60 -j 2 -- xargs echo
	sort out >sorted
	is "$(cat sorted)" 'one
two'
}

# The message is lost there, but the pool goes on, with one that takes too long as well.
each_timeout_plain() {
	make jobs --cap 4
	make gate
	gochan send jobs one two
	gochan close jobs
	expect 1 timeout 20 gochan each jobs --timeout 0.2 -- gochan recv gate
	says 'gochan: killed, as it took more than 0.2 s
gochan: gochan: killed, as it took more than 0.2 s'
	expect_info gate 0 receivers_waiting
}

# ---- each -k ------------------------------------------------------------------------

# What runs then may finish, and later messages stay.
each_stops() {
	make jobs --ack --cap 8
	make gate
	gochan send jobs slow bad later
	cat >job <<-'END'
		#!/bin/sh
		case $(cat) in
		slow)
			gochan recv gate -n 1 ;;
		bad)
			until [ "$(gochan info gate receivers_waiting)" = 1 ]; do usleep 10000; done
			exit 1 ;;
		*)
			echo later ;;
		esac
	END
	chmod +x job
	gochan each jobs -k -j 2 -- ./job >out 2>err &
	until_info jobs requeued 1
	expect_inside jobs 2 1
	gochan send gate go
	ended 1 $!
	prints go
	says './job: exited with status 1; message 2 is requeued after delivery 1 of 16'
	expect_info jobs '2 0 1' len leased requeued
	expect 0 gochan recv jobs -n 2
	prints 'bad
later'
}

# Workers that wait for a message end as well.
each_stops_idle() {
	make jobs --ack --cap 8
	timeout 20 gochan each jobs -k -j 3 -- false >out 2>err &
	until_info jobs receivers_waiting 3
	gochan send jobs one
	ended 1 $!
	# it is run once, whoever else gets it
	says 'false: exited with status 1; message 1 is requeued after delivery 1 of 16'
	expect_info jobs '1 0 0' len leased receivers_waiting
}

each_stops_plain() {
	make jobs --cap 4
	gochan send jobs one two
	expect 1 timeout 20 gochan each jobs -k -- false
	says 'false: exited with status 1'
	expect_info jobs 1 len
}

# There is no reason to keep a lease any longer.
each_stops_at_once() {
	make jobs --ack --cap 8
	gochan send jobs one two
	gochan close jobs
	expect 1 timeout 20 gochan each jobs -k -j 2 --backoff 60 -- false
	expect_inside jobs 2 0
}

# ---- each --group -------------------------------------------------------------------

each_group() {
	make jobs --ack --cap 4
	make gate
	gochan send jobs one two
	gochan close jobs
	cat >job <<-'END'
		#!/bin/sh
		name=$(cat)
		echo "$name begins"
		echo "$name complains" >&2
		gochan recv gate -n 1 >/dev/null
		echo "$name ends"
	END
	chmod +x job
	gochan each jobs -j 2 --group -- ./job >out 2>err &
	until_info gate receivers_waiting 2
	prints_nothing
	says_nothing
	gochan send gate go go
	ended 0 $!
	one='one begins
one ends' two='two begins
two ends'
	[ "$(cat out)" = "$one
$two" ] || prints "$two
$one"
	sort err >sorted
	is "$(cat sorted)" 'one complains
two complains'
}

each_group_of_failures() {
	make jobs --ack --cap 4 --deliveries 1
	gochan send jobs one
	gochan close jobs
	expect 1 gochan each jobs --group -- sh -c 'cat; echo; echo why >&2; exit 3'
	prints one
	is "$(cat err)" 'why
gochan: sh: exited with status 3; message 1 is given up after delivery 1 of 1'
}

each_group_large() {
	make jobs --ack --cap 4
	gochan send jobs one two
	gochan close jobs
	expect 0 gochan each jobs -j 2 --group -- seq 50000
	{ seq 50000; seq 50000; } | cmp - out
}

each_group_before_ack() {
	make jobs --ack --cap 4
	gochan send jobs one
	gochan close jobs
	open_full_pipe
	gochan each jobs --group -- cat >&3 2>err &
	until_info jobs leased 1
	worker=$(children_of $!)
	until_true has_no_children "$worker"
	until_asleep "$worker"
	expect_inside jobs 0 1
	kill -KILL "$worker"
	ended 1 $!
	expect_inside jobs 1 0
}

each_group_to_full_disk() {
	make jobs --ack --cap 4 --deliveries 1
	gochan send jobs one
	gochan close jobs
	status=0
	timeout 20 gochan each jobs --backoff 0 --group -- cat >/dev/full 2>err || status=$?
	is $status 1
	says "cat: its output could not be printed: No space left on device; message 1 is given up\
 after delivery 1 of 1"
	expect_info jobs '0 0 1' len leased dropped
}

each_usage() {
	make jobs --ack --cap 4
	expect 2 gochan each jobs --timeout 0 -- true
	grep -qx 'gochan: --timeout 0: not more than 0' err
	expect 2 gochan each jobs --timeout x -- true
	expect 2 gochan each jobs --backoff -1 -- true
	expect 2 gochan each jobs -k
}

# ---- dead -------------------------------------------------------------------------

# make_letters N...: a channel jobs, and its messages N... in the channel dead.
make_letters() {
	make dead --ack --cap 8 --deliveries 0
	make jobs --ack --cap 8 --deliveries 1 --dead dead
	gochan send jobs "$@"
	gochan recv jobs --no-ack -n $# >/dev/null
	until_info dead len $#
}

dead_prints() {
	make_letters one two three
	for _ in 1 2; do
		expect 0 gochan dead dead
		prints 'one
two
three'
		expect_inside dead 3 0
	done
	expect 0 gochan dead dead -n 2 -0
	printf 'one\0two\0' | cmp - out
	expect 0 gochan dead dead -n 1 --raw
	printf one | cmp - out
	expect 0 gochan recv dead -n 3
	expect 0 gochan dead dead
	prints_nothing
	gochan close dead
	expect 0 gochan dead dead
	prints_nothing
}

dead_resends() {
	make_letters one two three
	expect 0 gochan dead dead --resend jobs -n 2
	prints_nothing
	says_nothing
	expect_inside dead 1 0
	expect 0 gochan dead dead --resend jobs
	expect_inside dead 0 0
	gochan close jobs
	# shellcheck disable=SC2016 # for the other shell
	expect 0 gochan each jobs -- sh -c 'echo "$(cat) $GOCHAN_DELIVERIES"'
	prints 'one 1
two 1
three 1'
}

# What does not fit stays.
dead_resends_in_part() {
	make_letters one two three
	make other --cap 2
	expect 4 gochan dead dead --resend other --timeout 0
	says 'other: it would block'
	expect_inside dead 1 0
	expect 0 gochan recv other -n 2
	prints 'one
two'
	make small --cap 2 --size 3
	expect 1 gochan dead dead --resend small
	says 'small: does not take a message of 5 bytes; make it with --size'
	expect 0 gochan recv dead -n 1
	prints three
}

# Messages that are given up again while others are resent are not resent again.
dead_resends_once() {
	make_letters one two
	gochan each jobs --backoff 0 -- false >out 2>got &
	until_info jobs receivers_waiting 1
	expect 0 timeout 20 gochan dead dead --resend jobs
	until_info dead len 2
	expect_info dead 4 sent
	kill $!
}

dead_to_closed() {
	make_letters one
	gochan close jobs
	expect 3 gochan dead dead --resend jobs
	says 'jobs: closed, or no receivers are left'
	expect_inside dead 1 0
}

dead_refused() {
	make plain --cap 4
	expect 1 gochan dead plain
	says 'plain: its messages are not acknowledged; make it with --ack'
	make jobs --ack --cap 4
	gochan send jobs one
	expect 1 gochan dead jobs
	says 'jobs: a look would be one of 16 deliveries; make it with --deliveries 0'
	expect_info jobs '1 0' len requeued
	expect 1 gochan dead jobs --resend none
	says "none: no such channel; see 'gochan ls'"
	expect 0 gochan dead jobs --resend plain
	expect 0 gochan recv plain -n 1
	prints one
	expect 2 gochan dead jobs plain
}

# ---- info, ls, ps -------------------------------------------------------------------

info_fields() {
	make jobs --ack --cap 4 --deliveries 2
	make gate
	gochan send jobs one two
	gochan each jobs -j 2 -- gochan recv gate -n 1 >out 2>err &
	until_info jobs leased 2
	gochan info jobs >fields
	grep -qx 'flags:  *ack' fields
	grep -qx 'leased:  *2' fields
	grep -qx 'max_deliveries:  *2' fields
	gochan info jobs --json | grep -q '"flags":\["ack"\],.*"leased":2,"max_deliveries":2,'
	kill $!
	until_info jobs len 2
}

ls_leased() {
	make jobs --ack --cap 4
	make gate
	gochan send jobs one two
	gochan each jobs -- gochan recv gate -n 1 >/dev/null 2>err &
	until_info jobs leased 1
	expect 0 gochan ls jobs
	prints 'NAME OWNER GROUP MODE CAP  SIZE LEN LEASED STATE WAIT-SEND WAIT-RECV OLDEST
jobs root  root  0600   4 65536   1      1 open          0         0      -'
	kill $!
	until_info jobs len 2
}

ps_leases() {
	make jobs --ack --cap 4
	make gate
	gochan send jobs one two
	gochan recv jobs -n 2 --no-ack >/dev/null
	gochan recv jobs -n 1 >/dev/null
	expect 0 gochan ps
	is "$(wc -l <out)" 1
	gochan each jobs -- gochan recv gate -n 1 >/dev/null 2>err &
	until_info gate receivers_waiting 1
	worker=$(children_of $!)
	expect 0 gochan ps
	says_nothing
	sed '1,/^$/d' out >leases
	is "$(head -n 1 leases | tr -s ' ' | sed 's/^ //')" 'PID COMMAND CHANNEL MESSAGE DELIVERIES LEASED'
	tail -n +2 leases | grep -Eqx " *$worker +gochan +jobs +2 +2 +[0-9.]+s" || fail "$(cat out)"
	is "$(wc -l <leases)" 2
	expect 0 gochan ps --json
	"$json" -w <out || fail 'no JSON'
	grep -Eq "^\{\"pid\":$worker,\"command\":\"gochan\",\"id\":[0-9]+,\"name\":\"jobs\",\
\"lease\":[0-9]+,\"message\":2,\"deliveries\":2,\"seconds\":[0-9.]+\}\]" out || fail "$(cat out)"
	kill $!
	until_info jobs len 1
	until_info gate receivers_waiting 0
	expect 0 gochan ps
	is "$(wc -l <out)" 1
}

ps_of_process() {
	make jobs --ack --cap 4
	make gate
	gochan send jobs one two
	gochan each jobs -j 2 -- gochan recv gate -n 1 >/dev/null 2>err &
	until_info gate receivers_waiting 2
	expect 0 gochan ps
	is "$(grep -c ' jobs ' out)" 2
	for worker in $(children_of $!); do
		expect 0 gochan ps -p "$worker"
		is "$(grep ' jobs ' out | cut -d' ' -f1)" "$worker"
	done
	expect 0 gochan ps -p $!
	is "$(wc -l <out)" 1
	kill $!
	until_info jobs len 2
}

# Of other users' leases only their number is told.
ps_of_others() {
	make jobs --ack --cap 4 --mode 0666
	make gate
	gochan send jobs one two
	gochan each jobs -j 2 -- gochan recv gate -n 1 >/dev/null 2>err &
	until_info gate receivers_waiting 2
	alice 'exec 3<>/dev/gochans/jobs && gochan ps 2>&1' >out
	grep -qx 'gochan: jobs: 2 more messages are leased, by other users' out || fail "$(cat out)"
	! grep -q DELIVERIES out || fail "$(cat out)"
	alice 'exec 3<>/dev/gochans/jobs && gochan ps --json' >out
	grep -q '"leases":\[\],"leases_not_listed":0,"leases_not_visible":2' out || fail "$(cat out)"
	kill $!
	until_info jobs len 2
}

# The receiver blocks while it prints the last of 71 messages.
ps_many() {
	make jobs --ack --cap 100 --size 100000
	seq 70 | gochan send jobs
	seq 20000 | head -c 100000 | gochan send jobs --whole
	rm -f pipe
	mkfifo pipe
	exec 3<>pipe
	gochan recv jobs --no-ack >&3 &
	until_info jobs leased 71
	expect 0 gochan ps
	is "$(grep -c ' jobs ' out)" 64
	says 'jobs: 7 more messages are leased; the kernel lists only 64'
	expect 0 gochan ps --json
	grep -q '\],"leases_not_listed":7,"leases_not_visible":0' out || fail "$(cat out)"
	kill $!
	until_info jobs len 71
}

here=$(realpath "$(dirname "$0")")
nonblock=$here/nonblock
json=$here/json
# shellcheck source-path=SCRIPTDIR source=helpers/shell.sh
. "$here/shell.sh"
run_tests "$@"
