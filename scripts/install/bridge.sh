#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# Test the unit gochan-bridge@.service, and what the section SYSTEMD of gochan-bridge(1)
# says, with a server of NATS, /src/nats-server. Run as root on a machine with systemd.
# shellcheck disable=SC2016,SC2034 # "check" evaluates
set -eu

# shellcheck disable=SC1091 # lib.sh
. /lib.sh

configs=/etc/gochan/bridge
unit=gochan-bridge@jobs.service

# section NAME: of a bridge whose stream has that name.
section() {
	printf '[%s]\nurl = nats://127.0.0.1/%s\nmode = queue\ncap = 4\n' "$1" "$1"
}

bridge_status() {
	cat "/proc/$(systemctl show -p MainPID --value $unit)/status"
}

# said TEXT: wait until the bridge has logged it.
said() {
	until_true "journalctl --sync; journalctl -o cat -u $unit | grep -q '$1'" ||
		{ journalctl -o cat -u $unit; return 1; }
}

# passes CHANNEL: a message goes to the server and back.
passes() {
	gochan send "$1.send" "over $1" --timeout 60
	test "$(gochan recv "$1" -n 1 --timeout 60)" = "over $1"
}

install -d $configs
(umask 077; echo me:right >$configs/jobs.password)
chown gochan-bridge $configs/jobs.password
cat >/run/nats.conf <<-'END'
	listen: "127.0.0.1:4222"
	jetstream { store_dir: "/run/nats" }
	authorization { user: me, password: right }
END
echo "password = $configs/jobs.password" >$configs/head
{ cat $configs/head; section jobs; } >$configs/jobs.conf

check 'the unit is valid' '
	systemd-analyze verify --man=no $unit >/tmp/out 2>&1
	cat /tmp/out
	test ! -s /tmp/out'
check 'without a server, it starts, and tries again' '
	systemctl start $unit
	said "cannot connect to nats://127.0.0.1.*is nats-server running there"
	systemd-run -q --unit nats /src/nats-server -c /run/nats.conf
	said "jobs: info: bridged to stream jobs"
	systemctl stop $unit
	gochan rm jobs jobs.send jobs.done'
check 'it counts as started when its channel is bridged' '
	systemctl start $unit
	test "$(systemctl show -p Type --value $unit)" = notify
	gochan info jobs.send
	systemctl is-active $unit'
check 'it runs as its user, who owns the channels, without any rights' '
	test "$(stat -c %U /dev/gochans/jobs.send)" = gochan-bridge
	bridge_status | grep "^Uid:	$(id -u gochan-bridge)	$(id -u gochan-bridge)"
	bridge_status | grep "^CapEff:	0*$"
	bridge_status | grep "^CapBnd:	0*$"
	bridge_status | grep "^NoNewPrivs:	1$"
	bridge_status | grep "^Seccomp:	2$"'
check 'a message passes' 'passes jobs'
check 'a reload begins the channels that are new in the file' '
	section mail >>$configs/jobs.conf
	systemctl reload $unit
	said "mail: info: bridged to stream mail"
	passes mail
	passes jobs'
check 'a reload with an error in the file changes nothing' '
	echo "capcity = 7" >>$configs/jobs.conf
	systemctl reload $unit
	said "the settings remain as they were"
	systemctl is-active $unit
	passes mail
	passes jobs'
check 'it stops at once, and starts again with the same channels' '
	gochan send jobs.send kept
	{ cat $configs/head; section jobs; } >$configs/jobs.conf
	systemctl stop $unit
	test "$(systemctl show -p Result --value $unit)" = success
	systemctl start $unit
	test "$(gochan recv jobs -n 1 --timeout 60)" = kept'
check 'a killed bridge is started again' '
	systemctl kill -s KILL $unit
	until_true "test \$(systemctl show -p NRestarts --value $unit) = 1"
	passes jobs'
check 'a file with a secret that others may read is refused' '
	chmod 644 $configs/jobs.password
	systemctl restart $unit
	said "others may read it (mode 0644); use: chmod 600 $configs/jobs.password"
	chmod 600 $configs/jobs.password
	until_true passes jobs'
check 'it ends when the queue is closed, for good' '
	gochan close jobs.send
	until_true "systemctl show -p ActiveState --value $unit | grep -x inactive"
	test "$(systemctl show -p Result --value $unit)" = success
	gochan rm jobs jobs.send jobs.done mail mail.send mail.done'
# As the manual does it for channels that others use.
check 'the unit may make the channels, for a group' '
	mkdir -p /run/systemd/system/$unit.d
	printf "%s\n" "[Service]" \
		"ExecStartPre=-gochan make team.send --ack --cap 64 --mode 0660" \
		"ExecStartPre=-gochan make team.done --cap 64 --size 24" \
		"ExecStartPre=-gochan make team --ack --cap 16 --done team.done --mode 0660" \
		>/run/systemd/system/$unit.d/make.conf
	systemctl daemon-reload
	{ cat $configs/head; section team | grep -v cap; } >$configs/jobs.conf
	systemctl start $unit
	member="setpriv --reuid=alice --regid=alice --groups=$(id -g gochan-bridge)"
	$member gochan send team.send hello
	test "$($member gochan recv team -n 1 --timeout 60)" = hello
	fails setpriv --reuid=alice --regid=alice --clear-groups gochan send team.send no'
check 'it stops' '
	systemctl stop $unit nats
	test "$(systemctl show -p Result --value $unit)" = success
	gochan rm team team.send team.done
	rm -r $configs /run/systemd/system/$unit.d
	systemctl daemon-reload'
