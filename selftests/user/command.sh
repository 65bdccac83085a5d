#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# The gochan command: its effects, output and exit status. Runs as root, with the
# module loaded and a user alice (1000); every test starts and ends without named
# channels. Arguments choose tests.

# shellcheck disable=SC2034 # for run_tests
tests='
	make_prints_the_path make_defaults make_default_size make_options make_in_directories
	make_rejects_existing_name make_reports_limits make_as_user
	send_arguments send_lines send_last_line_without_newline send_embedded_nul
	send_null_separated send_whole send_whole_too_long send_empty_messages
	send_too_long send_fixed send_times_out send_waits_for_a_receiver send_to_closed
	send_after_hangup send_unreadable_input
	recv_until_closed recv_count recv_loop_ends recv_times_out recv_drains recv_raw
	recv_null recv_zero recv_to_full_disk recv_without_stdout
	recv_stops_when_pipe_breaks recv_killed_is_dequeued
	recv_resumes_after_stop send_resumes_after_stop each_resumes_after_stop
	close_twice close_by_other_user permission_denied rights_by_mode one_name_for_all
	rm_several rm_missing rm_by_other_user rm_all_own rm_at_the_limit
	ls_empty ls_columns ls_names ls_long_name info_fields info_excludes_itself
	fd_channel fd_wrong_rights fd_not_a_channel fd_not_open
	select_several select_times_out select_count each_message each_in_parallel
	each_failure each_missing_command each_not_executable each_searches_path
	each_bad_interpreter each_unknown_format each_arguments_too_long each_process_limit
	each_file_size_limit each_command_vanishes each_without_tracing
	nonblocking_channel_recv nonblocking_channel_send nonblocking_channel_each
	nonblocking_channel_select nonblocking_channel_others nonblocking_input
	nonblocking_input_in_parts nonblocking_output nonblocking_error_output
	limit_user_channels limit_user_names limit_user_bytes limit_max_bytes
	limit_blocked_send limit_select limit_in_namespace
	help_is_one help_style help_has_all_options no_command unknown_command version
	usage_errors not_a_gochanfs_path copied_device nodev not_mounted
	module_not_installed no_device device_is_a_file stale_device other_abi
'

# ---- helpers ------------------------------------------------------------------

# Stop a process that is blocked on a channel, and continue it.
stop_and_continue() {
	kill -STOP "$1"
	until [ "$(cut -d' ' -f3 "/proc/$1/stat")" = T ]; do
		usleep 10000
	done
	kill -CONT "$1"
	until [ "$(cut -d' ' -f3 "/proc/$1/stat")" = S ]; do
		usleep 10000
	done
}

# Wait until a process has written an error message, for 10 seconds at most.
until_said() {
	tries=1000
	until [ -s err ]; do
		tries=$((tries - 1))
		[ $tries != 0 ] || fail "process $1 said nothing"
		usleep 10000
	done
}

# Open a pipe, for reading as 4, for writing as 5.
open_pipe() {
	rm -f pipe
	mkfifo pipe
	exec 3<>pipe
	exec 4<pipe
	exec 5>pipe
	exec 3>&-
}

# ---- make -----------------------------------------------------------------------

make_prints_the_path() {
	expect 0 gochan make jobs
	prints /dev/gochans/jobs
	says_nothing
	[ -c /dev/gochans/jobs ]
}

make_defaults() {
	make jobs
	is "$(gochan info jobs capacity msg_size flags closed len | tr '\n' ' ')" '0 65536 none no 0 '
	is "$(stat -c '%a %U:%G' /dev/gochans/jobs)" '600 root:root'
}

make_default_size() {
	make unbuffered
	make sixteen --cap 16
	make seventeen --cap 17
	make given --size 10
	make empty --size 0
	for name in unbuffered:65536 sixteen:65536 seventeen:4096 given:10 empty:0; do
		is "${name%:*}:$(gochan info "${name%:*}" msg_size)" "$name"
	done
	set_limit max_msg_size 1000
	make limited
	make limited-too --cap 100
	is "$(gochan info limited msg_size) $(gochan info limited-too msg_size)" '1000 1000'
}

make_options() {
	make --cap 3 jobs --size 8 --fixed --hangup --mode 0640
	is "$(gochan info jobs name capacity msg_size flags | tr '\n' ' ')" 'jobs 3 8 fixed hangup '
	is "$(stat -c %a /dev/gochans/jobs)" 640
}

make_in_directories() {
	expect 2 gochan make ''
	mkdir -m 755 /dev/gochans/app
	expect 0 gochan make /dev/gochans/app/jobs --mode 0666
	prints /dev/gochans/app/jobs
	expect 1 alice gochan make /dev/gochans/app/more
	says '/dev/gochans/app/more: permission denied; its directory is not yours to write to'
	expect 0 gochan ls -q
	prints app/jobs
	expect 0 gochan rm /dev/gochans/app/jobs
	rmdir /dev/gochans/app
}

make_rejects_existing_name() {
	make jobs
	expect 1 gochan make jobs
	says "jobs: name already in use; see 'gochan ls'"
}

make_reports_limits() {
	parameters=/sys/module/gochan/parameters
	most=$(cat $parameters/max_capacity)
	expect 1 gochan make jobs --cap $((most + 1))
	says "--cap $((most + 1)): the limit is $most; see $parameters/max_capacity"
	most=$(cat $parameters/max_msg_size)
	expect 1 gochan make jobs --size $((most + 1))
	says "--size $((most + 1)): the limit is $most; see $parameters/max_msg_size"
	expect 1 alice gochan make jobs --cap 1000 --size "$most"
	says "jobs: over a limit of user alice: max_user_bytes is $(cat $parameters/max_user_bytes);\
 make it with a smaller --size or --cap; root can raise it in $parameters/max_user_bytes"
	expect 0 gochan ls -q
	prints_nothing
}

make_as_user() {
	expect 0 alice gochan make jobs --mode 0660
	prints /dev/gochans/jobs
	is "$(stat -c '%a %U:%G' /dev/gochans/jobs)" '660 alice:alice'
}

# ---- send -----------------------------------------------------------------------

