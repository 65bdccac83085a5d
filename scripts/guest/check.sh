#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# Inside the guest: runs the selftests, and then shows what a kernel that looks
# for faults has found beside what stands in its log. Says TAP.
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

# Of the leaks those that are not the kernel's own: where a test lets it fail to
# register a slab cache or a class, Linux 6.1 forgets to free their names.
ours() {
	awk '
	function show() {
		if (report && !(report ~ /kobject_set_name_vargs/ &&
				report ~ /sysfs_slab_add|__class_register/))
			printf "%s", report
		report = ""
	}
	/^unreferenced object/ { show() }
	{ report = report $0 "\n" }
	END { show() }'
}

# What is younger than 5 seconds is not looked at, and what one scan missed
# the next one has to confirm.
leaks() {
	found=0
	rmmod gochan
	sleep 6
	echo scan >/sys/kernel/debug/kmemleak
	echo scan >/sys/kernel/debug/kmemleak
	ours </sys/kernel/debug/kmemleak >/tmp/leaks
	cat /tmp/leaks
	[ ! -s /tmp/leaks ] || found=1
	verdict "$found" 'no memory was lost'
}

# Races are in the log; here is how often accesses were watched.
watched() {
	cat /sys/kernel/debug/kcsan
	found=1
	! grep -q '^setup_watchpoints: [1-9]' /sys/kernel/debug/kcsan || found=0
	verdict "$found" 'accesses were watched'
}

# What was counted in the module, as text, the only thing that gets out of here.
# Only reading them tells how long the kernel's files are.
counts() {
	cd /sys/kernel/debug/gcov
	find . -name '*.gcda' | while read -r file; do
		mkdir -p "/tmp/counts/${file%/*}"
		cat "$file" >"/tmp/counts/$file"
	done
	tar -C /tmp/counts -cz . | base64 | sed 's/^/# counts: /'
}

# Says before each program's result how long it took.
timed() {
	awk '
	BEGIN { since = systime() }
	/^(not )?ok [0-9]+ selftests:/ {
		now = systime()
		print "# seconds: " now - since
		since = now
	}
	{ print }'
}

# On the slower kernels a tenth of the processes, channels and selects is enough.
case $kernel in
stock) ;;
*) export GOCHAN_SCALE_DOWN=10 ;;
esac
[ "$kernel" != race ] || echo 1000 >/sys/module/kcsan/parameters/skip_watch
sh /kselftest/run_kselftest.sh "$@" | timed
case $kernel in
debug) leaks ;;
race) watched ;;
coverage) counts ;;
esac
