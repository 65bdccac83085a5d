#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# Test the Debian packages in /debs: DKMS builds the module, a program is compiled and
# started, and after purging nothing is left. Then DKMS builds the module of the release
# that is unpacked in /release.
# shellcheck disable=SC2016 # "check" evaluates
set -eu

# shellcheck disable=SC1091 # lib.sh
. /lib.sh

kdir=$(echo /usr/src/linux-headers-*-amd64)
release=${kdir#/usr/src/linux-headers-}
mkdir -p "/lib/modules/$release"
depmod "$release" 2>/dev/null
export DEBIAN_FRONTEND=noninteractive
packages='gochan gochan-bridge gochan-dkms libgochan0 libgochan-dev python3-gochan'

# The module's file, according to depmod.
module() {
	modprobe -S "$release" -n -v fs-gochan | sed -n 's/^insmod *//p'
}

snapshot >/tmp/before

check 'the packages are installed' 'apt-get install -y /debs/*.deb'
check 'DKMS has built the module' 'dkms status | grep "^gochan/.*$release.*: installed"'
check 'depmod knows the module' 'module | grep -q "/updates/dkms/gochan.ko"'
check 'the module has no debug information' \
	'readelf -SW "$(module)" | without "\.debug_info"'
check 'the first C program of the README starts' '
	cd /tmp
	readme_program first.c
	cc first.c $(pkg-config --cflags --libs gochan) -o first
	program_starts ./first'
check 'a program is linked statically' \
	'cc -static /tmp/first.c -lgochan -o /tmp/static && program_starts /tmp/static'
check 'the command runs' 'gochan --version'
check 'the bridge runs' 'gochan bridge --version && id gochan-bridge'
check 'man finds the manuals' 'man -w gochan-ack && man -w gochan-bridge'
check 'bash completes' bash_completes
check 'zsh completes' zsh_completes
check 'fish completes' fish_completes
check 'Python has the package' 'python3 -c "import gochan; gochan.Channel"'
check 'the filesystem is mounted at boot' \
	'systemctl is-enabled dev-gochans.mount && grep -qx gochan /usr/lib/modules-load.d/gochan.conf'
check 'the unit is valid' '
	systemd-analyze verify --man=no /usr/lib/systemd/system/dev-gochans.mount >/tmp/out 2>&1
	cat /tmp/out
	! test -s /tmp/out'
check 'the unit of the bridge is valid' '
	systemd-analyze verify --man=no gochan-bridge@jobs.service >/tmp/out 2>&1
	cat /tmp/out
	! test -s /tmp/out'
check 'the packages are installed again' '
	apt-get install -y --reinstall /debs/*.deb
	module | grep -q "/updates/dkms/gochan.ko"
	systemctl is-enabled dev-gochans.mount'
check 'the packages are purged' "apt-get purge -y $packages"
check 'nothing is left' '
	snapshot | diff /tmp/before -
	ldconfig -p | without gochan
	fails grep gochan "/lib/modules/$release"/modules.*
	dpkg -l | without gochan'

check 'DKMS takes an unpacked release' '
	dkms add /release
	dkms install -m gochan -v "$(/src/scripts/packaging/version)" -k "$release"
	module | grep -q "/updates/dkms/gochan.ko"
	dkms remove -m gochan -v "$(/src/scripts/packaging/version)" --all
	module | without .'
