#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# gochan trace: what it prints, filters, when it ends, and that it leaves no instance of
# tracefs behind. Runs as root, with the module loaded and a user alice (1000). Arguments
# choose tests.

# shellcheck disable=SC2034 # for run_tests
tests='
	events_of_messages events_of_leases events_of_blocking events_of_channels
	select_and_result
	by_name by_name_with_slash by_descriptor
	by_pid by_pid_handoff pid_ends pid_read_late pid_missing
	command_status command_killed command_missing command_children command_only_its_own
	command_threads command_output output_file output_fails one_write_a_line
	killed_before_command
	interrupted busy output_waits command_ends_first broken_pipe
	killed_leaves_nothing_for_long foreign_instance instance_exists
	odd_names name_like_a_field renamed
	lost_events exit_event_lost unprivileged not_mounted no_module pid_namespace usage_errors
'

# ---- helpers ------------------------------------------------------------------

time='[0-2][0-9]:[0-5][0-9]:[0-5][0-9]\.[0-9]{6}'

# lines PATTERN [FILE]: how many lines match, after the time.
lines() {
	grep -cE "^$time $1\$" "${2:-traced}" || :
}

# shows PATTERN [FILE]: there is exactly one such line.
shows() {
	is "$(lines "$1" "${2:-traced}") of $1" "1 of $1"
}

shows_none() {
	is "$(lines "$1" "${2:-traced}") of $1" "0 of $1"
}

is_tracing() {
	grep -q 1 "$instances/gochan-$1/events/gochan/gochan_unlink/enable" 2>/dev/null
}

# trace ARGUMENT...: in the background, with its output to the file traced, as $tracer.
trace() {
	gochan trace "$@" >traced 2>err &
	tracer=$!
	trap 'cat traced err; kill -TERM $tracer 2>/dev/null || :' EXIT
	until_true is_tracing $tracer
}

# end: interrupt it, and wait. What happened before is printed then.
end() {
	kill -TERM "$tracer"
	terminated
}

terminated() {
	status=0
	wait "$tracer" || status=$?
	is "$status" 143
	no_instance
}

no_instance() {
	is "$(ls $instances)" ''
}

has_no_instance() {
	[ ! "$(ls $instances)" ]
}

# traffic CHANNEL: messages without a pause, from now to the end of the test.
traffic() {
	dd if=/dev/zero of="/dev/gochans/$1" bs=16 2>/dev/null &
	writer=$!
	dd if="/dev/gochans/$1" of=/dev/null bs=16 2>/dev/null &
	reader=$!
	trap 'cat err; kill -KILL $writer $reader $tracer 2>/dev/null || :' EXIT
}

# ---- what is printed -------------------------------------------------------------

events_of_messages() {
	gochan make jobs --cap 4
	trace
	gochan send jobs hello
	gochan recv jobs -n 1 >/dev/null
	end
	shows 'gochan-[0-9]+ +send +jobs +len 5, buffered'
	shows 'gochan-[0-9]+ +recv +jobs +len 5, was buffered'
}

events_of_leases() {
	make jobs --ack --cap 4
	make more --ack --cap 4
	trace jobs
	gochan send jobs hello
	gochan send more hello
	gochan recv jobs --no-ack -n 1 >/dev/null
	gochan recv jobs -n 1 >/dev/null
	gochan recv more -n 1 >/dev/null
	end
	shows 'gochan-[0-9]+ +lease +jobs +message 1, delivery 1'
	shows 'gochan-[0-9]+ +requeue +jobs +message 1, len 5'
	shows 'gochan-[0-9]+ +lease +jobs +message 1, delivery 2'
	shows 'gochan-[0-9]+ +ack +jobs +message 1'
	is "$(lines '.* (lease|requeue|ack) .*')" 4
}

events_of_blocking() {
	gochan make jobs
	trace
	gochan recv jobs -n 1 >/dev/null &
	receiver=$!
	until_info jobs receivers_waiting 1
	gochan send jobs hello &
	sender=$!
	wait $receiver
	wait $sender
	expect 4 gochan recv jobs --timeout 0.01
	end
	shows "gochan-$sender +send +jobs +len 5, handed off to gochan-$receiver"
	shows "gochan-$receiver +recv +jobs +len 5, handed off by gochan-$sender"
	shows "gochan-$receiver +select +- +op [0-9]+ of 2: ok"
	shows 'gochan-[0-9]+ +select +- +none of 2 ops: ETIMEDOUT'
	is "$(lines 'gochan-[0-9]+ +recv +jobs +blocks, in a select')" 1
	is "$(lines 'gochan-[0-9]+ +recv +jobs +blocks, in a select, with a deadline')" 1
}

