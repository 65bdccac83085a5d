#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# What the gochan command shows of all named channels: ls, info and top, as tables, as
# JSON and live on a terminal. See helpers/shell.sh. Arguments choose tests.

# shellcheck disable=SC2034 # for run_tests
tests='
	info_json info_json_fields info_hides_what_is_zero
	json_names json_limits_of_utf8 json_random_names
	ls_json ls_json_empty ls_json_as_user ls_waits ls_waits_of_others ls_without_proc
	ls_pattern ls_directory ls_escapes_names ls_output ls_output_of_all ls_raw ls_narrow
	ls_names_on_terminal ls_options ls_while_directories_go info_escapes_names
	top_table top_rates top_json top_new_channel top_reused_name top_sort top_as_user
	top_opens_no_handle top_pattern top_usage top_not_mounted top_unmounted_meanwhile
	top_to_full_disk top_pipe_breaks top_while_channels_go thousand_channels
	live_quits live_rates live_sorts live_resizes live_interrupted live_terminated
	live_stopped live_continued live_hung_up live_comes_and_goes live_escapes_names
	live_count live_unmounted live_many live_unknown_keys
	prometheus prometheus_names prometheus_keeps_file
'

# ---- helpers ------------------------------------------------------------------

# The last command printed JSON: one value on each line; or with -w one in all.
prints_json() {
	"$here/json" "$@" <out || fail "not JSON: $(cat out)"
}

# prints_match REGEX: a line of what the last command printed matches.
prints_match() {
	grep -Eq -- "$1" out || fail "no line of '$(cat out)' matches '$1'"
}

# prints_no_match REGEX: no line does.
prints_no_match() {
	! grep -Eq -- "$1" out || fail "a line of '$(cat out)' matches '$1'"
}

# names: the last column of the table that the last command printed, in one line.
names() {
	awk 'NR > 1 { printf "%s%s", separator, $NF; separator = " " }' out
}

# live ROWS COLUMNS [OPTION...]: top on a terminal, with the steps of standard input, see
# helpers/terminal.c. When it ends or stops, the session says with which status, and
# whether the terminal is as it was; what was stopped it continues.
live() {
	cat >session <<-'END'
		trap : INT
		before=$(stty -g)
		gochan top "$@"
		status=$?
		while :; do
			[ "$(stty -g)" = "$before" ] && echo "restored, status $status"
			[ $status = 148 ] || break
			fg
			status=$?
		done
	END
	rows=$1
	columns=$2
	shift 2
	"$here/terminal" "$rows" "$columns" sh -m session "$@" >out 2>&1 || fail "$(cat out)"
}

# value KEY FILE: the number in the first object with it.
value() {
	sed -n "s/.*\"$1\":\\([0-9.]*\\).*/\\1/p" "$2" | head -n 1
}

# In seconds, by the clock that waits are measured with.
uptime_now() {
	cut -d' ' -f1 /proc/uptime
}

# ---- info ------------------------------------------------------------------------

info_json() {
	make jobs --cap 4 --size 10 --hangup
	gochan send jobs one three
	expect 0 gochan info jobs --json
	prints "{\"name\":\"jobs\",\"abi\":2,\"id\":$(gochan info jobs id),\"capacity\":4,\
\"msg_size\":10,\"flags\":[\"hangup\"],\"closed\":false,\"len\":2,\"bytes\":8,\"leased\":0,\
\"max_deliveries\":0,\"senders_waiting\":0,\"receivers_waiting\":0,\"send_handles\":0,\
\"recv_handles\":0,\"sent\":2,\"received\":0,\"send_blocked\":0,\"recv_blocked\":0,\
\"requeued\":0,\"dropped\":0,\"done\":0}"
	prints_json
}

info_json_fields() {
	make jobs --cap 4
	gochan close jobs
	expect 0 gochan info --json jobs capacity closed
	prints '{"capacity":4,"closed":true}'
	expect 0 gochan info --json jobs len name len
	prints '{"name":"jobs","len":0}'
	exec 3<>/dev/gochan
	expect 0 gochan info --json --fd 3 name flags
	prints '{"name":null,"flags":[]}'
	expect 2 gochan info --json jobs len nonsense
	prints_nothing
	says_field='nonsense: no such field'
	grep -qF "$says_field" err || fail "said '$(cat err)'"
}