send_arguments() {
	make jobs --cap 4
	expect 0 gochan send jobs one 'two words' -- -3
	prints_nothing
	says_nothing
	expect 0 gochan recv jobs -n 3
	prints 'one
two words
-3'
}

send_lines() {
	make jobs --cap 4
	printf 'one\n\nthree\n' | expect 0 gochan send jobs
	is "$(gochan info jobs len)" 3
	expect 0 gochan recv jobs -n 3
	prints 'one

three'
}

send_last_line_without_newline() {
	make jobs --cap 4
	printf 'one\ntwo' | expect 0 gochan send jobs
	expect 0 gochan recv jobs -n 2
	prints 'one
two'
}

send_embedded_nul() {
	make jobs --cap 4
	printf 'a\0b\n' | expect 0 gochan send jobs
	expect 0 gochan recv jobs -n 1
	printf 'a\0b\n' | cmp - out
}

send_null_separated() {
	make jobs --cap 4
	printf 'a\nb\0c\0' | expect 0 gochan send jobs -0
	is "$(gochan info jobs len bytes | tr '\n' ' ')" '2 4 '
	expect 0 gochan recv jobs -n 2 -0
	printf 'a\nb\0c\0' | cmp - out
}

send_whole() {
	make jobs --cap 1 --size 100000
	seq 10000 | head -c 100000 >sent
	expect 0 gochan send jobs --whole <sent
	expect 0 gochan recv jobs -n 1 --raw
	cmp sent out
}

send_whole_too_long() {
	make jobs --cap 1 --size 4
	echo four | expect 1 gochan send jobs --whole
	says 'jobs: standard input exceeds 4 bytes; make the channel with --size'
	printf four | expect 0 gochan send jobs --whole
}

send_empty_messages() {
	make jobs --cap 4
	expect 0 gochan send jobs '' ''
	expect 0 gochan send jobs --whole </dev/null
	is "$(gochan info jobs len bytes | tr '\n' ' ')" '3 0 '
	gochan close jobs
	expect 0 gochan recv jobs
	prints '

'
}

send_too_long() {
	make jobs --cap 4 --size 3
	expect 1 gochan send jobs one two three four
	says 'jobs: message 3 is 5 bytes, the channel takes at most 3; make it with --size'
	is "$(gochan info jobs len)" 2
}

send_fixed() {
	make jobs --cap 4 --size 3 --fixed
	expect 0 gochan send jobs one
	expect 1 gochan send jobs two no
	says 'jobs: message 2 is 2 bytes, the channel takes exactly 3; make it with --size'
	expect 1 gochan send jobs onetwo
	says 'jobs: message 1 is 6 bytes, the channel takes exactly 3; make it with --size'
	expect 0 gochan recv jobs -n 2
	prints 'one
two'
}

send_times_out() {
	make jobs
	expect 4 gochan send jobs x --timeout 0
	says 'jobs: message 1 was not sent: it would block'
	expect 4 gochan send jobs x --timeout 0.05
	says 'jobs: message 1 was not sent: timed out'
	is "$(gochan info jobs sent)" 0
}

send_waits_for_a_receiver() {
	make jobs
	gochan send jobs hello &
	until_info jobs senders_waiting 1
	expect 0 gochan recv jobs -n 1
	prints hello
	wait $! || fail 'the sender failed'
}

send_to_closed() {
	make jobs --cap 4
	gochan close jobs
	expect 3 gochan send jobs x
	says 'jobs: message 1 was not sent: the channel is closed'
}

send_after_hangup() {
	make jobs --hangup
	gochan recv jobs -n 1 >/dev/null &
	until_info jobs receivers_waiting 1
	gochan send jobs x
	wait $!
	expect 3 gochan send jobs x
	says 'jobs: message 1 was not sent: no receivers are left'
}

send_unreadable_input() {
	make jobs --cap 4
	expect 1 gochan send jobs </
	says 'standard input: Is a directory'
	expect 1 gochan send jobs <&-
	says 'standard input: Bad file descriptor'
	expect 1 gochan send jobs --whole <&-
	says 'standard input: Bad file descriptor'
}

# ---- recv -----------------------------------------------------------------------

recv_until_closed() {
	make jobs --cap 4
	gochan send jobs one two
	gochan close jobs
	expect 0 gochan recv jobs
	prints 'one
two'
	expect 0 gochan recv jobs
	prints_nothing
	says_nothing
}

recv_count() {
	make jobs --cap 4
	gochan send jobs one two three
	expect 0 gochan recv jobs -n 2
	prints 'one
two'
	gochan close jobs
	expect 3 gochan recv jobs -n 2
	prints three
	says_nothing
}

recv_loop_ends() {
	make jobs --cap 4
	gochan send jobs one '' three
	gochan close jobs
	all=
	while job=$(gochan recv jobs -n 1); do
		all="${all}[$job]"
	done
	is "$all" '[one][][three]'
}

recv_times_out() {
	make jobs
	expect 4 gochan recv jobs --timeout 0.05
	prints_nothing
	says_nothing
	expect 4 gochan recv jobs --timeout 0
	says_nothing
}

recv_drains() {
	make jobs --cap 4
	gochan send jobs one two
	expect 4 gochan recv jobs --timeout 0
	prints 'one
two'
}

recv_raw() {
	make jobs --cap 4
	gochan send jobs one two
	expect 0 gochan recv jobs -n 2 --raw
	printf onetwo | cmp - out
}

recv_null() {
	make jobs --cap 4
	gochan send jobs one two
	expect 0 gochan recv jobs -n 2 --null
	printf 'one\0two\0' | cmp - out
}

recv_zero() {
	make jobs --cap 4
	gochan send jobs one
	expect 0 gochan recv jobs -n 0
	prints_nothing
	is "$(gochan info jobs len)" 1
}

recv_to_full_disk() {
	make jobs --cap 4
	gochan send jobs one two
	status=0
	gochan recv jobs >/dev/full 2>err || status=$?
	is $status 1
	says 'standard output: No space left on device; the message just received is lost'
	is "$(gochan info jobs len)" 1
}

recv_without_stdout() {
	make jobs --cap 4
	gochan send jobs one
	status=0
	gochan recv jobs >&- 2>err || status=$?
	is $status 1
	says 'standard output: not open for writing'
	is "$(gochan info jobs len)" 1
}