# A plain read(2), which dd(1) makes.
select_and_result() {
	gochan make jobs
	trace
	dd if=/dev/gochans/jobs bs=16 count=1 >/dev/null 2>&1 &
	reader=$!
	until_info jobs receivers_waiting 1
	gochan close jobs
	wait $reader
	end
	shows "dd-$reader +recv +jobs +blocks"
	shows "dd-$reader +recv +jobs +closed, was blocked for [0-9]+\.[0-9]{6} s"
	shows 'gochan-[0-9]+ +close +jobs +id=[0-9]+'
}

events_of_channels() {
	trace
	gochan make jobs --cap 3 --size 20
	gochan rm jobs
	end
	shows 'gochan-[0-9]+ +create +#[0-9]+ +id=[0-9]+'
	shows 'gochan-[0-9]+ +setup +#[0-9]+ +capacity 3, size 20, flags 0'
	shows 'gochan-[0-9]+ +link +jobs +id=[0-9]+ name=jobs'
	shows 'gochan-[0-9]+ +unlink +jobs +id=[0-9]+ name=jobs'
	shows 'gochan-[0-9]+ +free +jobs +id=[0-9]+ len=0'
}

# ---- of what ---------------------------------------------------------------------

by_name() {
	gochan make jobs --cap 4
	gochan make other --cap 4
	trace jobs
	gochan send other x
	gochan send jobs x
	end
	shows 'gochan-[0-9]+ +send +jobs +len 1, buffered'
	is "$(wc -l <traced)" 1
	expect 1 gochan trace none
	says "none: no such channel; see 'gochan ls'"
	no_instance
}

by_name_with_slash() {
	mkdir /dev/gochans/dir
	gochan make /dev/gochans/dir/jobs --cap 4
	trace /dev/gochans/dir/jobs
	gochan send /dev/gochans/dir/jobs x
	end
	gochan rm /dev/gochans/dir/jobs
	rmdir /dev/gochans/dir
	shows 'gochan-[0-9]+ +send +/dev/gochans/dir/jobs +len 1, buffered'
}

by_descriptor() {
	exec 3<>/dev/gochan
	trace --fd 3
	gochan make jobs --cap 1
	gochan send jobs x
	gochan close --fd 3
	end
	exec 3>&-
	shows 'gochan-[0-9]+ +close +#[0-9]+ +id=[0-9]+'
	is "$(wc -l <traced)" 1
}

# The message is handed off by a process that is not traced.
by_pid_handoff() {
	gochan make jobs
	dd if=/dev/gochans/jobs bs=16 count=1 >/dev/null 2>&1 &
	reader=$!
	until_info jobs receivers_waiting 1
	trace --pid $reader
	gochan send jobs hello
	wait $reader
	wait $tracer
	no_instance
	shows "dd-$reader +recv +jobs +len 5, handed off by gochan-[0-9]+"
	shows "dd-$reader +recv +jobs +ok, was blocked for [0-9]+\.[0-9]{6} s"
	is "$(wc -l <traced)" 2
}

by_pid() {
	gochan make jobs --cap 9
	mkfifo go
	sh -c 'read x; gochan send jobs a; (gochan send jobs bc)' <go &
	shell=$!
	exec 3>go
	trace --pid $shell
	gochan send jobs def
	echo >&3
	exec 3>&-
	wait $tracer
	no_instance
	shows 'gochan-[0-9]+ +send +jobs +len 1, buffered'
	shows 'gochan-[0-9]+ +send +jobs +len 2, buffered'
	is "$(lines '.* +send .*')" 2
}

pid_ends() {
	sleep 100 &
	sleeper=$!
	trace --pid $sleeper
	kill -KILL $sleeper
	wait $tracer
	no_instance
}

# It has exited, and exited tasks are looked for, before its events are read: they are
# looked for once a second (PRUNE_SECONDS), and the tracer is stopped until that is over.
pid_read_late() {
	gochan make jobs --cap 999
	mkfifo input
	dd of=/dev/gochans/jobs bs=1 count=500 <input 2>/dev/null &
	sender=$!
	exec 3>input
	trace --pid $sender
	kill -STOP $tracer
	head -c 500 /dev/zero >&3
	exec 3>&-
	wait $sender
	sleep 1.1
	kill -CONT $tracer
	wait $tracer
	is "$(lines "dd-$sender +send +jobs +len 1, buffered")" 500
}

