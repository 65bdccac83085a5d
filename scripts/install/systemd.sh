#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# Test what the section SYSTEMD of gochan(7) says about sockets, paths and output, and the
# examples of units for them, as the package installs them. Run as root on a machine with
# systemd.
# shellcheck disable=SC2016 # "check" evaluates
set -eu

# shellcheck disable=SC1091 # lib.sh
. /lib.sh

cp /usr/share/doc/gochan/examples/systemd/*.* /etc/systemd/system
systemctl daemon-reload

check 'the examples are valid units' '
	cd /usr/share/doc/gochan/examples/systemd
	systemd-analyze verify --man=no ./*.* >/tmp/out 2>&1
	cat /tmp/out
	test ! -s /tmp/out'
check 'a message starts a service' '
	systemctl start jobs.socket
	systemctl show -p After --value jobs.socket | grep -w dev-gochans.mount
	fails systemctl is-active jobs.service
	gochan send jobs hello
	logged jobs.service hello'
check 'a service sends by its standard output' '
	systemctl start report.service
	logged jobs.service first
	logged jobs.service second'
check 'messages wait while the socket is stopped' '
	systemctl stop jobs.socket jobs.service
	gochan send jobs later
	systemctl start jobs.socket
	logged jobs.service later'
check 'a closed handle that could send changes the path' '
	gochan make changed --cap 1
	systemd-run -q --unit changed --path-property=PathChanged=/dev/gochans/changed \
		gochan recv changed -n 1
	gochan send changed now
	logged changed.service now
	systemctl stop changed.path
	gochan rm changed'
check 'a message survives the death of its worker' '
	mkdir -p /run/systemd/system/jobs.service.d
	printf "%s\n" "[Service]" "ExecStart=" \
		"ExecStart=gochan each --fd 3 -- sh -c \"test \$\$GOCHAN_DELIVERIES != 1 || sleep infinity; awk 1\"" \
		>/run/systemd/system/jobs.service.d/slow.conf
	systemctl daemon-reload
	systemctl stop jobs.service
	gochan send jobs precious
	until_true "gochan info jobs | grep -q \"^leased: *1\""
	systemctl kill -s KILL jobs.service
	logged jobs.service precious'
check 'messages remain when the service fails again and again' '
	printf "%s\n" "[Service]" "ExecStart=" "ExecStart=false" \
		>/run/systemd/system/jobs.service.d/slow.conf
	systemctl daemon-reload
	systemctl stop jobs.service
	gochan send jobs remains
	until_true "systemctl is-failed jobs.socket"
	test "$(gochan recv jobs -n 1)" = remains
	systemctl reset-failed jobs.socket jobs.service
	gochan rm jobs'
check 'the socket takes no channel of another user' '
	setpriv --reuid=alice --clear-groups gochan make jobs --cap 1
	fails systemctl start jobs.socket
	gochan rm jobs
	systemctl reset-failed jobs.socket'
check 'an unbuffered send starts a service, which may only receive' '
	gochan make now
	systemd-run --unit now --socket-property=ListenSpecial=/dev/gochans/now \
		sh -c "gochan recv --fd 3 -n 1; gochan send --fd 3 no || echo refused"
	gochan send now unbuffered
	logged now.service unbuffered
	logged now.service refused
	systemctl stop now.socket
	gochan rm now'
check 'with Writable= the service may send' '
	gochan make both --cap 1
	systemd-run --unit both --socket-property=ListenSpecial=/dev/gochans/both \
		--socket-property=Writable=yes sh -c "gochan recv --fd 3 -n 1; gochan send --fd 3 back"
	gochan send both message
	logged both.service message
	test "$(gochan recv both -n 1)" = back
	systemctl stop both.socket
	gochan rm both'
check 'a socket with Accept= is refused' \
	'fails systemd-run --unit accept --socket-property=Accept=yes \
		--socket-property=ListenSpecial=/dev/gochan cat'
check 'the name of a channel starts a service' '
	systemctl start orders.path
	fails systemctl is-active orders.service
	gochan make orders
	gochan send orders one
	gochan close orders
	logged orders.service one
	until_true "test ! -e /dev/gochans/orders"
	systemctl stop orders.path'
check 'StandardOutput reaches, in a sticky directory, channels of root only' '
	gochan make theirs --cap 1
	chown alice /dev/gochans/theirs
	fails systemd-run -q --wait -p StandardOutput=file:/dev/gochans/theirs echo no
	mkdir /dev/gochans/app
	gochan make /dev/gochans/app/theirs --cap 1
	chown alice /dev/gochans/app/theirs
	systemd-run -q --wait -p StandardOutput=file:/dev/gochans/app/theirs echo yes
	test "$(gochan recv /dev/gochans/app/theirs -n 1)" = yes
	gochan rm theirs
	rm -r /dev/gochans/app'
