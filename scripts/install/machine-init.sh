#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# Run by a service of the machine that scripts/vm/boot boots: does what vm/init.c does
# where that is the init process.
set -u

token=$(cat /.vm/token)
stty -F /dev/ttyS1 raw -echo
{
	xargs -0 -a /.vm/command env
	status=$?
	echo "$token end of the log" >/dev/kmsg
	echo "$token status=$status taints=$(cat /proc/sys/kernel/tainted)"
} >/dev/ttyS1 2>&1 </dev/null
exec systemctl reboot --force --force