pid_missing() {
	true &
	wait $!
	expect 1 gochan trace --pid $!
	says "trace: --pid $!: no such process"
	no_instance
}

# ---- a command -------------------------------------------------------------------

command_status() {
	expect 0 gochan trace -- true
	expect 7 gochan trace -- sh -c 'exit 7'
	no_instance
}

command_killed() {
	# shellcheck disable=SC2016 # for the inner shell
	expect 137 gochan trace -- sh -c 'kill -KILL $$'
	no_instance
}

command_missing() {
	expect 127 gochan trace -- no-such-command
	says 'no-such-command: No such file or directory'
	expect 127 gochan trace -- ''
	says ': No such file or directory'
	echo 'echo ran' >script
	chmod 755 script
	expect 127 gochan trace -- ./script
	says './script: Exec format error'
	prints_nothing
	echo '#!/no/such/interpreter' >script
	expect 127 gochan trace -- ./script
	says './script: its interpreter does not exist'
	no_instance
}

# Until the last one has exited, although the command has before.
command_children() {
	gochan make jobs --cap 9
	expect 3 gochan trace -- sh -c '(usleep 200000; gochan send jobs abc) & exit 3'
	shows 'gochan-[0-9]+ +send +jobs +len 3, buffered' err
	no_instance
}

command_only_its_own() {
	gochan make jobs --cap 9999
	while :; do
		gochan send jobs x
	done &
	noise=$!
	expect 0 gochan trace -- sh -c 'gochan send jobs abc; gochan send jobs abc'
	kill $noise
	is "$(lines '.* +send +jobs +len 3, buffered' err)" 2
	shows_none '.* +len 1,.*' err
}

# A thread that executes a program takes over the thread ID of the group leader.
command_threads() {
	gochan make jobs --cap 9
	expect 0 gochan trace -- "$here/debugged" threads_exec
	shows 'gochan-[0-9]+ +send +jobs +len 2, buffered' err
	no_instance
}

command_output() {
	gochan make jobs --cap 4
	expect 0 gochan trace -- sh -c 'gochan send jobs a; gochan recv jobs -n 1'
	is "$(cat out)" a
	shows '.* +send +jobs +len 1, buffered' err
}

output_file() {
	gochan make jobs --cap 4
	expect 0 gochan trace -o file -- sh -c 'gochan send jobs a'
	is "$(cat out err)" ''
	shows '.* +send +jobs +len 1, buffered' file
	expect 1 gochan trace -o /no/such/file -- true
	says '/no/such/file: No such file or directory'
	no_instance
}

output_fails() {
	gochan make jobs --cap 4
	expect 1 gochan trace -o /dev/full -- gochan send jobs a
	says '/dev/full: No space left on device'
	status=0
	gochan trace -- gochan send jobs a 2>/dev/full || status=$?
	is $status 1
	no_instance
}

# Each write to a channel is a message.
one_write_a_line() {
	gochan make jobs --cap 4
	gochan make lines --cap 999
	gochan trace jobs -- gochan send jobs a 2>/dev/gochans/lines
	is "$(gochan info lines sent)" 1
	gochan recv lines -n 1 >traced
	shows 'gochan-[0-9]+ +send +jobs +len 1, buffered'
}

# Killed after it has made the process for COMMAND, and before all events are on.
killed_before_command() {
	gochan make jobs
	tries=50
	until killed_early; do
		tries=$((tries - 1))
		[ $tries != 0 ] || fail 'it was always too late'
	done
	until_true is_gone "$child"
	[ ! -e ran ] || fail 'ran without being traced'
}

killed_early() {
	rm -f ran
	gochan trace jobs -- sh -c 'echo >ran' 2>err &
	tracer=$!
	child=
	until [ "$child" ] || is_gone $tracer; do
		read -r child </proc/$tracer/task/$tracer/children || :
	done
	kill -KILL $tracer
	wait $tracer || :
	child=${child% }
	[ "$child" ] && ! is_tracing $tracer
}

# Or a zombie.
is_gone() {
	[ ! -e "/proc/$1/exe" ]
}

# ---- ends ------------------------------------------------------------------------

