#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# What the tests of the command share. They set $tests, the names of functions, source
# this file, and call run_tests. They run as root, with the module loaded and a user
# alice (1000); every test starts and ends without named channels.

fail() {
	printf '%.2000s\n' "$*"
	exit 1
}

# expect STATUS COMMAND...: run it, with its output to the files out and err.
expect() {
	wanted=$1
	shift
	status=0
	"$@" >out 2>err || status=$?
	[ $status = "$wanted" ] || fail "$*: status $status, not $wanted: $(cat err)"
}

# prints TEXT: the last command printed this and a newline.
prints() {
	printf '%s\n' "$1" | cmp -s - out || fail "printed '$(cat out)', not '$1'"
}

prints_nothing() {
	[ ! -s out ] || fail "printed '$(cat out)'"
}

# says TEXT: this was the last command's error message.
says() {
	[ "$(cat err)" = "gochan: $1" ] || fail "said '$(cat err)', not 'gochan: $1'"
}

says_nothing() {
	[ ! -s err ] || fail "said '$(cat err)'"
}

is() {
	[ "$1" = "$2" ] || fail "'$1' is not '$2'"
}

alice() {
	su alice -c "$*"
}

# until_true COMMAND...: wait until it succeeds, for 10 seconds at most.
until_true() {
	tries=1000
	until "$@"; do
		tries=$((tries - 1))
		[ $tries != 0 ] || fail "not in time: $*; $(cat err)"
		usleep 10000
	done
}

has_info() {
	[ "$(gochan info "$1" "$2")" = "$3" ]
}

# until_info NAME FIELD VALUE: wait until "gochan info" prints it.
until_info() {
	until_true has_info "$@"
}

is_asleep() {
	[ "$(cut -d' ' -f3 "/proc/$1/stat")" = S ]
}

until_asleep() {
	until_true is_asleep "$1"
}

# set_limit NAME VALUE: change a module parameter until the test ends.
set_limit() {
	limit=/sys/module/gochan/parameters/$1
	before=$(cat "$limit")
	trap 'echo "$before" >"$limit"' EXIT
	echo "$2" >"$limit"
}

make() {
	gochan make "$@" >/dev/null || fail "make $*"
}

# run_tests [TEST...]: these, or all of $tests.
run_tests() {
	work=$(mktemp -d)
	chmod 755 "$work"
	cd "$work" || exit 1
	# shellcheck disable=SC2086,SC2154 # split into words; set by the program
	[ $# != 0 ] || set -- $tests
	echo 'TAP version 13'
	echo "1..$#"
	failed=0
	number=0
	for test; do
		number=$((number + 1))
		(set -e; $test) >log 2>&1
		status=$?
		grep -q ' /dev/gochans gochan ' /proc/mounts || mount -t gochan gochan /dev/gochans
		gochan rm --all || status=$?
		[ $status = 0 ] && result=ok || result='not ok'
		[ $status = 0 ] || {
			sed 's/^/# /' log
			failed=$((failed + 1))
		}
		echo "$result $number $test"
	done
	cd / && rm -r "$work"
	[ $failed = 0 ]
}