info_hides_what_is_zero() {
	make jobs
	expect 0 gochan info jobs
	prints_no_match '^(leased|max_deliveries|dropped|done|abi):'
	expect 0 gochan info jobs leased max_deliveries dropped abi
	prints '0
0
0
2'
}

# ---- JSON ------------------------------------------------------------------------

# json_of NAME STRING: a channel of this name has this string in JSON.
json_of() {
	make "$1"
	for command in 'info --json' 'ls --json' 'top --json -d 0.001'; do
		# shellcheck disable=SC2086 # split into words
		expect 0 gochan $command "$1"
		prints_json -w
		grep -qF "\"name\":\"$2\"," out || fail "$command: no \"$2\" in '$(cat out)'"
	done
	expect 0 gochan rm "$1"
}

json_names() {
	json_of 'two words' 'two words'
	json_of "it's" "it's"
	json_of 'a"b' 'a\"b'
	json_of "$(printf 'a\nb')" 'a\nb'
	json_of "$(printf 'a\tb\033[31m\001\177')" 'a\u0009b\u001b[31m\u0001\u007f'
	json_of "$(printf 'gr\303\274n \346\227\245 \360\237\230\200')" \
		"$(printf 'gr\303\274n \346\227\245 \360\237\230\200')"
	json_of "$(printf 'a\377b')" 'a\ufffdb'
	json_of "$(printf 'a\303')" 'a\ufffd'
}

# Overlong, surrogates, beyond Unicode, controls of two bytes; and the outermost that are
# valid.
json_limits_of_utf8() {
	json_of "$(printf 'x\300\257')" 'x\ufffd\ufffd'
	json_of "$(printf 'x\340\237\277')" 'x\ufffd\ufffd\ufffd'
	json_of "$(printf 'x\355\240\200')" 'x\ufffd\ufffd\ufffd'
	json_of "$(printf 'x\364\220\200\200')" 'x\ufffd\ufffd\ufffd\ufffd'
	json_of "$(printf 'x\360\217\277\277')" 'x\ufffd\ufffd\ufffd\ufffd'
	json_of "$(printf 'x\302\205\302\237')" 'x\u0085\u009f'
	for valid in '\302\240' '\340\240\200' '\355\237\277' '\356\200\200' '\360\220\200\200' \
		'\364\217\277\277'; do
		# shellcheck disable=SC2059 # it is the format
		valid=$(printf "x$valid")
		json_of "$valid" "$valid"
	done
}

json_random_names() {
	number=0
	while [ $number != 100 ]; do
		number=$((number + 1))
		name=$(head -c 12 /dev/urandom | tr -d '\000/')
		gochan make "./$name" >/dev/null 2>&1 && fail 'made outside of a gochanfs'
		gochan make "/dev/gochans/x$name" >/dev/null
	done
	expect 0 gochan ls --json
	prints_json -w
	is "$(grep -c '"name":"x' out)" 100
	expect 0 gochan top --json -d 0.001
	prints_json
	is "$(wc -l <out)" 100
}

# ---- ls --------------------------------------------------------------------------

ls_json() {
	make b --cap 2 --mode 0640
	chown alice /dev/gochans/b
	make a
	expect 0 gochan ls --json
	prints_json -w
	state() {
		gochan info --json "$1" | sed 's/^{"name":"[^"]*",//; s/}$//'
	}
	is "$(cat out)" "[
{\"name\":\"a\",\"path\":\"/dev/gochans/a\",$(state a),\"owner\":\"root\",\"uid\":0,\
\"group\":\"root\",\"gid\":0,\"mode\":\"0600\",\"oldest_wait\":null},
{\"name\":\"b\",\"path\":\"/dev/gochans/b\",$(state b),\"owner\":\"alice\",\"uid\":1000,\
\"group\":\"root\",\"gid\":0,\"mode\":\"0640\",\"oldest_wait\":null}
]"
}

ls_json_empty() {
	expect 0 gochan ls --json
	prints '[]'
}

ls_json_as_user() {
	make jobs --mode 0622
	expect 0 alice gochan ls --json
	prints_json -w
	prints '[
{"name":"jobs","path":"/dev/gochans/jobs","owner":"root","uid":0,"group":"root","gid":0,'\
'"mode":"0622","oldest_wait":null}
]'
}

