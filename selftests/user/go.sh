#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# Run the tests of the Go package, its examples, and the program of its README, from the
# directory go beside this script. Arguments choose tests of the package, or programs.

examples='counter bank queue waitgroup periodic sieve reply pool first'

# expected EXAMPLE: its output, as a pattern; a semicolon ends each line.
expected() {
	case $1 in
	counter) printf '%s;' 'counted 30' ;;
	bank) printf '%s;' '150 transfers: the sum was always 600' ;;
	queue) printf '%s;' '3 producers, 4 consumers: 600 jobs, sum 179700' ;;
	waitgroup) printf '%s;' '5 of 5 are done' '4 of 5 are done' ;;
	periodic) printf '%s;' 'beat 1' 'beat 2' 'beat 3' 'beat 4' 'beat 5' stopped ;;
	sieve) printf '%s;' '2 3 5 7 11 13 17 19 23 29 ' ;;
	reply) printf '%s;' '5 clients were answered' ;;
	pool) printf '%s;' '11 jobs are done, 5 workers died, job 7 is given up' ;;
	first) printf '%s;' 'job one' 'job two' 'job three' ;;
	esac
}

# result STATUS NAME: print the line of TAP.
result() {
	number=$((number + 1))
	if [ "$1" = 0 ]; then
		echo "ok $number $2"
	else
		echo "not ok $number $2"
		failed=1
	fi
}

run_example() {
	status=0
	timeout "$limit" "./$1" >"$work/out" 2>&1 || status=$?
	[ $status != 0 ] || tr '\n' ';' <"$work/out" | grep -qxE "$(expected "$1")" || status=1
	[ $status = 0 ] || {
		sed 's/^/# /' "$work/out"
		echo "# status $status; expected: $(expected "$1")"
	}
	result $status "$1"
}

# The results of "go test -v", as TAP from number + 1 on; the status is 1 if one is bad.
to_tap() {
	awk -v number="$number" '
	/^--- (PASS|FAIL|SKIP): / {
		bad = $2 != "PASS:"
		failed = failed || bad
		number++
		print (bad ? "not ok " : "ok ") number " " $3
		next
	}
	!/^=== / { print "# " $0 }
	END { exit failed }'
}

cd "$(dirname "$(realpath "$0")")/go" || exit 1
limit=$((${kselftest_timeout:-90} * 2 / 3))
work=$(mktemp -d)
number=0
failed=0
pattern=$(echo "$*" | tr ' ' '|')
tests=$(./gochan.test -test.list "^(${pattern:-.*})\$" | grep -v '^ok ')
programs=$(echo "$examples" | tr ' ' '\n' | grep -xE "${pattern:-.*}")
count=$(printf '%s\n' "$tests" "$programs" | grep -c .)
echo 'TAP version 13'
echo "1..$count"
if [ "$tests" ]; then
	GOCHAN_LAYOUT=$(realpath ../layout) ./gochan.test -test.v -test.timeout "${limit}s" \
		-test.run "^(${pattern:-.*})\$" 2>&1 | to_tap || failed=1
	number=$(echo "$tests" | grep -c .)
fi
for program in $programs; do
	run_example "$program"
done
rm -r "$work"
exit $failed
