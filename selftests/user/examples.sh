#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# Run the examples, from the directory examples beside this script: each exits
# with status 0 and prints what is expected. (Their status says whether what they
# demonstrate holds.) Arguments choose examples.

tests='counter bank vote queue waitgroup periodic sieve reply stealing supervisor semaphore lock call deadlock'

# expected EXAMPLE: its output, as a pattern; a semicolon ends each line.
expected() {
	some='[0-9]+'
	worker="($some|1, the long one)"
	case $1 in
	counter) printf '%s;' "without a lock: $some of 1000" 'with a mutex: 1000' 'with a channel: 1000' ;;
	bank)
		printf '%s;' "400 transfers, $some audits: the sum was always 800" \
			"$some of $some peeking audits were wrong"
		;;
	vote)
		printf '%s;' "with a condition variable: decided, [5-7] of $some votes were yes" \
			'with a channel: decided, 5 of [5-8] votes were yes' \
			'with a channel and six voters silent: not decided by the deadline'
		;;
	queue) printf '%s;' '3 producers, 4 consumers: 600 jobs, sum 179700' ;;
	waitgroup)
		printf '%s;' 'all workers are done: the sum of 1 to 8000 is 32004000' '1 of 8 workers is missing'
		;;
	periodic) printf '%s;' 'beat 1' 'beat 2' 'beat 3' 'beat 4' 'beat 5' stopped ;;
	sieve) printf '%s;' "2 3 5 7 11 13 ($some ){23}113" ;;
	reply) printf '%s;' '9 clients were answered, 1 had left' ;;
	call) printf '%s;' '32 calls were answered, 1 caller had left, 9 workers died' ;;
	stealing)
		printf '%s;' "worker 0: $worker" "worker 1: $worker" "worker 2: $worker" \
			"worker 3: $worker" '40 jobs, [1-9][0-9]* stolen'
		;;
	supervisor)
		printf '%s;' "(job $some (hangs|lost its worker);)+12 jobs done, $some workers replaced"
		;;
	semaphore) printf '%s;' '4 places, 30 visits, 10 workers died inside: 4 places are free' ;;
	lock)
		printf '%s;' 'with a robust mutex: 51 increments, 10 holders died, 10 repairs' \
			'with a channel: 51 increments, 10 holders died, 10 repairs'
		;;
	deadlock)
		# lines of the three workers in any order
		printf '%s;' "((gochan\[$some\]: [^;]*;)*gochan\[$some\]: thread $some has been in \
gochan_send for [0-9.]+ s: send $some;){3}(gochan\[$some\]: [^;]*;)+3 of 3 workers were stuck"
		;;
	esac
}

# run EXAMPLE: succeeds if its status is 0 and its output as expected.
run() {
	status=0
	argument=
	[ "$1" != deadlock ] || argument=quit
	timeout $((${kselftest_timeout:-90} * 2 / 3)) "$examples/$1" $argument >out 2>&1 || status=$?
	[ $status = 0 ] && tr '\n' ';' <out | grep -qxE "$(expected "$1")" && return
	sed 's/^/# /' out
	echo "# status $status; expected: $(expected "$1")"
	return 1
}

examples=$(realpath "$(dirname "$0")")/examples
work=$(mktemp -d)
cd "$work" || exit 1

# shellcheck disable=SC2086 # split into words
[ $# != 0 ] || set -- $tests
echo 'TAP version 13'
echo "1..$#"
number=0
failed=0
for example; do
	number=$((number + 1))
	result=ok
	run "$example" || { result='not ok'; failed=1; }
	echo "$result $number $example"
done
cd / && rm -r "$work"
exit $failed