recv_stops_when_pipe_breaks() {
	make jobs --cap 4
	gochan send jobs one
	is "$(gochan recv jobs | head -n 1)" one
	gochan send jobs two
	is "$(gochan info jobs len)" 1
}

recv_killed_is_dequeued() {
	make jobs
	gochan recv jobs >/dev/null &
	until_info jobs receivers_waiting 1
	kill $!
	until_info jobs receivers_waiting 0
	expect 4 gochan send jobs x --timeout 0
}

recv_resumes_after_stop() {
	make jobs
	gochan recv jobs -n 1 --timeout 60 >got &
	until_info jobs receivers_waiting 1
	stop_and_continue $!
	until_info jobs receivers_waiting 1
	expect 0 gochan send jobs 'a message' --timeout 10
	wait $! || fail "recv ended with $?"
	is "$(cat got)" 'a message'
}

send_resumes_after_stop() {
	make jobs
	gochan send jobs 'a message' --timeout 60 &
	until_info jobs senders_waiting 1
	stop_and_continue $!
	until_info jobs senders_waiting 1
	expect 0 gochan recv jobs -n 1
	prints 'a message'
	wait $! || fail "send ended with $?"
}

each_resumes_after_stop() {
	make jobs
	gochan each jobs -- cat >got &
	until_info jobs receivers_waiting 1
	worker=$(grep -l "^PPid:	$!\$" /proc/[0-9]*/status)
	stop_and_continue "$(echo "$worker" | cut -d/ -f3)"
	until_info jobs receivers_waiting 1
	expect 0 gochan send jobs 'a message' --timeout 10
	gochan close jobs
	wait $! || fail "each ended with $?"
	is "$(cat got)" 'a message'
}

# ---- close, rights, rm -----------------------------------------------------------

close_twice() {
	make jobs
	expect 0 gochan close jobs
	prints_nothing
	is "$(gochan info jobs closed)" yes
	expect 3 gochan close jobs
	says 'jobs: already closed'
}

close_by_other_user() {
	make jobs --mode 0666
	expect 1 alice gochan close jobs
	says 'jobs: only its owner or root may close it'
	is "$(gochan info jobs closed)" no
}

permission_denied() {
	make jobs
	expect 1 alice gochan recv jobs
	says "jobs: permission denied (owner root, mode 0600); ask its owner for access"
	chown 1001 /dev/gochans/jobs
	expect 1 alice gochan info jobs
	says "jobs: permission denied (owner bob, mode 0600); ask its owner for access"
}

rights_by_mode() {
	make jobs --cap 4 --mode 0622
	expect 0 alice gochan send jobs one
	expect 1 alice gochan recv jobs
	expect 0 alice gochan info jobs len
	prints 1
	chmod 0644 /dev/gochans/jobs
	expect 1 alice gochan send jobs two
	expect 0 alice gochan recv jobs -n 1
	prints one
}

one_name_for_all() {
	make jobs --cap 4 --mode 0666
	expect 1 alice gochan make jobs
	says "jobs: name already in use; see 'gochan ls'"
	alice gochan send jobs hers
	expect 0 gochan recv /dev/gochans/jobs -n 1
	prints hers
}

rm_several() {
	make one
	make two
	expect 0 gochan rm one two
	prints_nothing
	expect 0 gochan ls -q
	prints_nothing
}

rm_missing() {
	make two
	expect 1 gochan rm one two
	says "one: no such channel; see 'gochan ls'"
	expect 0 gochan ls -q
	prints_nothing
	expect 1 gochan rm a/b
	says "a/b: no such directory; a name with a slash is a path, such as /dev/gochans/app/jobs"
	: >file
	expect 1 gochan rm ./file
	says "./file: not a channel; see 'gochan ls'"
	[ -f file ]
}

rm_by_other_user() {
	make jobs --mode 0666
	expect 1 alice gochan rm jobs
	says "jobs: owned by root; only its owner or root may remove it"
	alice gochan make mine >/dev/null
	expect 0 gochan rm mine
	[ -c /dev/gochans/jobs ]
}

rm_all_own() {
	make jobs --mode 0666
	alice gochan make one >/dev/null
	alice gochan make two >/dev/null
	expect 0 alice gochan rm --all
	expect 0 gochan ls -q
	prints jobs
	expect 0 gochan rm --all
	expect 0 gochan rm --all
}

# A user at the limit of channels can still remove one.
rm_at_the_limit() {
	alice gochan make jobs >/dev/null
	set_limit max_user_channels 1
	expect 0 alice gochan rm jobs
	expect 0 gochan ls -q
	prints_nothing
}

# ---- ls, info --------------------------------------------------------------------

ls_empty() {
	expect 0 gochan ls
	prints 'NAME OWNER GROUP MODE CAP SIZE LEN LEASED STATE WAIT-SEND WAIT-RECV OLDEST'
	says_nothing
}

ls_columns() {
	make jobs --cap 16 --mode 0622
	gochan send jobs a b
	alice gochan make results --size 100 >/dev/null
	gochan close results
	expect 0 gochan ls
	prints 'NAME    OWNER GROUP MODE CAP  SIZE LEN LEASED STATE  WAIT-SEND WAIT-RECV OLDEST
jobs    root  root  0622  16 65536   2      0 open           0         0      -
results alice alice 0600   0   100   0      0 closed         0         0      -'
	expect 0 alice gochan ls
	prints 'NAME    OWNER GROUP MODE CAP SIZE LEN LEASED STATE  WAIT-SEND WAIT-RECV OLDEST
jobs    root  root  0622   -    -   -      - -              -         -      -
results alice alice 0600   0  100   0      0 closed         0         0      -'
}

ls_names() {
	make b
	make a
	expect 0 gochan ls -q
	prints 'a
b'
}

ls_long_name() {
	name=x$(printf '%0254d' 0)
	expect 0 alice gochan make "$name"
	prints "/dev/gochans/$name"
	expect 0 gochan ls -q
	prints "$name"
	expect 0 alice gochan rm "$name"
	expect 0 gochan ls -q
	prints_nothing
}

