#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# The metrics of a bridge, and how "gochan top" shows them. Arguments choose tests.

# shellcheck disable=SC2034 # for run_tests
tests='
	counts counts_of_calls states names_in_labels several_channels counts_of_the_unit
	removed_at_the_end cannot_be_written no_such_file
'

# metric NAME: its value in the file.
metric() {
	sed -n "s/^gochan_bridge_$1{.*} //p" metrics
}

has_metric() {
	[ "$(metric "$1")" = "$2" ]
}

top() {
	gochan top --bridges "$@" metrics
}

# shows TEXT: one interval of the table has a line that ends so, with single spaces.
shows() {
	top -b -d 0.1 | tr -s ' ' >table
	grep -q -- "$1\$" table
}

# Jobs that are done, and those that the machine has while its worker blocks with one.
counts() {
	with_machines m1
	server m1
	start_bridge m1 --queue --metrics metrics
	wait_for_bridge m1
	send_jobs m1 1 20
	ends sender-m1 0 30
	within 30 has_metric confirmed_total 20
	worker m1 -b 5
	within 60 has_metric acknowledged_total 5
	within 30 has_metric held_messages 15
	stop worker-m1 KILL
	worker m1
	within 60 has_metric acknowledged_total 20
	within 30 has_metric held_messages 0
	for name in received fetched delivered; do
		is "$(metric ${name}_total)" 20
	done
	for name in duplicates retried redelivered dead_letters reconnects; do
		is "$(metric ${name}_total)" 0
	done
	is "$(grep -c '^# HELP' metrics)" "$(grep -vc '^#' metrics)"
	is "$(stat -c %a metrics)" 644
	within 30 shows '^ 0 0 0 0 0 0 0 0 connected queue JOBS jobs'
	is "$(top --json | sed -n 's/.*"acknowledged_total":\([0-9]*\).*/\1/p')" 20
}

counts_of_calls() {
	with_machines m1
	server m1
	bridge_options='--cap 1 --size 256'
	start_bridge m1 --call --metrics metrics
	wait_for_bridge m1
	start receiver m1 gochan recv jobs -n 5
	send_jobs m1 1 5
	ends receiver 0 60
	ends sender-m1 0 30
	for name in received confirmed delivered acknowledged; do
		within 30 has_metric ${name}_total 5
	done
	within 30 shows '^ 0 0 0 0 0 0 0 0 connected call JOBS jobs'
}

states() {
	with_machines m1
	server m1
	start_bridge m1 --queue --metrics metrics
	wait_for_bridge m1
	within 30 shows ' connected queue JOBS jobs'
	kill_server m1
	within 30 shows ' disconnected queue JOBS jobs'
	restart_server m1
	within 60 shows ' 1 connected queue JOBS jobs'
	stop bridge-m1 KILL
	within 30 shows ' gone queue JOBS jobs'
}

# Quotes and backslashes are escaped, and read again.
names_in_labels() {
	with_machines m1
	server m1
	# shellcheck disable=SC1003 # a backslash
	start bridge-m1 m1 gochan bridge 'a"b\c' nats://10.0.0.1/JOBS --queue --cap 1 \
		--metrics metrics
	wait_for_bridge m1
	within 30 grep -qF 'connected{channel="a\"b\\c",stream="JOBS",mode="queue"} 1' metrics
	is "$(top --json | sed 's/.*"channel":\(.*\),"stream".*/\1/')" '"a\"b\\c"'
}

several_channels() {
	with_machines m1
	server m1
	cat >bridge.conf <<-'END'
		url = nats://10.0.0.1/JOBS
		cap = 4
		[jobs]
		mode = queue
		[mail]
		url = nats://10.0.0.1/MAIL
		mode = queue
	END
	start bridge-m1 m1 gochan bridge --config bridge.conf --metrics metrics
	within 30 shows ' connected queue JOBS jobs'
	within 30 shows ' connected queue MAIL mail'
	top -b -d 0.1 -s name | tail -n +2 >table
	is "$(awk '{ print $NF }' table | xargs)" 'jobs mail'
	top -b -d 0.1 -s stream -r | tail -n +2 >table
	is "$(awk '{ print $NF }' table | xargs)" 'mail jobs'
	expect 2 gochan top --bridges -s wait-send metrics
}

# In the directory that the service manager has made, where "gochan top" looks.
counts_of_the_unit() {
	with_machines m1
	server m1
	mkdir -p /run/gochan-bridge/jobs
	RUNTIME_DIRECTORY=/run/gochan-bridge/jobs start_bridge m1 --queue
	wait_for_bridge m1
	within 30 test -s /run/gochan-bridge/jobs/metrics.prom
	gochan top --bridges -b -d 2 | tr -s ' ' >table
	grep -q ' connected queue JOBS jobs$' table || fail "$(cat table)"
	stop bridge-m1 TERM
	gochan top --bridges -b -d 0.1 >table
	is "$(wc -l <table)" 1
}

removed_at_the_end() {
	with_machines m1
	server m1
	start_bridge m1 --queue --metrics metrics
	wait_for_bridge m1
	[ -e metrics ] || fail 'no metrics'
	stop bridge-m1 TERM
	[ ! -e metrics ] || fail 'metrics are left'
	[ ! -e metrics.new ] || fail 'a new file is left'
}

cannot_be_written() {
	with_machines m1
	expect 1 on m1 gochan bridge jobs nats://10.0.0.1/JOBS --queue --cap 1 \
		--metrics /nowhere/metrics
	is "$(cat err)" 'gochan bridge: metrics: /nowhere/metrics: No such file or directory'
}

no_such_file() {
	expect 1 gochan top --bridges -b /nowhere/metrics
	says '/nowhere/metrics: No such file or directory'
}

# shellcheck source-path=SCRIPTDIR source=jobs.sh
. "$(dirname "$0")/jobs.sh"
run_tests "$@"