interrupted() {
	for sig in TERM HUP; do
		trace
		kill -$sig $tracer
		status=0
		wait $tracer || status=$?
		is "$status" $((128 + $(kill -l $sig)))
		no_instance
	done
	# in the foreground, since a shell ignores SIGINT for what it runs in the background
	(until_true one_instance && set -- $instances/gochan-* && kill -INT "${1##*-}") &
	expect 130 gochan trace
	no_instance
}

one_instance() {
	[ "$(ls $instances)" ]
}

# There are always more events to read.
busy() {
	gochan make jobs --cap 9
	trace -o /dev/null
	traffic jobs
	until_true has_sent 10000
	kill -TERM $tracer
	until_true has_no_instance
	terminated
}

has_sent() {
	[ "$(gochan info jobs sent)" -ge "$1" ]
}

# Its pipe has no reader, or is full.
output_waits() {
	gochan make jobs --cap 9
	mkfifo unread
	gochan trace -o unread 2>err &
	tracer=$!
	until_true one_instance
	until_asleep $tracer
	end
	exec 3<>unread
	trace -o unread
	traffic jobs
	until_true grep -q pipe_write /proc/$tracer/wchan
	kill -TERM $tracer
	until_true has_no_instance
	terminated
	exec 3>&-
	says_nothing
}

# Its end must not interrupt the output, which has more lines than fit into a pipe.
command_ends_first() {
	gochan make jobs --cap 9999
	mkfifo read_late end
	gochan trace -o read_late -- sh -c \
		'dd if=/dev/zero of=/dev/gochans/jobs bs=1 count=2000; read -r x <end' 2>err &
	tracer=$!
	exec 3<read_late
	until_true grep -q pipe_write /proc/$tracer/wchan
	child=$(cat /proc/$tracer/task/$tracer/children)
	echo >end
	until_true is_gone "${child% }"
	cat <&3 >traced
	exec 3<&-
	wait $tracer
	is "$(lines 'dd-[0-9]+ +send +jobs +len 1, buffered')" 2000
}

# Some sends after the first line, until the pipe is found broken.
broken_pipe() {
	gochan make jobs --cap 9999
	(gochan trace 2>err || echo $? >status) | head -n 1 >first &
	until_true ends_by_traffic
	is "$(cat status)" 141
	says_nothing
	no_instance
}

ends_by_traffic() {
	gochan send jobs x
	[ -s status ]
}

killed_leaves_nothing_for_long() {
	trace
	kill -KILL $tracer
	wait $tracer || :
	is "$(ls $instances)" "gochan-$tracer"
	# one in use stays
	trace
	expect 0 gochan trace -- true
	is "$(ls $instances)" "gochan-$tracer"
	end
}

# Another tracer may have a process ID that does not exist in this namespace.
foreign_instance() {
	gochan make jobs --cap 9
	trace jobs
	expect 1 unshare -pf --mount-proc gochan trace --pid 1
	gochan send jobs x
	end
	shows '.* +send +jobs +len 1, buffered'
}

# One that another process with the same ID has left.
instance_exists() {
	expect 0 sh -c "mkdir $instances/gochan-\$\$ && exec gochan trace -- true"
	says_nothing
	no_instance
}

# Names of tasks and channels that look like parts of a line, or control the terminal.
odd_names() {
	name=$(printf 'a b\377\033[2J\nlen=9 id=1')
	gochan make "$name" --cap 1
	mkfifo odd
	# shellcheck disable=SC2016 # for the inner shell
	sh -c 'printf "1.1: g\033[2J: " >/proc/$$/comm; read -r x; echo abc >"/dev/gochans/$1"' \
		- "$name" <odd &
	sender=$!
	exec 3>odd
	until_true grep -qF '[2J: ' "/proc/$sender/comm"
	trace
	echo >&3
	exec 3>&-
	wait $sender
	gochan make "$(printf 'new\377\033[2J\nlen=9 id=1')"
	end
	shows '1\.1: g\\033\[2J: -[0-9]+ +send +a b\\377\\033\[2J\\012len=9 id=1 +len 4, buffered'
	new='new\\377\\033\[2J\?len=9 id=1'
	shows ".* +link +$new +id=[0-9]+ name=$new"
	is "$(lines '.*')" "$(wc -l <traced)"
}

# It must not be taken for a field.
name_like_a_field() {
	trace
	gochan make 'x pid=1'
	gochan rm 'x pid=1'
	end
	shows 'gochan-[0-9]+ +link +x pid=1 +id=[0-9]+ name=x pid=1'
	shows 'gochan-[0-9]+ +unlink +x pid=1 +id=[0-9]+ name=x pid=1'
}