info_fields() {
	make jobs --cap 4 --size 10
	gochan send jobs one three
	expect 0 gochan info jobs
	prints "name:              jobs
id:                $(gochan info jobs id)
capacity:          4
msg_size:          10
flags:             none
closed:            no
len:               2
bytes:             8
senders_waiting:   0
receivers_waiting: 0
send_handles:      0
recv_handles:      0
sent:              2
received:          0
send_blocked:      0
recv_blocked:      0
requeued:          0"
	expect 2 gochan info jobs nonsense
}

info_excludes_itself() {
	make jobs
	exec 3>/dev/gochans/jobs
	is "$(gochan info jobs send_handles recv_handles | tr '\n' ' ')" '1 0 '
	exec 3>&-
	is "$(gochan info jobs send_handles recv_handles | tr '\n' ' ')" '0 0 '
}

# ---- --fd ------------------------------------------------------------------------

fd_channel() {
	exec 3<>/dev/gochan
	expect 0 gochan info --fd 3 capacity msg_size name
	prints '0
4096
none'
	gochan send --fd 3 one two &
	expect 0 gochan recv --fd 3 -n 2
	prints 'one
two'
	wait $! || fail 'the sender failed'
	expect 0 gochan close --fd 3
	expect 3 gochan close --fd 3
	says 'descriptor 3: already closed'
	expect 0 gochan recv --fd 3
	prints_nothing
}

fd_wrong_rights() {
	make jobs --cap 4
	exec 3</dev/gochans/jobs 4>/dev/gochans/jobs
	expect 0 gochan send --fd 4 x
	expect 0 gochan recv --fd 3 -n 1
	expect 1 gochan send --fd 3 x
	says 'descriptor 3: not open for sending'
	expect 1 gochan recv --fd 4
	says 'descriptor 4: not open for receiving'
}

fd_not_a_channel() {
	exec 3<>/dev/null
	expect 1 gochan recv --fd 3
	says "descriptor 3: not a channel; see 'gochan ls'"
	expect 1 gochan send --fd 3 x
	expect 1 gochan info --fd 3
	expect 1 gochan close --fd 3
	says "descriptor 3: not a channel; see 'gochan ls'"
}

fd_not_open() {
	expect 1 gochan recv --fd 9
	says 'descriptor 9: not open; in a shell, open a channel with: exec 9<>/dev/gochan'
	expect 2 gochan recv --fd x
	expect 2 gochan recv --fd -1
}

# ---- select, each ------------------------------------------------------------------

select_several() {
	make a --cap 4
	make b --cap 4
	make c
	gochan send a one two
	gochan send b three
	gochan close a
	gochan close b
	gochan close c
	expect 0 gochan select a b c
	sort out >sorted
	printf 'a: one\na: two\nb: three\n' | cmp - sorted
}

select_times_out() {
	make a
	make b
	expect 4 gochan select a b --timeout 0.05
	expect 4 gochan select a b --timeout 0
	says_nothing
}

select_count() {
	make a
	make b
	gochan send b one &
	expect 0 gochan select a b -n 1
	prints 'b: one'
	wait $!
	gochan close a
	gochan close b
	expect 3 gochan select a b -n 1
	prints_nothing
}

each_message() {
	make jobs --cap 4
	gochan send jobs one '' 'three words here'
	gochan close jobs
	expect 0 gochan each jobs -- wc -c
	prints '3
0
16'
}

each_in_parallel() {
	make jobs --cap 4
	make gate
	gochan send jobs one two three
	gochan close jobs
	gochan each jobs -j 3 -- gochan send gate --whole &
	until_info gate senders_waiting 3
	gochan recv gate -n 3 | sort >out
	prints 'one
three
two'
	wait $! || fail 'each failed'
}

each_failure() {
	make jobs --cap 4
	gochan send jobs one two
	gochan close jobs
	expect 1 gochan each jobs -- sh -c 'cat; echo; exit 5'
	prints 'one
two'
	says 'sh: exited with status 5
gochan: sh: exited with status 5'
}

# costs_no_message WHAT COMMAND...: each cannot run it, says WHAT once, and leaves
# the messages in the channel, which is not closed.
costs_no_message() {
	what=$1
	shift
	for workers in 1 3; do
		expect 1 timeout 20 gochan each jobs -j $workers -- "$@"
		says "$what"
		prints_nothing
		is "$(gochan info jobs len received | tr '\n' ' ')" '2 0 '
	done
}

each_missing_command() {
	make jobs --cap 4
	gochan send jobs one two
	costs_no_message 'no-such-command: No such file or directory' no-such-command
	costs_no_message './no-such-command: No such file or directory' ./no-such-command
	costs_no_message 'out/x: Not a directory' out/x
	costs_no_message ': No such file or directory' ''
}

each_not_executable() {
	make jobs --cap 4 --mode 0666
	gochan send jobs one two
	echo 'echo hello' >script
	costs_no_message './script: Permission denied' ./script
	mkdir dir
	costs_no_message './dir: Is a directory' ./dir
	# another user's program; root may execute any that is executable
	chmod 700 script
	expect 1 alice "cd $PWD && timeout 20 gochan each jobs -- ./script"
	says './script: Permission denied'
	is "$(gochan info jobs len)" 2
}

# Files that cannot be executed are passed over, and are the error if there is no other.
each_searches_path() {
	make jobs --cap 4
	gochan send jobs one two
	mkdir first second first/directory
	echo 'no program' >first/command
	PATH=$PWD/first:$PWD/second:$PATH
	costs_no_message 'command: Permission denied' command
	costs_no_message 'directory: No such file or directory' directory
	# shellcheck disable=SC2016 # the script's own name
	printf '#!/bin/sh\ncat; echo " $0"\n' >second/command
	chmod +x second/command
	gochan close jobs
	expect 0 gochan each jobs -- command
	prints "one $PWD/second/command
two $PWD/second/command"
}

each_bad_interpreter() {
	make jobs --cap 4
	gochan send jobs one two
	printf '#!/no/such/interpreter\n' >script
	chmod +x script
	costs_no_message './script: its interpreter does not exist' ./script
	printf '#!%s\n' "$PWD/script" >script
	costs_no_message './script: Too many levels of symbolic links' ./script
}

