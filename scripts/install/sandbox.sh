#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# Test what the section SYSTEMD of gochan(7) says about sandboxes and containers, and the
# example of a unit for them. Run as root on a machine with systemd.
# shellcheck disable=SC2016,SC2034 # "check" evaluates
set -eu

# shellcheck disable=SC1091 # lib.sh
. /lib.sh

# unit COMMAND [PROPERTY...]: run the shell command in a service.
unit() {
	command=$1
	shift
	for property; do
		set -- "$@" -p "$property"
		shift
	done
	systemd-run -q --pipe --wait "$@" sh -euc "$command"
}

# container COMMAND [OPTION...]: run the shell command in a container.
container() {
	command=$1
	shift
	root=$(mktemp -d)
	mkdir "$root/usr" "$root/tmp"
	for name in bin lib lib64; do
		ln -s "usr/$name" "$root/$name"
	done
	systemd-nspawn -q --pipe -D "$root" --bind-ro=/usr "$@" sh -euc "$command"
}

open_device='exec 3<>/dev/gochan'
names='gochan make new --cap 1 >&2; gochan send new message; gochan recv new -n 1; gochan rm new'
private='--private-users=524288:65536 --private-users-ownership=chown'

cp /usr/share/doc/gochan/examples/systemd/sandbox.service /etc/systemd/system
systemctl daemon-reload

check 'a sandbox with bind mounts has channels' '
	systemctl start sandbox.service
	logged sandbox.service inside
	test -z "$(gochan ls -q)"'
check 'a dynamic user needs permissions, or a descriptor' '
	gochan make closed --cap 2
	fails unit "gochan send closed no" DynamicUser=yes
	chmod 666 /dev/gochans/closed
	unit "gochan send closed yes" DynamicUser=yes
	gochan rm closed'
check 'PrivateDevices hides both, BindPaths shows them' '
	unit "test ! -e /dev/gochan && test ! -e /dev/gochans" PrivateDevices=yes
	unit "$names" PrivateDevices=yes BindPaths=/dev/gochans
	fails unit "$open_device" PrivateDevices=yes BindPaths=/dev/gochan'
check 'DevicePolicy applies to the device, not to names' '
	unit "$names" DevicePolicy=closed
	fails unit "$open_device" DevicePolicy=closed
	fails unit "$open_device" "DeviceAllow=/dev/gochan r"
	fails unit "$open_device" "DeviceAllow=/dev/gochan w"
	unit "$open_device" DevicePolicy=closed "DeviceAllow=/dev/gochan"'
check 'nspawn binds the device and the names' '
	container "$open_device" --bind=/dev/gochan
	container "$names" --bind=/dev/gochans
	fails container "test -e /dev/gochan"'
check 'with private users, only channels for others can be used' '
	gochan make guests --cap 2 --mode 0600
	fails container "gochan send guests no" --bind=/dev/gochans $private
	chmod 666 /dev/gochans/guests
	container "gochan send guests yes" --bind=/dev/gochans $private
	test "$(gochan recv guests -n 1)" = yes
	gochan rm guests'
check 'an nspawn container mounts its own names' '
	gochan make outside
	container "mkdir /dev/gochans; mount -t gochan gochan /dev/gochans; $names
		test -z \"\$(ls /dev/gochans)\"" $private
	gochan rm outside'