renamed() {
	gochan make jobs --cap 1
	trace
	mv /dev/gochans/jobs /dev/gochans/tasks
	gochan send tasks x
	end
	shows 'mv-[0-9]+ +unlink +jobs +id=[0-9]+ name=jobs'
	shows 'mv-[0-9]+ +link +tasks +id=[0-9]+ name=tasks'
	shows 'gochan-[0-9]+ +send +tasks +len 1, buffered'
}

lost_events() {
	gochan make jobs --cap 30000 --size 1 --fixed
	trace -o file
	kill -STOP $tracer
	echo 4 >$instances/gochan-$tracer/buffer_size_kb
	head -c 20000 /dev/zero >/dev/gochans/jobs
	kill -CONT $tracer
	end
	grep -qE '^\([0-9]+ events were lost here\)$' file || fail 'none were lost'
	grep -qE '^gochan: trace: [0-9]+ events were lost: .*' err || fail "said $(cat err)"
}

# Of the process that is followed, while there are events of others all the time.
exit_event_lost() {
	gochan make jobs --cap 30000 --size 1 --fixed
	gochan make others --cap 9
	sleep 100 &
	sleeper=$!
	trace --pid $sleeper
	kill -STOP $tracer
	echo 4 >$instances/gochan-$tracer/buffer_size_kb
	# the event must not be in the page that is being read, which is kept
	head -c 10000 /dev/zero >/dev/gochans/jobs
	kill $sleeper
	wait $sleeper || :
	head -c 10000 /dev/zero >/dev/gochans/jobs
	traffic others
	kill -CONT $tracer
	until_true has_no_instance
	wait $tracer
	is "$(lines '.*')" 0
}

# ---- errors ----------------------------------------------------------------------

unprivileged() {
	expect 1 su alice -c 'gochan trace'
	hint='GOCHAN_DEBUG=1 shows the calls of your own programs'
	says "trace: no access to $tracing: run it with sudo; $hint"
	expect 1 su alice -c 'gochan trace -- true'
	says "trace: no access to $tracing: run it with sudo; $hint"
	gochan make jobs --mode 0600
	echo kept >kept
	chmod 666 kept
	expect 1 su alice -c 'gochan trace -o kept jobs'
	says "trace: no access to $tracing: run it with sudo; $hint"
	is "$(cat kept)" kept
}

not_mounted() {
	umount $tracing
	umount /sys/kernel/debug
	status=0
	gochan trace >out 2>err || status=$?
	mount -t debugfs debugfs /sys/kernel/debug
	mount -t tracefs tracefs $tracing
	is $status 1
	says "trace: tracefs is not mounted: sudo mount -t tracefs nodev $tracing"
}

no_module() {
	umount /dev/gochans
	rmmod gochan
	status=0
	gochan trace >out 2>err || status=$?
	modprobe gochan
	is $status 1
	says 'trace: the module is not loaded: sudo modprobe gochan'
	no_instance
}

pid_namespace() {
	for arguments in '--pid 1' '-- true'; do
		# shellcheck disable=SC2086 # split into words
		expect 1 unshare -pf --mount-proc gochan trace $arguments
		says "trace: --pid and a command work only in the initial pid namespace: \
run it on the host, outside of the container"
	done
	no_instance
}

usage_errors() {
	for arguments in '--pid 0' '--pid x' '--pid 4294967295' 'a b' '--' '--pid 1 -- true' \
		'--what' '--fd x'; do
		# shellcheck disable=SC2086 # split into words
		expect 2 gochan trace $arguments
	done
	expect 0 gochan trace --help
	no_instance
}

# ---- main --------------------------------------------------------------------------

# Enabling events patches kernel code, with a breakpoint in between. In QEMU a processor that
# executes the code at that time may go on executing the breakpoint: use only one processor.
cpu1=/sys/devices/system/cpu/cpu1/online
[ ! -e $cpu1 ] || {
	trap 'echo 1 >$cpu1' EXIT
	echo 0 >$cpu1
}

here=$(realpath "$(dirname "$0")")
tracing=/sys/kernel/tracing
instances=$tracing/instances
grep -q " $tracing tracefs " /proc/mounts || mount -t tracefs tracefs $tracing

# shellcheck source-path=SCRIPTDIR source=helpers/shell.sh
. "$here/shell.sh"
run_tests "$@"
