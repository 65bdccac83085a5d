#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# Run on the machine that was booted with systemd and udev: "installed" tests the packages
# as they were installed and how they are upgraded while channels are in use, "upgraded"
# tests them again and purges them. The C program of the README is /src/first.
# shellcheck disable=SC2016 # "check" evaluates
set -eu

# shellcheck disable=SC1091 # lib.sh
. /lib.sh
export DEBIAN_FRONTEND=noninteractive

user() {
	setpriv --reuid=alice --regid=alice --clear-groups env HOME=/home/alice "$@"
}

# The commands of a page, and of the README, print what it says.
page_runs() {
	PATH=$PATH:/sbin:/usr/sbin sh /src/manual.sh "$1"
}

modules() {
	lsmod | grep -w ^gochan
}

# What every boot must lead to.
test_boot() {
	systemctl is-system-running --wait >/dev/null || :
	check 'no unit has failed' '
		systemctl --failed --no-legend >/tmp/out
		cat /tmp/out
		test ! -s /tmp/out'
	check 'the module that DKMS built is loaded at boot' '
		modinfo -n gochan | grep -q "^/lib/modules/$(uname -r)/updates/dkms/gochan.ko"
		systemctl is-active systemd-modules-load.service
		test "$(cat /sys/module/gochan/srcversion)" = "$(modinfo -F srcversion gochan)"'
	check 'the filesystem is mounted at boot' '
		systemctl is-active dev-gochans.mount
		findmnt -n -t gochan -O nosuid,noexec /dev/gochans
		test "$(stat -c %a /dev/gochans)" = 1777'
	check 'every user may open the device' '
		test "$(stat -c %a /dev/gochan)" = 666
		user sh -c "exec 3<>/dev/gochan"'
	check 'the first C program of the README runs' '
		user /src/first >/tmp/out
		printf "job 1\njob 2\njob 3\n" | diff - /tmp/out'
	check 'the shell commands of the README run' 'page_runs README'
}

test_manuals() {
	for page in gochan.1 gochan.7; do
		check "the commands of the manual $page" "page_runs $page"
	done
}

# Without the headers here, DKMS builds no module: that is tested where they are.
test_upgrade_in_use() {
	check 'channels in use survive an upgrade of the packages' '
		gochan make kept --cap 1
		gochan send kept message
		exec 5<>/dev/gochan
		apt-get install -y /src/newer/*.deb
		dpkg-query -W gochan-dkms | grep "+1$"
		test "$(gochan recv kept -n 1)" = message
		echo unnamed >&5 & gochan recv --fd 5 -n 1
		gochan rm kept'
}

test_purge() {
	check 'the packages are upgraded' 'dpkg-query -W gochan-dkms | grep "+1$"'
	check 'the packages are purged' '
		gochan make left
		apt-get purge -y $(dpkg-query -f "\${source:Package} \${Package}\n" -W |
			sed -n "s/^gochan //p")'
	check 'the module is unloaded, and the filesystem unmounted' '
		fails modules
		fails grep -w gochan /proc/mounts
		test ! -e /dev/gochan
		fails ls -d /dev/gochans/*'
	check 'no unit is left' '
		systemctl list-units --all | without gochan
		systemctl list-unit-files | without gochan
		systemctl --failed --no-legend >/tmp/out
		test ! -s /tmp/out'
	# What the first boot of any machine creates is not meant. The user of the bridge stays, as
	# users of Debian's packages do: files of the administrator may belong to it.
	check 'no file is left, and no user but the one of the bridge' '
		snapshot | comm -13 /src/before - | grep -Ev "^/(dev|run|sys|var/lib/systemd)(/| )" |
			tee /tmp/out
		fails grep gochan /tmp/out
		grep -v ^gochan-bridge: /etc/passwd | diff /src/passwd -
		grep -v ^gochan-bridge: /etc/group | diff /src/group -'
}

case $1 in
installed)
	test_boot
	test_manuals
	sh /systemd.sh
	sh /sandbox.sh
	sh /bridge.sh
	test_upgrade_in_use
	;;
upgraded)
	test_boot
	test_purge
	;;
esac