each_unknown_format() {
	make jobs --cap 4
	gochan send jobs one two
	printf '\177ELF, of a machine that does not exist' >program
	chmod +x program
	costs_no_message './program: Exec format error' ./program
	: >program
	costs_no_message './program: Exec format error' ./program
}

# As many arguments as gochan itself can get: a script gets more, its interpreter's.
# shellcheck disable=SC3045 # busybox has ulimit -s
each_arguments_too_long() {
	make jobs --cap 4
	gochan send jobs one two
	printf '#!/bin/sh %0200d\n' 0 >script
	chmod +x script
	ulimit -s 256
	# the most with which gochan gets as far as to find no such channel
	least=100000 most=131072
	while [ $((least + 1)) -lt $most ]; do
		middle=$(((least + most) / 2))
		half=$(printf "%0$((middle / 2))d" 0)
		timeout 20 gochan each none -j 1 -- ./script "$half" "$half" 2>err || true
		if grep -q '^gochan: none: no such channel' err; then
			least=$middle
		else
			most=$middle
		fi
	done
	half=$(printf "%0$((least / 2))d" 0)
	costs_no_message './script: Argument list too long' ./script "$half" "$half"
}

# With a limit of processes each works, or fails before it takes a message.
# shellcheck disable=SC3045 # busybox has ulimit -u
each_process_limit() {
	failed=0 worked=0
	for limit in 1 2 3 4 5 6; do
		make jobs --cap 1 --mode 0666
		gochan send jobs one
		gochan close jobs
		status=0
		su alice -c "ulimit -u $limit && exec gochan each jobs -- cat" >out 2>err ||
			status=$?
		if [ $status = 0 ]; then
			worked=$((worked + 1))
			is "$(cat out)" one
		else
			failed=$((failed + 1))
			says 'cat: cannot start a process: your limit of processes is reached (ulimit -u)'
			expect 0 gochan recv jobs
			prints one
		fi
		gochan rm jobs
	done
	[ $failed -gt 1 ] || fail 'no limit was too low for a worker'
	[ $worked -gt 0 ] || fail 'all limits were too low'
}

each_file_size_limit() {
	make jobs --cap 4
	gochan send jobs '' "$(printf '%0512d' 1)" "$(printf '%0513d' 2)" three
	(
		ulimit -f 1
		expect 1 timeout 20 gochan each jobs -j 2 -- wc -c
		grep -qFx 'gochan: jobs: a message of 513 bytes exceeds your limit of file sizes (ulimit -f)' \
			err
		sort -n out >sorted
	) || fail "$(cat err)"
	is "$(tr '\n' ' ' <sorted)" '0 512 '
	is "$(gochan info jobs len)" 2
}

# A command that cannot be run any more when there is a message.
each_command_vanishes() {
	make jobs --cap 4
	# shellcheck disable=SC2016 # the script's own name
	printf '#!/bin/sh\ncat; echo\nmv "$0" "$0.away"\n' >script
	chmod +x script
	gochan send jobs one two
	gochan close jobs
	: >err
	gochan each jobs -- ./script >got 2>err &
	until_said $!
	says './script: No such file or directory; trying again until it can be run'
	is "$(cat got)" one
	mv script.away script
	wait $! || fail "each failed: $(cat err)"
	is "$(cat got)" 'one
two'
	says './script: No such file or directory; trying again until it can be run'
}

# Without the trial the command is still found, and no message is lost.
each_without_tracing() {
	scope=/proc/sys/kernel/yama/ptrace_scope
	[ -e $scope ] || return 0
	before=$(cat $scope)
	trap 'echo "$before" >$scope' EXIT
	echo 2 >$scope
	make jobs --cap 4 --mode 0666
	gochan send jobs one
	expect 1 alice timeout 20 gochan each jobs -- no-such-command
	says 'no-such-command: No such file or directory'
	printf '#!/no/such/interpreter\n' >script
	chmod +x script
	gochan close jobs
	: >err
	alice "cd $PWD && exec gochan each jobs -- ./script" >got 2>err &
	until_said $!
	says './script: its interpreter does not exist; trying again until it can be run'
	printf '#!/bin/sh\ncat\n' >script
	wait $! || fail "each failed: $(cat err)"
	is "$(cat got)" one
}

# ---- descriptors that are O_NONBLOCK -------------------------------------------------

nonblocking_channel_recv() {
	exec 3<>/dev/gochan
	"$nonblock" 3 gochan recv --fd 3 -n 1 >got &
	until_info --fd=3 receivers_waiting 1
	expect 0 gochan send --fd 3 hello
	wait $! || fail "recv ended with $?"
	is "$(cat got)" hello
	# it is O_NONBLOCK for all who have it, for dd as well
	! dd <&3 2>err || fail 'recv made the descriptor blocking'
	grep -q 'Resource temporarily unavailable' err
	expect 4 gochan recv --fd 3 --timeout 0
	expect 4 gochan recv --fd 3 --timeout 0.05
}

nonblocking_channel_send() {
	exec 3<>/dev/gochan
	"$nonblock" 3 gochan send --fd 3 one two 2>err &
	until_info --fd=3 senders_waiting 1
	expect 0 gochan recv --fd 3 -n 2
	prints 'one
two'
	wait $! || fail "send ended with $?: $(cat err)"
	echo three | "$nonblock" 3 gochan send --fd 3 2>err &
	until_info --fd=3 senders_waiting 1
	expect 0 gochan recv --fd 3 -n 1
	prints three
	wait $! || fail "send ended with $?: $(cat err)"
	expect 4 gochan send --fd 3 x --timeout 0
	says 'descriptor 3: message 1 was not sent: it would block'
	expect 4 gochan send --fd 3 x --timeout 0.05
	says 'descriptor 3: message 1 was not sent: timed out'
}

nonblocking_channel_each() {
	exec 3<>/dev/gochan
	"$nonblock" 3 gochan each --fd 3 -j 2 -- cat >got 2>err &
	until_info --fd=3 receivers_waiting 2
	expect 0 gochan send --fd 3 hello
	until_info --fd=3 receivers_waiting 2
	expect 0 gochan close --fd 3
	wait $! || fail "each ended with $?: $(cat err)"
	is "$(cat got)" hello
}

