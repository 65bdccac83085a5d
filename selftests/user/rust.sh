#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# Run the example in Rust, from the directory examples beside this script: its status is
# whether the sum is right.

wanted='4 workers, 1000 jobs: the sum of the squares is 333833500'
program=$(realpath "$(dirname "$0")")/examples/squares
result='not ok'
echo 'TAP version 13'
echo 1..1
printed=$(timeout $((${kselftest_timeout:-90} * 2 / 3)) "$program" 2>&1)
status=$?
[ "$status $printed" != "0 $wanted" ] || result=ok
echo "# status $status: $printed"
echo "$result 1 squares"
[ "$result" = ok ]
