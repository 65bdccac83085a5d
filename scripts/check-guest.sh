#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# Inside the guest: runs the selftests, and then, on a kernel that looks for
# them, shows what memory was lost. Says TAP.
#
#   check-guest.sh KERNEL [OPTION OF run_kselftest.sh]...
set -eu

kernel=$1
shift
sh /kselftest/run_kselftest.sh "$@"
[ "$kernel" = debug ] || exit 0

# What is younger than 5 seconds is not looked at, and what one scan missed
# the next one has to confirm.
leaks=/sys/kernel/debug/kmemleak
rmmod gochan
sleep 6
echo scan >$leaks
echo scan >$leaks
cat $leaks >/tmp/leaks
cat /tmp/leaks
echo 1..1
if [ ! -s /tmp/leaks ]; then
	echo 'ok 1 no memory was lost'
else
	echo 'not ok 1 no memory was lost'
fi