nonblocking_channel_select() {
	make jobs
	exec 3<>/dev/gochan
	"$nonblock" 3 gochan select --fd 3 jobs -n 1 >got &
	until_info --fd=3 receivers_waiting 1
	expect 0 gochan send --fd 3 hello
	wait $! || fail "select ended with $?"
	is "$(cat got)" 'descriptor 3: hello'
}

nonblocking_channel_others() {
	exec 3<>/dev/gochan
	expect 0 "$nonblock" 3 gochan info --fd 3 closed send_handles
	prints 'no
1'
	expect 0 gochan close --fd 3
	expect 3 gochan close --fd 3
}

# A pipe that is empty at first, and then again.
nonblocking_input() {
	make jobs --cap 4
	open_pipe
	"$nonblock" 0 gochan send jobs <&4 2>err 5>&- &
	until_asleep $!
	echo one >&5
	until_info jobs len 1
	until_asleep $!
	echo two >&5
	until_info jobs len 2
	exec 5>&-
	wait $! || fail "send ended with $?: $(cat err)"
	expect 0 gochan recv jobs -n 2
	prints 'one
two'

	# --whole reads until end of file
	open_pipe
	"$nonblock" 0 gochan send jobs --whole <&4 2>err 5>&- &
	printf three >&5
	until_asleep $!
	exec 5>&-
	wait $! || fail "send --whole ended with $?: $(cat err)"
	expect 0 gochan recv jobs -n 1
	prints three
}

# A line that arrives in two parts is one message.
nonblocking_input_in_parts() {
	make jobs --cap 4
	open_pipe
	printf 'begin ' >&5
	"$nonblock" 0 gochan send jobs <&4 2>err 5>&- &
	until_asleep $!
	echo end >&5
	exec 5>&-
	wait $! || fail "send ended with $?: $(cat err)"
	expect 0 gochan recv jobs -n 1
	prints 'begin end'
	is "$(gochan info jobs sent)" 1
}

# A message longer than a pipe, and output into a pipe that is full.
nonblocking_output() {
	make jobs --cap 1 --size 300000
	seq 30000 >sent
	gochan send jobs --whole <sent
	open_pipe
	"$nonblock" 1 gochan recv jobs -n 1 --raw >&5 2>err 4<&- &
	head -c "$(wc -c <sent)" <&4 >got
	wait $! || fail "recv ended with $?: $(cat err)"
	cmp sent got

	for command in 'info jobs capacity' '--version'; do
		open_pipe
		! "$nonblock" 1 cat /dev/zero >&5 2>/dev/null || fail 'the pipe cannot be filled'
		# shellcheck disable=SC2086 # split into words
		gochan $command >&5 2>err 4<&- &
		until_asleep $!
		exec 5>&-
		tr -d '\0' <&4 >got
		wait $! || fail "$command ended with $?: $(cat err)"
		# shellcheck disable=SC2086 # split into words
		gochan $command | cmp - got
	done
}

# An error message into a pipe that is full.
nonblocking_error_output() {
	open_pipe
	! "$nonblock" 1 cat /dev/zero >&5 2>/dev/null || fail 'the pipe cannot be filled'
	: >err
	gochan recv no-such-name 2>&5 4<&- &
	until_asleep $!
	exec 5>&-
	tr -d '\0' <&4 >err
	! wait $! || fail 'no error'
	says "no-such-name: no such channel; see 'gochan ls'"
}

# ---- limits ------------------------------------------------------------------------

limit_user_channels() {
	alice gochan make one >/dev/null
	set_limit max_user_channels 1
	expect 1 alice gochan make two
	says "two: over a limit of user alice: max_user_channels is 1; root can raise it in $limit"
}

# Directories count as names.
limit_user_names() {
	alice mkdir /dev/gochans/dir
	set_limit max_user_named 1
	trap 'echo "$before" >"$limit"; rmdir /dev/gochans/dir' EXIT
	expect 1 alice gochan make jobs
	says "jobs: over a limit of user alice: max_user_named is 1; root can raise it in $limit"
	expect 1 alice gochan make /dev/gochans/dir/jobs
	says "/dev/gochans/dir/jobs: over a limit of user alice: max_user_named is 1;\
 root can raise it in $limit"
}

limit_user_bytes() {
	set_limit max_user_bytes 20000
	expect 1 alice gochan make jobs --cap 4
	says "jobs: over a limit of user alice: max_user_bytes is 20000; make it with a smaller --size\
 or --cap; root can raise it in $limit"
	expect 0 alice gochan make jobs --cap 4 --size 4096
}

# It counts the bytes of all users but root.
limit_max_bytes() {
	alice gochan make one --cap 4 --size 4096 >/dev/null
	set_limit max_bytes 20000
	expect 1 alice gochan make two --cap 4 --size 4096
	says "two: over a limit of all users but root: max_bytes is 20000; make it with a smaller\
 --size or --cap; root can raise it in $limit"
	expect 0 gochan make two --cap 4
}

# A send that blocks is charged for its message.
limit_blocked_send() {
	make jobs --size 10000 --mode 0666
	message=$(printf '%08000d' 0)
	set_limit max_user_bytes 1000
	expect 1 alice gochan send jobs --timeout 10 "$message"
	says "jobs: over a limit of user alice: max_user_bytes is 1000; root can raise it in $limit"
	echo "$before" >"$limit"
	set_limit max_bytes 1000
	expect 1 alice gochan send jobs --timeout 10 "$message"
	says "jobs: over a limit of all users but root: max_bytes is 1000; root can raise\
 it in $limit"
}

limit_select() {
	make a --cap 1
	make b --cap 1
	set_limit max_select 2
	expect 1 gochan select a b
	says "number of ops 3: the limit is 2; see $limit"
}

# In a user namespace the limits are those of users outside.
limit_in_namespace() {
	set_limit max_user_channels 0
	expect 1 alice unshare -U -r gochan make jobs
	says "jobs: over a limit of your user outside of this user namespace, or of its owner:\
 max_user_channels is 0; root can raise it in $limit"
}

# ---- help and usage ------------------------------------------------------------------

commands='make rm ls info close send recv select each ps top trace deadlock dead'

# expect_wrong COMMAND [ARGUMENT...]: wrong usage, of which deadlock has another status, as
# its usual ones are answers.
expect_wrong() {
	if [ "$1" = deadlock ]; then
		expect 5 gochan "$@"
	else
		expect 2 gochan "$@"
	fi
	prints_nothing
}

