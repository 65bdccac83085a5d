#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# Test "make install" and "make uninstall": a user without privileges builds, root
# installs, a program is compiled and started, and after uninstalling nothing is left.
# shellcheck disable=SC2016,SC2034 # "check" evaluates
set -eu

# shellcheck disable=SC1091 # lib.sh
. /lib.sh

kdir=$(echo /usr/src/linux-headers-*-amd64)
release=${kdir#/usr/src/linux-headers-}
modules=/lib/modules/$release
multiarch=$(cc -print-multiarch)
mkdir -p "$modules"
[ -e "$modules/modules.dep" ] || depmod "$release" 2>/dev/null
useradd -m builder
chown -R builder /src
cd /src

# Commands of another distribution: without those of Debian, and without sudo.
mkdir /tmp/bin /tmp/no-cc
for program in /usr/sbin/* /usr/bin/*; do
	case ${program##*/} in
	apt* | dpkg* | sudo) continue ;;
	esac
	ln -sf "$program" /tmp/bin
	case ${program##*/} in
	cc | gcc) ;;
	*) ln -sf "$program" /tmp/no-cc ;;
	esac
done
chmod 755 /tmp/bin /tmp/no-cc

user() {
	setpriv --reuid=builder --regid=builder --clear-groups env HOME=/home/builder "$@"
}

# fails_with TEXT COMMAND...: it fails, and prints the text.
fails_with() {
	text=$1
	shift
	! "$@" >/tmp/out 2>&1 || return 1
	cat /tmp/out
	grep -qF -- "$text" /tmp/out
}

os() {
	printf 'ID=%s\nID_LIKE="%s"\n' "$1" "${2:-}" >/tmp/os-release
	chmod 644 /tmp/os-release
}

snapshot >/tmp/before

check 'without a compiler, make says what to install' \
	'fails_with "apt-get install gcc libc6-dev make" user env PATH=/tmp/no-cc make KDIR=$kdir'
check 'without headers, make says what to install' \
	'fails_with "linux-headers-$(uname -r)" user env PATH=/tmp/bin make KDIR=/nowhere'
check 'without dpkg and headers, make says what to install' '
	os almalinux "rhel centos fedora"
	fails_with "dnf install kernel-devel-$(uname -r)" \
		user env PATH=/tmp/bin OS_RELEASE=/tmp/os-release make'
check 'on an unknown distribution, make says what is missing' '
	os other
	fails_with "of your distribution" \
		user env PATH=/tmp/bin OS_RELEASE=/tmp/os-release make KDIR=/nowhere'
check 'without dpkg, make check says that it needs Debian' \
	'fails_with "which is fetched by apt" user env PATH=/tmp/bin make check'
check 'a user who may not install is told the command' \
	'fails_with "apt-get install --no-install-recommends" user scripts/deps guest'
check 'a user builds without dpkg and apt' \
	'user env PATH=/tmp/bin make -s KDIR=$kdir'

check 'make install' 'make -s install KDIR=$kdir'
check 'the first C program of the README starts' '
	cd /tmp
	readme_program first.c
	cc first.c $(pkg-config --cflags --libs gochan) -o first
	program_starts ./first'
check 'the command runs' 'gochan --version'
check 'man finds the manuals' 'man -w gochan-ack && man -w gochan-trace'
check 'bash completes' bash_completes
check 'zsh completes' zsh_completes
# Unlike the others, fish has no default that includes /usr/local.
check 'fish completes' 'XDG_DATA_DIRS=/usr/local/share:/usr/share fish_completes'
check 'depmod knows the module' \
	'modprobe -S "$release" -n -v fs-gochan | grep -q "insmod.*/gochan.ko"'
check 'the module has no debug information' \
	'readelf -SW "$modules/updates/gochan.ko" | without "\.debug_info"'
check 'the user can build again' '
	touch module/main.c tools/lib/chan.c
	user make -s KDIR=$kdir'
# Without the headers, as after an upgrade of the kernel.
check 'make uninstall' '
	mv "$kdir" /tmp/headers
	user env PATH=/tmp/bin true
	make -s uninstall
	mv /tmp/headers "$kdir"'
check 'nothing is left' '
	snapshot | diff /tmp/before -
	ldconfig -p | without gochan
	fails grep gochan "$modules"/modules.*'

check 'a user installs to PREFIX=/usr below DESTDIR' '
	user make -s install KDIR=$kdir PREFIX=/usr DESTDIR=/home/builder/stage
	test -e /home/builder/stage/usr/lib/$multiarch/libgochan.so.0
	grep -qx "libdir=/usr/lib/$multiarch" \
		/home/builder/stage/usr/lib/$multiarch/pkgconfig/gochan.pc
	test -e /home/builder/stage$modules/updates/gochan.ko'
check 'and uninstalls' '
	user make -s uninstall PREFIX=/usr DESTDIR=/home/builder/stage
	test -z "$(find /home/builder/stage ! -type d)"'
check 'LIBDIR and a directory that the linker does not search' '
	user make -s install-user PREFIX=/home/builder/p LIBDIR=/home/builder/p/l >/tmp/out 2>&1
	grep -qF "does not search /home/builder/p/l" /tmp/out
	test -e /home/builder/p/l/libgochan.so.0
	LD_LIBRARY_PATH=/home/builder/p/l program_starts /tmp/first'