ls_waits() {
	make jobs
	gochan send jobs x &
	first=$!
	until_info jobs senders_waiting 1
	second_at=$(uptime_now)
	gochan send jobs y &
	until_info jobs senders_waiting 2
	make results
	gochan recv results >/dev/null &
	until_info results receivers_waiting 1
	expect 0 gochan ls
	prints_match '^jobs .* open +2 +0 +([0-9.]+s|[0-9]+m[0-9]+s)$'
	prints_match '^results .* open +0 +1 +([0-9.]+s|[0-9]+m[0-9]+s)$'
	now=$(uptime_now)
	expect 0 gochan ls --json jobs
	prints_json -w
	# the first one has waited since before the second came
	awk -v wait="$(value oldest_wait out)" -v now="$now" -v at="$second_at" \
		'BEGIN { exit !(wait > now - at && wait < 60) }' || fail "$now $second_at $(cat out)"
	kill $first
	until_info jobs senders_waiting 1
	expect 0 gochan ls
	prints_match '^jobs .* open +1 +0 '
}

# How many they are is known, but not since when; until one's own task waits, too.
ls_waits_of_others() {
	make jobs --mode 0666
	gochan recv jobs >/dev/null &
	until_info jobs receivers_waiting 1
	expect 0 alice gochan ls
	prints_match '^jobs .* open +0 +1 +-$'
	expect 0 alice gochan ls --json
	prints_match '"receivers_waiting":1,.*"oldest_wait":null'
	alice gochan recv jobs >/dev/null &
	until_info jobs receivers_waiting 2
	expect 0 alice gochan ls
	prints_match '^jobs .* open +0 +2 +[0-9]'
	gochan close jobs
	wait
}

ls_without_proc() {
	make jobs
	gochan recv jobs >/dev/null &
	until_info jobs receivers_waiting 1
	# shellcheck disable=SC2016 # for the inner shell
	expect 0 unshare -m sh -c 'umount /proc && exec gochan ls'
	prints_match '^jobs .* open +0 +1 +-$'
	says_nothing
	expect 0 unshare -m sh -c 'umount /proc && exec gochan top -b -d 0.001'
	prints_match ' 0 +1 +0 +jobs$'
	gochan close jobs
	wait
}

ls_pattern() {
	mkdir /dev/gochans/app
	trap 'gochan rm --all; rmdir /dev/gochans/app' EXIT
	for name in /dev/gochans/app/x jobs job2 results; do
		make $name
	done
	expect 0 gochan ls -q 'job*'
	prints 'job2
jobs'
	expect 0 gochan ls -q jobs
	prints jobs
	expect 0 gochan ls -q '*/x'
	prints app/x
	expect 0 gochan ls -q '/dev/gochans/app/*'
	prints app/x
	expect 0 gochan ls -q 'none*'
	prints_nothing
}

ls_directory() {
	mkdir /dev/gochans/app other
	mount -t gochan gochan other
	trap 'gochan rm --all; rmdir /dev/gochans/app; umount other' EXIT
	make /dev/gochans/app/x
	make other/y
	make jobs
	for app in app /dev/gochans/app /dev/gochans/app/; do
		expect 0 gochan ls -q $app
		prints app/x
	done
	expect 0 gochan ls -q "$PWD/other"
	prints "$PWD/other/y"
	expect 0 gochan ls --json ./other
	prints_match '"path":"\./other/y",'
	expect 0 gochan top -b -d 0.001 ./other
	prints_match ' \./other/y$'
	expect 1 gochan ls /tmp
	says '/tmp: not on a gochanfs'
}

# What would control the terminal does not reach it.
ls_escapes_names() {
	make "$(printf 'a\033[2J')"
	# shellcheck disable=SC1003 # no quote is escaped
	make "$(printf 'b\nc\\')"
	make "$(printf 'd\377\302\205')"
	make "$(printf 'gr\303\274n')"
	expect 0 gochan ls
	is "$(tail -n 4 out | cut -d' ' -f1)" "a\\033[2J
b\\012c\\\\
d\\377\\302\\205
$(printf 'gr\303\274n')"
	# aligned by characters
	is "$(tail -n 4 out | sed 's/root  *root.*//' | sed "s/$(printf '\303\274')/u/" |
		awk '{ print length($0) }' | sort -u | wc -l)" 1
}