# However one asks for it, the same text on standard output.
help_is_one() {
	expect 0 gochan --help
	says_nothing
	mv out text
	head -n 1 text | grep -q '^Usage: gochan COMMAND'
	for command in $commands help; do
		grep -q "^  $command " text
	done
	for option in -h help; do
		expect 0 gochan $option
		says_nothing
		cmp out text
	done
	for command in $commands; do
		expect 0 gochan "$command" --help
		says_nothing
		mv out text
		head -n 1 text | grep -q "^Usage: gochan $command "
		expect 0 gochan "$command" -h
		says_nothing
		cmp out text
		expect 0 gochan help "$command"
		says_nothing
		cmp out text
	done
}

# 80 columns, and options described from the 23rd on.
help_style() {
	for command in '' $commands; do
		# shellcheck disable=SC2086 # no argument if it is empty
		gochan help $command >text
		awk 'length($0) > 80 || /\t/ || / $/ { print FILENAME ": " $0; bad = 1 }
			END { exit bad }' text || fail "$command"
		grep -E '^( {2}| {6})-' text >options
		grep -vE '^  (-.|-., --[a-z]+|    --[a-z-]+)[ =[]' options && fail "$command"
		grep -vE '^.{20}  [^ ]' options && fail "$command"
		grep -Fqx '  -h, --help          show this help' text || fail "$command"
	done
}

# getopt(3) prints all options that an ambiguous one may be.
help_has_all_options() {
	for command in $commands; do
		expect_wrong "$command" --=x
		grep -o "'--[a-z-]*'" err | tr -d "'" | sort >known
		gochan help "$command" | grep -E '^( {2}| {6})-' | grep -o -- '--[a-z-]*  *\|--[a-z-]*[ =[]' |
			grep -o -- '--[a-z-]*' | sort -u >described
		[ "$(wc -l <known)" -ge 2 ] || fail "$command: $(cat err)"
		cmp known described || fail "$command: $(diff known described)"
	done
}

no_command() {
	expect 2 gochan
	prints_nothing
	head -n 1 err | grep -q '^Usage: gochan COMMAND'
	for command in $commands; do
		grep -q "^  $command " err
	done
	is "$(tail -n 2 err)" "gochan: no command given
See 'gochan --help'."
}

