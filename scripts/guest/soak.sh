#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# Inside the guest: runs each selftest once, as some things are made for the first
# user and stay, and then selftests at random until so many seconds are over, and
# between those says what the kernel has allocated. What it says is read by
# scripts/soak.
#
#   soak.sh SECONDS SEED
set -eu

seconds=$1
random=$2
tests='abi basic batch claim_race close cred fixed late left limits memory module
	names ops order pass peek poll races results_fault select select_many select_poll
	stress uring waiting'
parameters=/sys/module/gochan/parameters
kmemleak=/sys/kernel/debug/kmemleak

# A number below N, in $random.
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
	for file in "$parameters"/*; do
		name=${file##*/}
		[ "$name" = channels ] || cat "/tmp/found/$name" >"$file" || return
	done
	gochan rm --all
} >/dev/null 2>&1

# As it was found: a killed test may leave names, limits, or no module, or be
# still about to unload it.
tidy() {
	tries=100
	until restore; do
		tries=$((tries - 1))
		[ $tries != 0 ] || exit 1
		usleep 100000
	done
}

# What nobody uses is given back before it is counted; counting starts nothing
# that would use more. What the kernel keeps to watch timers and work with is its
# own. Each count comes with what it is coarse by: of a slab that
# a processor has all objects count as used.
sample() {
	echo 2 >/proc/sys/vm/drop_caches
	for cache in /sys/kernel/slab/*/shrink; do
		echo 1 >"$cache" 2>/dev/null || :
	done
	line='' kib=0
	while read -r name count _ _ each _; do
		case $name in
		slabinfo | '#' | debug_objects_cache) ;;
		*) line="$line $name $count $each" ;;
		esac
	done </proc/slabinfo
	while read -r name count _; do
		case $name in
		SUnreclaim: | KernelStack: | PageTables: | VmallocUsed: | Percpu:)
			kib=$((kib + count)) ;;
		esac
	done </proc/meminfo
	read -r count </sys/module/gochan/refcnt
	echo "sample $(($(now) - began)) references $count 0 kib $kib 64$line"
}

# What has ended, or was killed, may be gone a moment later.
settle() {
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
	tidy
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
	tidy
}

# An object counts as lost when it is 5 s old and nothing refers to it.
scan() {
	[ -e $kmemleak ] || return 0
	sleep 6
	echo scan >$kmemleak
	sleep 6
	echo scan >$kmemleak
	echo kmemleak scanned
	sed 's/^/kmemleak /' $kmemleak
}

cp -r "$parameters" /tmp/found
cd /tmp
began=$(now)
# shellcheck disable=SC2086 # a list of words
set -- $tests
for test; do
	run_whole "$test"
done
while [ $(($(now) - began)) -lt "$seconds" ]; do
	draw $#
	eval "run \${$((random + 1))}"
	settle
	sample
done
scan