# Columns in any case and order, a second time only once; and under their keys in JSON.
ls_output() {
	make jobs --cap 16 --hangup
	make b --ack --cap 4 --dead jobs
	gochan send jobs one three
	expect 0 gochan ls -o name,LEN,Flags,BYTES,name
	prints 'NAME LEN FLAGS          BYTES
b      0 ack,deadletter     0
jobs   2 hangup             8'
	expect 0 gochan ls --output=LEN --noheadings
	prints '0
2'
	expect 0 gochan ls -n -o SENT,NAME jobs
	prints '2 jobs'
	expect 0 gochan ls -o +uid jobs
	is "$(head -n 1 out)" "$(gochan ls | head -n 1) UID"
	is "$(tail -n 1 out)" "$(gochan ls jobs | tail -n 1)   0"
	expect 0 gochan ls -J -o name,len,state,mode,oldest,flags
	prints_json -w
	prints '[
{"name":"b","len":0,"closed":false,"mode":"0600","oldest_wait":null,'\
'"flags":["ack","deadletter"]},
{"name":"jobs","len":2,"closed":false,"mode":"0600","oldest_wait":null,"flags":["hangup"]}
]'
	expect 0 alice gochan ls -J -o name,len jobs
	prints '[
{"name":"jobs"}
]'
}

# Those that the help describes are those that there are, and JSON has a key for each.
ls_output_of_all() {
	make jobs
	columns=$(gochan help ls | sed -n '/^Columns/,/^$/{ s/^  \([A-Z]\)/\1/p; }' | cut -c 1-19 |
		tr -d ' *' | tr '\n' ',')
	expect 0 gochan ls -o "${columns%,}"
	is "$(head -n 1 out | tr -s ' ' ',')," "$columns"
	expect 0 gochan ls --json
	keys=$(grep -o '"[a-z_]*":' out | sort | grep -v '"abi"')
	expect 0 gochan ls --json -o "${columns%,}"
	prints_json -w
	is "$(grep -o '"[a-z_]*":' out | sort)" "$keys"
}

ls_raw() {
	make 'two  words' --ack --cap 4
	make "$(printf 'a\nb')"
	expect 0 gochan ls --raw -o NAME,CAP,FLAGS,OLDEST
	# shellcheck disable=SC1003 # no quote is escaped
	prints 'NAME CAP FLAGS OLDEST
a\012b 0 none -
two\040\040words 4 ack -'
	expect 0 gochan ls -r
	is "$(awk '{ print NF }' out | sort -u)" 12
}

# on_terminal COLUMNS COMMAND: run it, and do the steps of standard input.
on_terminal() {
	"$here/terminal" 24 "$1" sh -c "echo begin; $2" >out 2>&1 || fail "$(cat out)"
}

# Lines that are too long for a terminal are cut off, by characters; those for others not.
ls_narrow() {
	name=$(printf 'gr\303\274n%015d' 0)
	make "$name"
	make jobs --size 4096
	on_terminal 30 'gochan ls; gochan ls -n; gochan ls -rn jobs; gochan ls -n jobs | cat' <<-END
		line NAME                OWNER GROU
		line $name root  root
		line jobs                root  root
		line $name root root
		line jobs                root root
		line jobs root root 0600 0 4096 0 0 open 0 0 -
		line jobs root root 0600 0 4096 0 0 open 0 0 -
		end 0
	END
	on_terminal 79 'gochan ls jobs' <<-'END'
		line NAME OWNER GROUP MODE CAP SIZE LEN LEASED STATE WAIT-SEND WAIT-RECV OLDEST
		line jobs root  root  0600   0 4096   0      0 open          0         0      -
		end 0
	END
}