# misspelled WORD [COMMAND]: what it says, once as a command and once for help.
misspelled() {
	suggestion=
	for before in '' help; do
		# shellcheck disable=SC2086 # no argument if it is empty
		expect 2 gochan $before "$1"
		prints_nothing
		[ $# = 1 ] || suggestion="; did you mean '$2'?"
		says "$1: no such command$suggestion
See 'gochan --help'."
	done
}

unknown_command() {
	misspelled nonsense
	misspelled foo
	misspelled ''
	misspelled a-word-that-is-longer-than-any-command
	misspelled sned send
	misspelled list ls
	misspelled rcv recv
	misspelled deadlokc deadlock
	misspelled sel select
	expect 2 gochan --nonsense
	says "unrecognized option '--nonsense'
See 'gochan --help'."
	expect 2 gochan help make ls
	says "help takes at most one command
See 'gochan --help'."
}

version() {
	expect 0 gochan --version
	grep -Eqx 'gochan [0-9]+\.[0-9]+\.[0-9]+, interface 2' out
	mv out text
	expect 0 gochan -V
	cmp out text
	status=0
	gochan --version >/dev/full 2>err || status=$?
	is $status 1
	says 'standard output: No space left on device'
}

usage_errors() {
	make jobs
	for command in $commands; do
		expect_wrong "$command" --nonsense
		grep -qF "See 'gochan $command --help'." err
		grep -qF "gochan $command: unrecognized option" err
	done
	for command in make rm info close send recv select each dead; do
		expect 2 gochan $command
	done
	expect 2 gochan make a b
	expect 2 gochan make a --cap -1
	expect 2 gochan make a --cap 1x
	expect 2 gochan make a --cap 4294967296
	expect 2 gochan make a --mode 1000
	expect 2 gochan make a --mode rw
	expect 2 gochan make a --fixed --size 0
	expect 2 gochan make a --fixed
	expect 2 gochan rm --all jobs
	expect 2 gochan ls jobs results
	expect 2 gochan close jobs jobs
	expect 2 gochan recv jobs jobs
	expect 2 gochan recv jobs -n x
	expect 2 gochan recv jobs --timeout x
	expect 2 gochan recv jobs --timeout -1
	expect 2 gochan recv jobs --timeout nan
	expect 2 gochan send jobs --whole x
	expect 2 gochan send jobs -0 x
	expect 2 gochan each jobs
	expect 2 gochan each jobs -j 0 -- true
}

# expect_all TEXT COMMAND...: each command of gochan fails and says this.
expect_all() {
	message=$1
	shift
	for command; do
		# shellcheck disable=SC2086 # split into words
		expect 1 gochan $command
		says "$message"
	done
}

# expect_open NAME TEXT: each command that opens a channel fails and says this.
expect_open() {
	expect_all "$2" "info $1" "close $1" "send $1 x" "recv $1" "select $1" "each $1 -- true" \
		"dead $1"
}

# expect_named NAME TEXT: make and rm, too.
expect_named() {
	expect_all "$2" "make $1" "rm $1"
	expect_open "$1" "$2"
}

not_a_gochanfs_path() {
	path='a name with a slash is a path, such as /dev/gochans/app/jobs'
	mkdir plain
	: >file
	: >plain/file
	expect_named no/jobs "no/jobs: no such directory; $path"
	expect_named no/app/jobs "no/app/jobs: no such directory; $path"
	expect_named plain/jobs "plain/jobs: not on a gochanfs; $path"
	expect_named file/jobs 'file/jobs: Not a directory'
	expect_open plain/file "plain/file: not on a gochanfs; $path"
	expect_all "plain/file: not a channel; see 'gochan ls'" 'rm plain/file'
	expect_named /dev/gochans/no/jobs \
		'/dev/gochans/no/jobs: no such directory; create it with: mkdir /dev/gochans/no/'
	mkdir /dev/gochans/no/
	trap 'rm -f /dev/gochans/no/jobs; rmdir /dev/gochans/no' EXIT
	expect_all "/dev/gochans/no: not a channel; see 'gochan ls'" 'rm /dev/gochans/no' \
		'info /dev/gochans/no' 'recv /dev/gochans/no'
	expect 0 gochan make /dev/gochans/no/jobs
}

copied_device() {
	mknod copy c 0 0
	expect_open ./copy "./copy: a copy of a channel's device file; open the original"
}

nodev() {
	make jobs
	mkdir nodev
	mount -t gochan -o nodev gochan nodev
	trap 'umount nodev; mount -o remount,dev /dev/gochans' EXIT
	what='channels cannot be opened on a filesystem mounted nodev; remount it:'
	what="$what mount -o remount,dev DIRECTORY"
	expect 1 gochan make nodev/jobs
	says "nodev/jobs: $what"
	mount -o remount,nodev /dev/gochans
	expect_open jobs "jobs: $what"
	mount -o remount,dev nodev
	expect 0 gochan make nodev/jobs
}

not_mounted() {
	umount /dev/gochans || fail 'it cannot be unmounted'
	what='no gochanfs is mounted: sudo mount -t gochan -o x-mount.mkdir gochan /dev/gochans'
	for name in jobs /dev/gochans/jobs /dev/gochans/app/jobs; do
		expect_named $name "$what"
	done
	expect_all "$what" ls 'rm --all'
	# what a shell's > does where none is mounted
	: >/dev/gochans/jobs
	trap 'rm /dev/gochans/jobs' EXIT
	expect_all "$what" 'make jobs'
	expect_open jobs "$what"
}

# Neither loaded nor where the kernel would find it for a mount.
module_not_installed() {
	modules=/lib/modules/$(uname -r)/modules.dep
	umount /dev/gochans
	rmmod gochan
	trap 'mv -f modules.dep "$modules"; modprobe gochan' EXIT
	cp "$modules" .
	expect_all 'no gochanfs is mounted: sudo mount -t gochan -o x-mount.mkdir gochan /dev/gochans' \
		'make jobs' ls
	expect_all 'descriptor 9: not open; the module is not loaded: sudo modprobe gochan' \
		'recv --fd 9'
	echo 'kernel/fs/other.ko: kernel/gochan.ko' >"$modules"
	what="the module is neither loaded nor in ${modules%/*}: install it for this kernel"
	expect_all "$what" 'make jobs' ls 'rm jobs' 'recv jobs'
	expect_all "descriptor 9: not open; $what" 'recv --fd 9'
}

# The module is loaded, but there is no device, as in a container.
no_device() {
	mv /dev/gochan /dev/gochan.away
	trap 'mv /dev/gochan.away /dev/gochan' EXIT
	what='/dev/gochan does not exist, although the module is loaded: '
	what="descriptor 9: not open; ${what}a container has to be given it, as by docker run --device"
	expect_open '--fd 9' "$what"
	# names do not need it
	expect 0 gochan make jobs --cap 1
	expect 0 gochan send jobs x
}

# Somebody wrote to it before the module was loaded.
device_is_a_file() {
	what="/dev/gochan is not the module's device, but an older file: "
	what="${what}remove it, unmount every gochanfs and reload the module"
	umount /dev/gochans
	rmmod gochan
	trap 'rm -f /dev/gochan; rmmod gochan || true; modprobe gochan' EXIT
	echo hello >/dev/gochan
	expect_all "descriptor 9: not open; $what" 'recv --fd 9'
	modprobe gochan
	exec 3<>/dev/gochan
	expect_open '--fd 3' "descriptor 3: not a channel; $what"
	exec 3>&-
	is "$(cat /dev/gochan)" hello
	# do what it says
	rm /dev/gochan
	rmmod gochan
	modprobe gochan
	exec 3<>/dev/gochan
	expect 0 gochan info --fd 3
	exec 3>&-
}

# A device file of a number that is not the module's, at first one of no driver.
stale_device() {
	mv /dev/gochan /dev/gochan.away
	trap 'mv -f /dev/gochan.away /dev/gochan' EXIT
	what="/dev/gochan has another number than the module's device: "
	what="${what}remove it, unmount every gochanfs and reload the module"
	mknod -m 666 /dev/gochan c 4095 0
	! (exec 3<>/dev/gochan) || fail 'it could be opened'
	expect_all "descriptor 9: not open; $what" 'recv --fd 9'
	rm /dev/gochan
	mknod -m 666 /dev/gochan c 1 3
	exec 3<>/dev/gochan
	expect_open '--fd 3' "descriptor 3: not a channel; $what"
	# another descriptor has nothing to do with it
	expect_all "descriptor 4: not a channel; see 'gochan ls'" 'recv --fd 4' 4<>/dev/zero
}

# The command of another version of the interface says which side is too old.
other_abi() {
	version=$(gochan --version)
	version=${version##* }
	later='too old for the module, whose interface is later than'
	needs='too old for this command, which needs interface'
	make jobs --cap 4
	exec 3<>/dev/gochan
	for command in 'make more' ls 'info jobs' 'close jobs' 'send jobs x' 'recv jobs' \
		'each jobs -- true' 'select jobs' 'info --fd 3' 'send --fd 3 x'; do
		# shellcheck disable=SC2086 # split into words
		expect 1 "$here/other-abi/older" $command
		says "this command: $later $((version - 1)); update it"
		# shellcheck disable=SC2086 # split into words
		expect 1 "$here/other-abi/unknown" $command
		says "this command: $later $version; update it"
		# shellcheck disable=SC2086 # split into words
		expect 1 "$here/other-abi/newer" $command
		says "the module: $needs $((version + 1)); update it, then reload it"
	done
	is "$(gochan info jobs closed sent | tr '\n' ' ')" 'no 0 '
	expect 0 "$here/other-abi/newer" ls -q
	prints jobs
	expect 0 "$here/other-abi/newer" rm --all
}

here=$(realpath "$(dirname "$0")")
nonblock=$here/nonblock
# shellcheck source-path=SCRIPTDIR source=helpers/shell.sh
. "$here/shell.sh"
run_tests "$@"
