#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# A bridge of several channels with a configuration file, which is read again on SIGHUP.
# Arguments choose tests.

# shellcheck disable=SC2034 # for run_tests
tests='
	added removed changed changed_while_busy moved_to_other_stream typo file_gone
	failed_bridge_comes_back all_closed no_config
'

# section NAME [LINE...]: of a bridge with a stream of the same name, in capitals.
section() {
	printf '[%s]\nurl = nats://10.0.0.1/%s\nmode = queue\ncap = 16\n' "$1" \
		"$(echo "$1" | tr '[:lower:]' '[:upper:]')"
	shift
	[ $# = 0 ] || printf '%s\n' "$@"
}

# has_begun NAME COUNT: the bridge of that channel, so often.
has_begun() {
	[ "$(grep -c "$1: info: bridged to" bridge-m1.err)" = "$2" ] || is_over bridge-m1
}

# begins NAME COUNT
begins() {
	within 60 has_begun "$1" "$2"
	is_running bridge-m1 || fail "the bridge ended: $(cat bridge-m1.err)"
}

# with_config TEXT: run a bridge with that as its configuration.
with_config() {
	with_machines m1
	server m1
	echo "$1" >config
	start bridge-m1 m1 gochan bridge --config config
}

# has_reloaded COUNT: SIGHUP was taken notice of, so often.
has_reloaded() {
	[ "$(grep -cE 'was read again|remain as they were' bridge-m1.err)" = "$1" ]
}

reload() {
	reloads=$((${reloads:-0} + 1))
	kill -HUP "$(pid bridge-m1)"
	within 30 has_reloaded $reloads
}

# passes CHANNEL TEXT: over the stream and back
passes() {
	expect 0 on m1 gochan send "$1.send" "$2" --timeout 30
	expect 0 on m1 gochan recv "$1" -n 1 --timeout 60
	prints "$2"
}

is_free() {
	on m1 "$here/ops" lock "$1"
}

added() {
	with_config "$(section jobs)"
	begins jobs 1
	section mail >>config
	reload
	begins mail 1
	passes mail hello
	passes jobs hello
	has_begun jobs 1 || fail 'the bridge of jobs was started again'
}

# The channel and what is in it remain, and another bridge may have them.
removed() {
	with_config "$(section jobs; section mail)"
	begins jobs 1
	begins mail 1
	section jobs >config
	reload
	within 60 is_free mail
	on m1 gochan send mail.send kept
	is "$(on m1 gochan info mail.send len)" 1
	passes jobs hello
	has_begun jobs 1 || fail 'the bridge of jobs was started again'
	start other m1 gochan bridge mail nats://10.0.0.1/MAIL --queue
	expect 0 on m1 gochan recv mail -n 1 --timeout 60
	prints kept
}

# Only the channel of which settings have changed is begun again.
changed() {
	with_config "$(section jobs; section mail)"
	begins jobs 1
	begins mail 1
	{ section jobs 'duplicates = 60'; section mail; } >config
	reload
	begins jobs 2
	passes jobs hello
	passes mail hello
	has_begun mail 1 || fail 'the bridge of mail was started again'
	# nothing has changed
	reload
	passes jobs hello
	has_begun jobs 2 || fail 'the bridge of jobs was started again'
}

# No job is lost or done twice, also of those that are in the channel, which is always full.
changed_while_busy() {
	with_config "$(section jobs)"
	begins jobs 1
	worker m1 -d 10
	send_jobs m1 1 300
	for times in 1 2 3; do
		within 90 has_effects $((times * 50))
		section jobs "duplicates = 6$times" >config
		reload
		begins jobs $((times + 1))
	done
	all_done 120 1 300
}

moved_to_other_stream() {
	with_config "$(section jobs)"
	begins jobs 1
	section jobs 'url = nats://10.0.0.1/OTHER' >config
	reload
	begins jobs 2
	passes jobs hello
	is "$(get "$(url m1)" OTHER last)" 1
	is "$(get "$(url m1)" JOBS last)" 0
}

typo() {
	with_config "$(section jobs; section mail)"
	begins jobs 1
	begins mail 1
	section jobs 'capcity = 7' >config
	reload
	grep -q 'unknown setting capcity; did you mean cap' bridge-m1.err || fail 'no hint'
	grep -q 'config:5: error' bridge-m1.err || fail 'no line'
	passes jobs hello
	passes mail hello
	section jobs 'capacity = 1024' >config
	reload
	begins jobs 2
	within 60 is_free mail
	passes jobs hello
}

file_gone() {
	with_config "$(section jobs)"
	begins jobs 1
	rm config
	reload
	grep -q 'config: No such file' bridge-m1.err || fail "$(cat bridge-m1.err)"
	passes jobs hello
}

# The others are not disturbed, and a failure that passes needs nobody.
failed_bridge_comes_back() {
	with_config "$(section jobs; section mail 'url = nats://10.0.0.2/MAIL')"
	begins jobs 1
	within 60 grep -q 'mail: cannot connect' bridge-m1.err
	passes jobs hello
	power_on m2
	server m2
	begins mail 1
	passes mail hello
	has_begun jobs 1 || fail 'the bridge of jobs was started again'
}

# The program ends with the last of its queues.
all_closed() {
	with_config "$(section jobs; section mail)"
	begins jobs 1
	begins mail 1
	on m1 gochan close jobs.send
	within 60 has_on m1 jobs closed yes
	passes mail hello
	on m1 gochan close mail.send
	ends bridge-m1 0 60
}

# Without a file there is nothing to read again; the bridge ends with its terminal.
no_config() {
	with_machines m1
	server m1
	bridge m1 --queue
	kill -HUP "$(pid bridge-m1)"
	ends bridge-m1 0 30
}

# shellcheck source-path=SCRIPTDIR source=jobs.sh
. "$(dirname "$0")/jobs.sh"
run_tests "$@"
