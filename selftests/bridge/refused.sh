#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# What a bridge refuses: each time with a message that names the remedy, and status 1, or 2
# for wrong usage. Arguments choose tests.

# shellcheck disable=SC2034 # for run_tests
tests='
	usage hosts unreachable_host no_server_there no_jetstream other_retention other_discard
	other_subject taken_subject no_limit old_messages_dropped other_capacity short_messages
	long_messages no_permission wrong_password open_password_file missing_channel not_acknowledged
	no_done_channel buffered_call permission_of_channel no_gochanfs two_bridges loop
	loop_over_two_machines two_loops other_ack_wait no_consumer over_max_payload bad_config
'

url=nats://10.0.0.1/JOBS

usage() {
	with_machines m1
	refused 2 'NAME and the URL are missing'
	refused 2 'one NAME and one URL' jobs $url other --queue
	refused 2 'no mode is given' jobs $url
	refused 2 'there can be one mode' jobs $url --send --recv
	refused 2 "unrecognized option '--qeue'" jobs $url --qeue
	refused 2 'not a URL' jobs http://10.0.0.1/JOBS --queue
	refused 2 'the name of the stream is missing' jobs nats://10.0.0.1 --queue
	refused 2 'the name of a stream has letters' jobs nats://10.0.0.1/JO.BS --queue
	refused 2 'a user or password in the URL' jobs nats://me:secret@10.0.0.1/JOBS --queue
	! grep -q secret err || fail 'the password is in the log'
	refused 2 'cap 0: not a number from' jobs $url --queue --cap 0
	refused 2 'ack-wait x: not a number' jobs $url --queue --ack-wait x
	refused 2 'storage disk' jobs $url --queue --storage disk
	refused 2 'log xml' jobs $url --queue --log xml
	refused 2 'tls-cert and tls-key go together' jobs $url --queue --tls-cert cert
	refused 2 'no end of calls, so no --once' jobs $url --call --once
}

# Each of the servers has to be there, and no more than are used.
hosts() {
	with_machines m1
	for hosts in '' ',' ':4222' 'a,' ',a' 'a,,b' 'a,:4222'; do
		refused 2 'a host is missing' jobs "nats://$hosts/JOBS" --queue
	done
	many=h1
	for i in $(seq 2 16); do
		many=$many,h$i
	done
	refused 1 'cannot connect to nats://h1,' jobs "nats://$many/JOBS" --queue --cap 4
	refused 2 'more than 16 servers' jobs "nats://$many,h17/JOBS" --queue
}

unreachable_host() {
	with_machines m1
	refused 1 'cannot connect to nats://10.0.0.9' jobs nats://10.0.0.9/JOBS --queue --cap 4
	expect 1 on m1 gochan info jobs
}

no_server_there() {
	with_machines m1
	refused 1 'cannot connect.*is nats-server running there' jobs $url --queue --cap 4
}

no_jetstream() {
	with_machines m1
	write_config m1
	sed -i '/^jetstream/d' m1.conf
	start_server m1
	within 30 grep -q 'Server is ready' m1.log
	refused 1 'JetStream.*enable it in the server' jobs $url --queue --cap 4
}

# ---- streams that another client has made ---------------------------------------

# wrong_stream PATTERN OPTION...: with these options, see nats.c
wrong_stream() {
	problem=$1
	shift
	with_machines m1
	server m1
	nats "$(url m1)" make JOBS "$@"
	refused 1 "JOBS exists with other settings: .*$problem" jobs $url --queue --cap 4
}

other_retention() {
	wrong_stream 'retention' retention=limits
}

other_discard() {
	wrong_stream 'drops old messages' discard=old
}

taken_subject() {
	with_machines m1
	server m1
	nats "$(url m1)" make OTHER subject=gochan.JOBS
	refused 1 'another stream has the subjects of stream JOBS; use another name' \
		jobs $url --queue --cap 4
}

other_subject() {
	wrong_stream 'subjects' subject=jobs
}