# What others have named does not control a terminal, but programs get it as it is.
ls_names_on_terminal() {
	name=$(printf 'a\033[2J')
	make "$name"
	# shellcheck disable=SC2016 # for the inner shell
	on_terminal 80 'gochan ls -q; gochan info "$(gochan ls -q)" name; gochan ls -q | cat' <<-'END'
		line a\033[2J
		line a\033[2J
		line a^[2J
		end 0
	END
	expect 0 gochan ls -q
	prints "$name"
}

ls_options() {
	expect 2 gochan ls -o name,nonsense
	says "--output: no such column: 'nonsense'
See 'gochan ls --help'."
	for list in '' ',' 'name,' ',name' +; do
		expect 2 gochan ls -o "$list"
		says "--output: no such column: ''
See 'gochan ls --help'."
	done
	for options in '-q -o name' '-q -n' '-r -q'; do
		# shellcheck disable=SC2086 # split into words
		expect 2 gochan ls $options
		prints_nothing
	done
	for option in -n -r; do
		expect 2 gochan ls $option --json
		prints_nothing
	done
	expect 0 gochan ls -n
	prints_nothing
}

info_escapes_names() {
	make "$(printf 'a\033[2J\n')"
	expect 0 gochan info "$(printf 'a\033[2J\n')"
	is "$(head -n 1 out)" 'name:              a\033[2J'
	expect 0 gochan info "$(printf 'a\033[2J\n')" name
	prints "$(printf 'a\033[2J\n')"
}

# Directories come and go; only channels that were there all the time must be there.
ls_while_directories_go() {
	make jobs
	{
		while [ ! -e stop ]; do
			for number in 1 2 3 4 5 6 7 8; do
				mkdir -p /dev/gochans/d/$number
			done
			rmdir /dev/gochans/d/* /dev/gochans/d
		done
	} &
	tries=100
	while [ $tries != 0 ]; do
		tries=$((tries - 1))
		expect 0 gochan ls -q
		prints jobs
	done
	: >stop
	wait
}

# ---- top -------------------------------------------------------------------------

top_table() {
	make jobs --cap 16
	gochan send jobs one three
	make results
	gochan recv results >/dev/null &
	until_info results receivers_waiting 1
	expect 0 gochan top -b -d 0.001
	says_nothing
	prints 'IN/S OUT/S BYTES LEN CAP WAIT-SEND WAIT-RECV LEASED NAME
   0     0     8   2  16         0         0      0 jobs
   0     0     0   0   0         0         1      0 results'
	gochan close results
	wait
}

# begin_top OPTION...: top in the background, stopped in its interval, so that this does
# not end before end_top.
begin_top() {
	gochan top "$@" >out 2>err &
	top=$!
	until_asleep $top
	kill -STOP $top
}

end_top() {
	kill -CONT "$top"
	wait "$top" || fail "top ended with $?: $(cat err)"
}

# passes OPTION...: what top prints of an interval in which 20 messages are sent and 10
# received.
passes() {
	make jobs --cap 100
	begin_top "$@"
	seq 20 | gochan send jobs
	gochan recv jobs -n 10 >/dev/null
	end_top
}

top_rates() {
	passes -b -d 2
	# in an interval of 2 to 20 seconds
	awk '$NF == "jobs" && $1 >= 1 && $1 <= 10.5 && $2 >= 0.5 && $2 <= 5.5 && $1 > $2 { found = 1 }
		END { exit !found }' out || fail "$(cat out)"
}

top_json() {
	passes --json -d 2
	prints_json
	prints_match '^\{"time":[0-9]+\.[0-9]{3},"name":"jobs","path":"/dev/gochans/jobs","abi":'
	# rates times interval is what passed
	awk -v i="$(value interval out)" -v sent="$(value sent_per_second out)" \
		-v received="$(value received_per_second out)" \
		'function near(a, b) { return a > b - 0.1 && a < b + 0.1 }
		BEGIN { exit !(i > 1.9 && i < 20 && near(sent * i, 20) && near(received * i, 10)) }' ||
		fail "$(cat out)"
	awk -v now="$(date +%s)" -v time="$(value time out)" \
		'BEGIN { exit !(time > now - 100 && time <= now + 1) }' || fail "$(cat out)"
}

top_new_channel() {
	make old
	begin_top --json -d 1
	make new
	end_top
	prints_json
	prints_match '"name":"new".*"sent_per_second":null,"received_per_second":null,"interval":null'
	prints_match '"name":"old".*"sent_per_second":0.000,'
}

# The second channel has sent fewer messages than the first, of which top must not
# subtract its own.
top_reused_name() {
	make jobs --cap 100
	seq 50 | gochan send jobs
	begin_top --json -d 1
	gochan rm jobs
	make jobs --cap 100
	gochan send jobs x
	end_top
	prints_json
	prints_match '"name":"jobs".*"sent":1,.*"sent_per_second":null'
	# a renamed one is the same
	begin_top --json -d 1
	mv /dev/gochans/jobs /dev/gochans/renamed
	end_top
	prints_match '"name":"renamed".*"sent_per_second":0.000'
}

top_sort() {
	make a --cap 3
	make b --cap 1
	make c --cap 2
	make d --cap 2
	gochan send d x
	expect 0 gochan top -b -d 0.001
	is "$(names)" 'a b c d'
	expect 0 gochan top -b -d 0.001 -s cap
	is "$(names)" 'a c d b'
	expect 0 gochan top -b -d 0.001 -s cap -r
	is "$(names)" 'b c d a'
	expect 0 gochan top -b -d 0.001 -s len
	is "$(names)" 'd a b c'
	expect 0 gochan top -b -d 0.001 -s name -r
	is "$(names)" 'd c b a'
	chmod 0600 /dev/gochans/*
	chown alice /dev/gochans/[bc]
	# unknown values are last in either order
	expect 0 alice gochan top -b -d 0.001 -s cap
	is "$(names)" 'c b a d'
	expect 0 alice gochan top -b -d 0.001 -s cap -r
	is "$(names)" 'b c a d'
}

top_as_user() {
	make jobs --mode 0622
	expect 0 alice gochan top -b -d 0.001
	prints 'IN/S OUT/S BYTES LEN CAP WAIT-SEND WAIT-RECV LEASED NAME
   -     -     -   -   -         -         -      - jobs'
	expect 0 alice gochan top --json -d 0.001
	prints_json
	prints_match '"path":"/dev/gochans/jobs","sent_per_second":null,'
}

# A handle with a right would begin and end, and a receiver see the end (GOCHAN_HANGUP).
top_opens_no_handle() {
	make jobs --hangup
	gochan recv jobs -n 1 >got &
	receiver=$!
	until_info jobs receivers_waiting 1
	expect 0 gochan top -b -n 50 -d 0.001
	expect 0 gochan ls
	is "$(gochan info jobs send_handles recv_handles receivers_waiting | tr '\n' ' ')" '0 1 1 '
	gochan send jobs hello
	wait $receiver || fail "recv ended with $?"
	is "$(cat got)" hello
}

top_pattern() {
	make jobs
	make results
	expect 0 gochan top -b -d 0.001 'j*'
	is "$(names)" jobs
	# the option may come last
	expect 0 gochan top 'r*' -b -d 0.001
	is "$(names)" results
}

top_usage() {
	for wrong in '-n x' '-n -1' '-d x' '-d -1' '-d 0' '-d 0.0001' '-s nonsense' 'a b' '-x'; do
		# shellcheck disable=SC2086 # split into words
		expect 2 gochan top -b $wrong
		prints_nothing
		grep -qF "See 'gochan top --help'." err || fail "said '$(cat err)'"
	done
	expect 2 gochan top -b -d 0
	is "$(head -n 1 err)" 'gochan: -d 0: shorter than a millisecond'
}

top_not_mounted() {
	umount /dev/gochans
	expect 1 gochan top -b
	says 'no gochanfs is mounted: sudo mount -t gochan -o x-mount.mkdir gochan /dev/gochans'
	expect 1 gochan top --json
	prints_nothing
}

top_unmounted_meanwhile() {
	make jobs
	gochan top -b -n 0 -d 1 >out 2>err &
	until_asleep $!
	umount /dev/gochans
	status=0
	wait $! || status=$?
	is $status 1
	says 'no gochanfs is mounted: sudo mount -t gochan -o x-mount.mkdir gochan /dev/gochans'
}

top_to_full_disk() {
	make jobs
	for option in -b --json; do
		status=0
		gochan top $option -n 0 -d 0.001 >/dev/full 2>err || status=$?
		is $status 1
		says 'standard output: No space left on device'
	done
}

# Also if its caller ignores SIGPIPE.
top_pipe_breaks() {
	make jobs
	is "$(gochan top -b -n 0 -d 0.001 | head -n 2 | tail -n 1 | sed 's/.* //')" jobs
	(trap '' PIPE; gochan top -b -n 0 -d 0.001 2>err || echo $? >status) | head -n 1 >out
	is "$(cat status)" 1
	says 'standard output: Broken pipe'
}

top_while_channels_go() {
	make jobs --cap 4
	{
		while [ ! -e stop ]; do
			mkdir /dev/gochans/d
			gochan make /dev/gochans/d/x >/dev/null
			gochan make y >/dev/null
			mv /dev/gochans/y /dev/gochans/z
			gochan rm z /dev/gochans/d/x
			rmdir /dev/gochans/d
		done
	} &
	expect 0 gochan top --json -n 200 -d 0.005
	: >stop
	wait
	says_nothing
	prints_json
	is "$(grep -c '"name":"jobs"' out)" 200
	prints_no_match 'per_second":-'
}

# A hundred on slow kernels.
thousand_channels() {
	number=$((1000 / ${GOCHAN_SCALE_DOWN:-1}))
	seq $number | xargs -n 1 -P 2 gochan make --cap 1 >/dev/null
	expect 0 gochan ls
	is "$(wc -l <out)" $((number + 1))
	expect 0 gochan ls --json
	prints_json -w
	is "$(wc -l <out)" $((number + 2))
	expect 0 gochan top -b -n 3 -d 0.001
	# tables with their titles, and an empty line between them
	is "$(wc -l <out)" $((3 * (number + 1) + 2))
	live 30 60 -d 0.05 <<-END
		frame $number channels
		full
		size 10 40
		full
		keys q
		output restored, status 0
		end 0
	END
}

# ---- live ------------------------------------------------------------------------

# Returns the terminal as it was, on the normal screen, with the cursor.
live_quits() {
	make jobs
	live 24 80 <<-END
		output ^[?1049h^[?25l
		frame jobs
		keys q
		output ^[?25h^[?1049l
		output restored, status 0
		end 0
	END
}

live_rates() {
	make jobs --cap 100
	{
		while [ ! -e stop ]; do
			gochan send jobs x
			gochan recv jobs -n 1 >/dev/null
		done
	} &
	# not "0" nor "-" in the first two columns
	live 24 80 -d 0.2 <<-END
		frame jobs
		no  0     0 
		keys q
		output restored, status 0
		end 0
	END
	: >stop
	wait
}

live_sorts() {
	make aa --cap 1
	make bb --cap 2
	gochan send aa x
	live 24 80 -s name -d 60 <<-END
		frame by name  (
		order aa bb
		keys r
		frame by name, reversed
		order bb aa
		keys <
		frame by leased, reversed
		order aa bb
		keys <<<
		frame by cap, reversed
		order aa bb
		keys r
		frame by cap  (
		order bb aa
		keys <
		frame by len
		order aa bb
		keys <<<
		frame by in
		keys <
		frame by name
		keys >
		frame by in
		keys q
		output restored, status 0
		end 0
	END
}

live_resizes() {
	number=40
	while [ $number != 0 ]; do
		make channel-with-a-rather-long-name-so-that-lines-are-cut-$number
		number=$((number - 1))
	done
	live 24 80 -d 60 <<-END
		full
		size 10 40
		full
		size 30 100
		full
		size 4 10
		full
		size 2 2
		full
		size 24 80
		full
		keys q
		output restored, status 0
		end 0
	END
}

# 128 and the number of the signal: it died of it.
live_interrupted() {
	make jobs
	live 24 80 <<-END
		frame jobs
		keys $(printf '\003')
		output ^[?1049l
		output restored, status 130
		end 0
	END
}

live_terminated() {
	make jobs
	for signal in 1 3 15; do
		live 24 80 <<-END
			frame jobs
			signal $signal
			output ^[?1049l
			output restored, status $((128 + signal))
			end 0
		END
	done
}

live_stopped() {
	make jobs
	live 24 80 -d 60 <<-END
		frame jobs
		keys $(printf '\032')
		output ^[?1049l
		output restored, status 148
		output ^[?1049h
		frame jobs
		keys r
		frame reversed
		keys $(printf '\032')
		output restored, status 148
		frame reversed
		keys q
		output restored, status 0
		end 0
	END
}

# A stop that cannot be caught.
live_continued() {
	make jobs
	live 24 80 -d 60 <<-END
		frame jobs
		signal 18
		frame jobs
		keys q
		output restored, status 0
		end 0
	END
}

# The terminal goes away: it ends, though SIGHUP is ignored.
live_hung_up() {
	make jobs
	cat >session <<-'END'
		trap '' HUP
		exec gochan top -d 0.01
	END
	"$here/terminal" 24 80 sh session <<-END
		frame jobs
		hangup
		end 0
	END
}

live_comes_and_goes() {
	make jobs
	live 24 80 -d 0.05 <<-END
		frame jobs
		run gochan make results
		frame results
		frame 2 channels
		run gochan rm jobs
		no jobs
		frame 1 channels
		keys q
		output restored, status 0
		end 0
	END
}

live_escapes_names() {
	make "$(printf 'a\033[2J\nb\377')"
	live 24 80 -d 0.05 <<-'END'
		frame a\033[2J\012b\377
		no ^[2J
		keys q
		output restored, status 0
		end 0
	END
}

live_count() {
	make jobs
	live 24 80 -n 3 -d 0.05 <<-END
		output restored, status 0
		end 0
	END
}

# The message appears on the normal screen.
live_unmounted() {
	make jobs
	live 24 80 -d 0.05 <<-END
		frame jobs
		run until umount /dev/gochans; do usleep 1000; done
		output ^[?1049l
		output gochan: no gochanfs is mounted
		output restored, status 1
		end 0
	END
}

live_many() {
	make jobs
	live 24 80 -d 0.001 <<-END
		frame jobs
		keys rrrr><
		frame by in  (
		keys q
		output restored, status 0
		end 0
	END
}

# Among them escape sequences, whose parts are no keys: what comes after them still finds
# the order as it was.
live_unknown_keys() {
	make jobs
	live 24 80 -d 60 <<-END
		frame by in  (
		keys xyz09QRr
		frame by in, reversed
		keys ^[<35;1;1M
		frame by in
		keys r
		frame by in  (
		keys ^Oq
		frame by in
		keys r
		frame by in, reversed
		keys q
		output restored, status 0
		end 0
	END
}

# ---- examples/gochan-prometheus.sh -------------------------------------------------

prometheus() {
	make jobs --cap 4
	gochan send jobs one three
	gochan recv jobs -n 1 >/dev/null
	make results
	gochan recv results >/dev/null &
	until_info results receivers_waiting 1
	expect 0 "$here/examples/gochan-prometheus.sh" gochan.prom
	prints_nothing
	says_nothing
	cp gochan.prom out
	prints_match '^gochan_sent_total\{channel="jobs"\} 2$'
	prints_match '^gochan_received_total\{channel="jobs"\} 1$'
	prints_match '^gochan_messages\{channel="jobs"\} 1$'
	prints_match '^gochan_bytes\{channel="jobs"\} 5$'
	prints_match '^gochan_capacity\{channel="jobs"\} 4$'
	prints_match '^gochan_closed\{channel="jobs"\} 0$'
	prints_match '^gochan_receivers_waiting\{channel="results"\} 1$'
	prints_match '^gochan_oldest_wait_seconds\{channel="results"\} [0-9.]+$'
	prints_no_match '^gochan_oldest_wait_seconds\{channel="jobs"\}'
	# all lines of a metric together, after its type
	awk '/^# TYPE/ { if ($3 in seen) exit 1; seen[$3] = 1; name = $3; next }
		/^#/ { next }
		{ sub(/\{.*/, ""); if ($0 != name) exit 1 }' gochan.prom || fail "$(cat gochan.prom)"
	is "$(stat -c %a gochan.prom)" 644
	gochan close results
	wait
	expect 0 "$here/examples/gochan-prometheus.sh" gochan.prom
	cp gochan.prom out
	prints_match '^gochan_closed\{channel="results"\} 1$'
	# nothing else is left beside it
	is "$(echo gochan.prom*)" gochan.prom
}

# The label is escaped, and is there once even if two names look alike.
prometheus_names() {
	make "$(printf 'a"b\\c\nd\033')" --cap 7
	make "$(printf 'x\377')" --cap 1
	make "$(printf 'x\376')" --cap 2
	make '"len":99,"capacity":99' --cap 8
	expect 0 "$here/examples/gochan-prometheus.sh" gochan.prom
	grep -qxF 'gochan_capacity{channel="a\"b\\c\nd\\u001b"} 7' gochan.prom || fail "$(cat gochan.prom)"
	grep -qxF 'gochan_capacity{channel="\"len\":99,\"capacity\":99"} 8' gochan.prom ||
		fail "$(cat gochan.prom)"
	is "$(grep -c '^gochan_capacity{' gochan.prom)" 3
}

prometheus_keeps_file() {
	echo before >gochan.prom
	umount /dev/gochans
	expect 1 "$here/examples/gochan-prometheus.sh" gochan.prom
	is "$(cat gochan.prom)" before
	is "$(echo gochan.prom*)" gochan.prom
	expect 2 "$here/examples/gochan-prometheus.sh"
}

here=$(realpath "$(dirname "$0")")
# shellcheck source-path=SCRIPTDIR source=helpers/shell.sh
. "$here/shell.sh"
run_tests "$@"
