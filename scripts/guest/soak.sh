#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# Runs in the guest: runs each selftest once, because some objects are allocated on
# first use and never freed, and then random selftests for SECONDS in total, after each
# of which it prints what the kernel has allocated. scripts/soak evaluates the output.
#
#   soak.sh SECONDS SEED
set -eu

seconds=$1
random=$2
tests='abi basic batch claim_race close cred deferred fixed limits memory module
	names ops order pass peek poll races requeued results_fault select select_many
	select_poll stress uring waiting'
parameters=/sys/module/gochan/parameters
kmemleak=/sys/kernel/debug/kmemleak

# Set $random to a random number below N.
draw() {
	state=$(((state * 1103515245 + 12345) & 0x7fffffff))
	random=$((state / 65536 % $1))
}
state=$random

now() {
	read -r up _ </proc/uptime
	echo "${up%.*}"
}

restore() {
	modprobe gochan || return
	grep -q ' /dev/gochans gochan ' /proc/mounts || mount -t gochan gochan /dev/gochans || return
	for file in "$parameters"/*; do
		cat "/tmp/parameters/${file##*/}" >"$file" || return
	done
	gochan rm --all
} >/dev/null 2>&1

# Restore the initial state: a killed test may leave named channels, changed limits or
# an unloaded module, or may still be unloading it.
clean_up() {
	tries=100
	until restore; do
		tries=$((tries - 1))
		[ $tries != 0 ] || exit 1
		usleep 100000
	done
}

# Print the slab caches' object counts and the unreclaimable memory, each with its
# granularity: all objects of a CPU's current slab count as in use. Release unused
# memory first, and count without starting processes, which would allocate more.
# Skip debug_objects_cache, which debugobjects uses to track timers and work items.
sample() {
	echo 2 >/proc/sys/vm/drop_caches
	for cache in /sys/kernel/slab/*/shrink; do
		echo 1 >"$cache" 2>/dev/null || :
	done
	line='' kib=0
	while read -r name count _ _ per_slab _; do
		case $name in
		slabinfo | '#' | debug_objects_cache) ;;
		*) line="$line $name $count $per_slab" ;;
		esac
	done </proc/slabinfo
	while read -r name count _; do
		case $name in
		SUnreclaim: | KernelStack: | PageTables: | VmallocUsed: | Percpu:)
			kib=$((kib + count)) ;;
		esac
	done </proc/meminfo
	read -r count </sys/module/gochan/refcnt
	echo "sample $(($(now) - start)) references $count 0 kib $kib 64$line"
}

# Wait until exiting processes have released the module.
wait_for_release() {
	tries=200
	while [ "$(cat /sys/module/gochan/refcnt)" != 0 ] && [ $tries != 0 ]; do
		tries=$((tries - 1))
		usleep 50000
	done
}

run_whole() {
	test=$1
	if timeout 900 "/kselftest/gochan/$test" >/tmp/out 2>&1; then
		echo "ran $test"
	else
		echo "ran $test"
		grep -E '^not ok|Expected|terminated' /tmp/out | sed "s/^/failed $test: /"
		echo "failed $test"
	fi
	clean_up
}

run() {
	test=$1
	draw 4
	if [ "$random" != 0 ]; then
		run_whole "$test"
		return
	fi
	draw 6
	timeout $((random + 1)) "/kselftest/gochan/$test" >/tmp/out 2>&1 || :
	echo "killed $test"
	clean_up
}

# kmemleak only reports objects that are at least 5 seconds old.
scan() {
	[ -e $kmemleak ] || return 0
	sleep 6
	echo scan >$kmemleak
	sleep 6
	echo scan >$kmemleak
	echo kmemleak scanned
	sed 's/^/kmemleak /' $kmemleak
}

cp -r "$parameters" /tmp/parameters
cd /tmp
start=$(now)
# shellcheck disable=SC2086 # split into words
set -- $tests
for test; do
	run_whole "$test"
done
while [ $(($(now) - start)) -lt "$seconds" ]; do
	draw $#
	eval "run \${$((random + 1))}"
	wait_for_release
	sample
done
scan