no_limit() {
	wrong_stream 'no limit of messages' messages=-1
}

old_messages_dropped() {
	wrong_stream 'drops messages by age' age=60
}

other_capacity() {
	with_machines m1
	server m1
	nats "$(url m1)" make JOBS messages=7 message_size=4352
	refused 1 'it holds 7 messages, not 8' jobs $url --queue --cap 4 --capacity 8
	# without the option it is used as it is
	bridge_options='--cap 4 --size 4096'
	bridge m1 --queue
}

short_messages() {
	wrong_stream 'smaller --size' message_size=1000
}

# Messages that the receiving channel could not take.
long_messages() {
	wrong_stream 'larger --size' message_size=100000
}

# ---- permissions ----------------------------------------------------------------

secured_server() {
	server_text='authorization { users: [
		{ user: "me", password: "right", permissions: { publish: ">", subscribe: ">" } }
		{ user: "you", password: "right", permissions: {
			publish: "nothing", subscribe: "_INBOX.>" } }
	] }'
	write_config m1 "$server_text"
	start_server m1
	within 30 grep -q 'Server is ready' m1.log
}

# password_file TEXT
password_file() {
	rm -f password
	(umask 077; echo "$1" >password)
}

no_permission() {
	with_machines m1
	secured_server
	password_file you:right
	refused 1 '[Pp]ermission' jobs $url --queue --cap 4 --password password
}

wrong_password() {
	with_machines m1
	secured_server
	refused 1 'use --creds FILE or --password FILE' jobs $url --queue --cap 4
	password_file me:wrong
	refused 1 'does the server know this user\? Check the file' jobs $url --queue --cap 4 \
		--password password
	! grep -q wrong err || fail 'the password is in the log'
	password_file me:right
	bridge m1 --queue --password password
}

open_password_file() {
	with_machines m1
	secured_server
	password_file me:right
	chmod 644 password
	refused 1 'others may read it.*chmod 600' jobs $url --queue --cap 4 --password password
	refused 1 'none: No such file' jobs $url --queue --cap 4 --password none
	password_file nothing
	refused 1 'its first line is not USER:PASSWORD' jobs $url --queue --cap 4 \
		--password password
}

# ---- channels -------------------------------------------------------------------

missing_channel() {
	with_machines m1
	server m1
	refused 1 'no channel jobs.send; make it with' jobs $url --queue
}

not_acknowledged() {
	with_machines m1
	server m1
	on m1 gochan make jobs.send --cap 4
	refused 1 'jobs.send is not acknowledged.*gochan make jobs.send --ack' jobs $url --queue \
		--cap 4
	on m1 gochan rm jobs.send
	on m1 gochan make jobs --cap 4
	refused 1 'jobs is not acknowledged.*gochan make jobs --ack' jobs $url --recv --cap 4
}

no_done_channel() {
	with_machines m1
	server m1
	on m1 gochan make jobs --cap 4 --ack
	refused 1 'jobs has no done channel.*--done' jobs $url --recv --cap 4
}

buffered_call() {
	with_machines m1
	server m1
	on m1 gochan make jobs.send --cap 4
	refused 1 'jobs.send is buffered.*gochan make jobs.send' jobs $url --call --cap 4
}

permission_of_channel() {
	with_machines m1
	server m1
	on m1 gochan make jobs.send --cap 4 --ack
	expect 1 on m1 su alice -c "timeout 60 gochan bridge jobs $url --queue --cap 4"
	grep -q 'no permission to .* channel jobs.send' err || fail "$(cat err)"
}

no_gochanfs() {
	with_machines m1
	server m1
	on m1 umount /dev/gochans
	refused 1 'no gochanfs is mounted' jobs $url --queue --cap 4
}

# ---- more than one bridge ---------------------------------------------------------

two_bridges() {
	with_machines m1
	server m1
	bridge m1 --queue
	refused 1 'has a bridge already' jobs $url --queue
	refused 1 'has a bridge already' jobs.send $url --send
	is_running bridge-m1 || fail 'the first bridge ended'
	# the lock goes with its bridge
	stop bridge-m1 KILL
	bridge m1 --queue
}

