#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# Machines for the tests of the bridge. m1, m2 and m3 have each a network namespace, a mount
# namespace with a gochanfs of its own on /dev/gochans, and a control group for all their
# processes. Their links meet at a network bridge of the guest; m1 is 10.0.0.1, and the tests
# themselves are 10.0.0.254. To be sourced.

# shellcheck source-path=SCRIPTDIR/../user/helpers source=shell.sh
. "$(dirname "$0")/shell.sh"

# shellcheck disable=SC2034 # for the tests
here=$(realpath "$(dirname "$0")")
groups=/sys/fs/cgroup
switch=net0
# Those of iproute2: a shell of busybox prefers its own.
ip=/usr/bin/ip
tc=/usr/bin/tc

# ---- waiting ------------------------------------------------------------------

# Seconds since the guest was started, which do not depend on its clock.
uptime_s() {
	cut -d. -f1 /proc/uptime
}

# within SECONDS COMMAND...: wait until it succeeds.
within() {
	limit_s=$1 deadline=$(($(uptime_s) + $1))
	shift
	until "$@" >tried 2>&1; do
		[ "$(uptime_s)" -le $deadline ] ||
			fail "not within $limit_s seconds: $*: $(tail -c 400 tried)"
		usleep 100000
	done
}

# has_passed UPTIME
has_passed() {
	[ "$(uptime_s)" -ge "$1" ]
}

# ---- processes ----------------------------------------------------------------

# What runs first on a machine: CGROUP DIRECTORY COMMAND...
# shellcheck disable=SC2016 # expanded by the other shell
enter='echo 0 >"$1/cgroup.procs" && cd "$2" && shift 2 && exec "$@"'

# on MACHINE COMMAND...
on() {
	machine=$1
	shift
	nsenter -t "$(cat "$machine.holder")" -n -m \
		sh -c "$enter" - "$groups/$machine" "$PWD" "$@"
}

# start NAME MACHINE COMMAND...: in the background; its output is in NAME.out and NAME.err.
start() {
	name=$1 machine=$2
	shift 2
	# Not only by the process that is about to begin: tests look for what it says.
	: >"$name.out"
	: >"$name.err"
	nsenter -t "$(cat "$machine.holder")" -n -m \
		sh -c "$enter" - "$groups/$machine" "$PWD" "$@" >"$name.out" 2>"$name.err" &
	echo $! >"$name.pid"
}

pid() {
	cat "$1.pid"
}

# A process that was started and has ended is a zombie until it is waited for.
is_running() {
	grep -q '^State:	[^ZX]' "/proc/$(pid "$1")/status" 2>/dev/null
}

is_over() {
	! is_running "$1"
}

# has_lines FILE COUNT
has_lines() {
	[ "$(wc -l <"$1")" = "$2" ]
}

# ends NAME STATUS SECONDS: it ends in time with this status.
ends() {
	within "$3" is_over "$1"
	status=0
	wait "$(pid "$1")" || status=$?
	[ $status = "$2" ] || fail "$1 ended with $status, not $2: $(tail -c 400 "$1.err")"
}

# stop NAME SIGNAL: send it, and wait for the end.
stop() {
	kill -"$2" "$(pid "$1")"
	within 20 is_over "$1"
	wait "$(pid "$1")" || :
}

# ---- machines -----------------------------------------------------------------

address() {
	echo "10.0.0.${1#m}"
}

# The network of all machines.
make_switch() {
	[ ! -e /sys/class/net/$switch ] || return 0
	modprobe veth
	modprobe bridge
	modprobe sch_netem
	$ip link set lo up
	$ip link add $switch type bridge
	$ip addr add 10.0.0.254/24 dev $switch
	$ip link set $switch up
}

# Holds the namespaces of a machine: CGROUP READY
# shellcheck disable=SC2016 # expanded by the other shell
hold='
	echo 0 >"$1/cgroup.procs"
	umount /dev/gochans
	mount -t gochan gochan /dev/gochans
	/usr/bin/ip link set lo up
	: >"$2"
	exec sleep 1000000'

power_on() {
	for machine; do
		mkdir -p "$groups/$machine"
		rm -f "$machine.ready"
		unshare -n -m sh -ec "$hold" - "$groups/$machine" "$PWD/$machine.ready" &
		echo $! >"$machine.holder"
	done
	for machine; do
		within 20 test -e "$machine.ready"
		holder=$(cat "$machine.holder")
		# The same hardware address each time, which the others may know already.
		$ip link add "$machine" type veth \
			peer name eth0 address "02:00:00:00:00:0${machine#m}" netns "$holder"
		$ip link set "$machine" master $switch up
		nsenter -t "$holder" -n $ip addr add "$(address "$machine")/24" dev eth0
		nsenter -t "$holder" -n $ip link set eth0 up
	done
}

is_empty() {
	grep -qx 'populated 0' "$groups/$1/cgroup.events"
}

# power_off MACHINE...: without a word to the others, since the link goes first.
power_off() {
	for machine; do
		[ -d "$groups/$machine" ] || continue
		! [ -e "/sys/class/net/$machine" ] || $ip link del "$machine"
		echo 1 >"$groups/$machine/cgroup.kill"
		within 20 is_empty "$machine"
		rmdir "$groups/$machine"
	done
}

# freeze MACHINE, thaw MACHINE: stop all its processes for a while.
freeze() {
	echo 1 >"$groups/$1/cgroup.freeze"
	within 20 grep -qx 'frozen 1' "$groups/$1/cgroup.events"
}

thaw() {
	echo 0 >"$groups/$1/cgroup.freeze"
}

# ---- links --------------------------------------------------------------------

# cut_link MACHINE..., heal_link MACHINE...: the machine sees that it has no carrier.
cut_link() {
	for machine; do
		$ip link set "$machine" down
	done
}

heal_link() {
	for machine; do
		$ip link set "$machine" up
	done
}

# shape MACHINE ARGUMENT...: of netem, in both directions, such as "loss 10% delay 20ms";
# "loss 100%" cuts the link unnoticed.
shape() {
	shaped=$1
	shift
	$tc qdisc replace dev "$shaped" root netem "$@"
	on "$shaped" $tc qdisc replace dev eth0 root netem "$@"
}

unshape() {
	$tc qdisc del dev "$1" root
	on "$1" $tc qdisc del dev eth0 root
}

# ---- tests --------------------------------------------------------------------

# Programs add what they know to what a failed test prints.
print_more() {
	:
}

# Print what a failed test has left: the beginnings and the ends of its logs, without the
# chatter of servers.
print_logs() {
	for file in *.err *.log; do
		grep -v '\[INF\]' "$file" >log || continue
		echo "--- $file"
		head -n 40 log
		tail -n +41 log | tail -n 20
	done
}

end_test() {
	[ "$1" = 0 ] || {
		print_logs
		print_more
	}
	power_off m1 m2 m3
	cd .. && rm -r machines
}

# with_machines MACHINE...: these are there until the test ends. The kernel's log says when
# a test starts.
with_machines() {
	# shellcheck disable=SC2154 # of run_tests
	echo "test: $test" >/dev/kmsg
	mkdir machines
	cd machines || exit
	trap 'end_test $?' EXIT
	make_switch
	power_on "$@"
}
