#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# Runs in the guest: runs the selftests, and then reports what the debugging kernels
# found but did not write to the kernel log. The output is TAP.
#
#   check.sh KERNEL [OPTION OF run_kselftest.sh]...
set -eu

kernel=$1
shift

verdict() {
	echo 1..1
	if [ "$1" = 0 ]; then
		echo "ok 1 $2"
	else
		echo "not ok 1 $2"
	fi
}

# Filter out leaks of the kernel itself: when fault injection makes the registration of
# a slab cache or of a class fail, Linux 6.1 does not free its name.
filter_leaks() {
	awk '
	function print_report() {
		if (report && !(report ~ /kobject_set_name_vargs/ &&
				report ~ /sysfs_slab_add|__class_register/))
			printf "%s", report
		report = ""
	}
	/^unreferenced object/ { print_report() }
	{ report = report $0 "\n" }
	END { print_report() }'
}

# kmemleak ignores objects that are less than 5 seconds old, and may need a second
# scan to report an object.
check_leaks() {
	status=0
	umount /dev/gochans
	rmmod gochan
	sleep 6
	echo scan >/sys/kernel/debug/kmemleak
	echo scan >/sys/kernel/debug/kmemleak
	filter_leaks </sys/kernel/debug/kmemleak >/tmp/leaks
	cat /tmp/leaks
	[ ! -s /tmp/leaks ] || status=1
	verdict "$status" 'no memory leaks'
}

# KCSAN reports races in the kernel log; check that it watched accesses at all.
check_watchpoints() {
	cat /sys/kernel/debug/kcsan
	status=1
	! grep -q '^setup_watchpoints: [1-9]' /sys/kernel/debug/kcsan || status=0
	verdict "$status" 'KCSAN set up watchpoints'
}

# Print the module's gcov data as text, since the guest can only return text. The files
# in debugfs do not have a size, so copy them with cat.
print_counts() {
	cd /sys/kernel/debug/gcov
	find . -name '*.gcda' | while read -r file; do
		mkdir -p "/tmp/counts/${file%/*}"
		cat "$file" >"/tmp/counts/$file"
	done
	tar -C /tmp/counts -cz . | base64 | sed 's/^/# counts: /'
}

# Add the duration of each program before its result.
add_durations() {
	awk '
	BEGIN { start = systime() }
	/^(not )?ok [0-9]+ selftests:/ {
		now = systime()
		print "# seconds: " now - start
		start = now
	}
	{ print }'
}

# On slow kernels, reduce the number of processes in some tests to a tenth.
case $kernel in
stock) ;;
*) export GOCHAN_SCALE_DOWN=10 ;;
esac
[ "$kernel" != race ] || echo 1000 >/sys/module/kcsan/parameters/skip_watch
sh /kselftest/run_kselftest.sh "$@" | add_durations
case $kernel in
debug) check_leaks ;;
race) check_watchpoints ;;
coverage) print_counts ;;
esac