# What goes out of a channel must not come back into it.
loop() {
	with_machines m1
	server m1
	on m1 gochan make jobs.done --cap 4 --size 24
	on m1 gochan make jobs --cap 4 --ack --done jobs.done
	bridge m1 --recv
	refused 1 'has a bridge already' jobs $url --send
}

# What m2 has received cannot go back by a bridge, whatever the stream: it would never end.
loop_over_two_machines() {
	with_machines m1 m2
	server m1
	bridge_options='--cap 4 --size 4096'
	stream_url=nats://10.0.0.1/THERE
	bridge m1 --queue
	bridge m2 --queue
	expect 1 on m2 timeout 90 gochan bridge jobs nats://10.0.0.1/BACK --send
	grep -q 'jobs has a bridge already; .* in one direction' err || fail "$(cat err)"
	refused 1 'jobs.send has a bridge already' jobs.send nats://10.0.0.1/BACK --recv \
		--cap 4
	! get "$(url m1)" BACK messages || fail 'there is a second stream'
	send_jobs m1 1 20
	worker m2
	within 60 is_done 1 20
	is "$doubled" 0
}

# The same with two streams, in one configuration.
two_loops() {
	with_machines m1
	server m1
	cat >config <<-END
		url = nats://10.0.0.1/A
		cap = 4
		[jobs]
		mode = recv
		[jobs.send]
		mode = send
		[jobs]
		mode = send
	END
	refused 1 'jobs.*twice' --config config
}

other_ack_wait() {
	with_machines m1 m2
	server m1
	bridge m2 --queue
	refused 1 'same --ack-wait.* nats consumer rm JOBS gochan' jobs $url --queue --cap 4 \
		--ack-wait 7
}

# A user who may use the stream, but not its consumer.
no_consumer() {
	with_machines m1 m2
	# shellcheck disable=SC2016 # subjects of JetStream
	server_text='authorization { users: [
		{ user: "me", password: "right", permissions: { publish: ">", subscribe: ">" } }
		{ user: "you", password: "right", permissions: {
			publish: { deny: "$JS.API.CONSUMER.>" }, subscribe: ">" } }
	] }'
	write_config m1 "$server_text"
	start_server m1
	within 30 grep -q 'Server is ready' m1.log
	password_file me:right
	bridge m2 --queue --password password
	password_file you:right
	expect 1 on m1 timeout 400 gochan bridge jobs $url --recv --cap 4 --password password
	grep -q 'may this user use the consumer' err || fail "$(cat err)"
}

# ---- sizes and configuration --------------------------------------------------------

over_max_payload() {
	with_machines m1
	server m1
	refused 1 'messages of 1048576 bytes.*max_payload' jobs $url --queue --cap 4 \
		--size 1048576
	on m1 gochan rm --all
	bridge_options='--cap 4 --size 1048000'
	bridge m1 --queue
}

# bad_line PATTERN LINE: in a configuration that is right otherwise
bad_line() {
	printf '%s\n' "url = $url" '[jobs]' 'mode = queue' "$2" >config
	refused 1 "$1" --config config
}

bad_config() {
	with_machines m1
	refused 1 'none: No such file' --config none
	bad_line 'unknown setting capcity; did you mean capacity' 'capcity = 7'
	bad_line 'config:4: error' 'capcity = 7'
	bad_line 'unknown setting colour' 'colour = red'
	bad_line 'config:4: error' 'no setting'
	bad_line 'cap many: not a number' 'cap = many'
	bad_line 'mode que' 'mode = que'
	: >config
	refused 1 'no channel' --config config
	echo '[jobs]' >config
	echo 'mode = queue' >>config
	refused 1 'no URL is given' --config config
	refused 2 'config has the channels and their settings' --config config --cap 4
}

# shellcheck source-path=SCRIPTDIR source=jobs.sh
. "$(dirname "$0")/jobs.sh"
run_tests "$@"
