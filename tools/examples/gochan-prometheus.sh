#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# gochan-prometheus.sh FILE: writes the state of all named channels to FILE in the text
# format of Prometheus, for the textfile collector of its node exporter:
#
#	gochan-prometheus.sh /var/lib/prometheus/node-exporter/gochan.prom
#
# from a timer. FILE is replaced in one step, and remains as it was after an error. Of
# channels that it may not open it writes nothing: run it as root.
set -eu

[ $# = 1 ] || { echo "usage: gochan-prometheus.sh FILE" >&2; exit 2; }
file=$1

# "gochan ls --json" prints each channel on one line, with the name at its start, and
# escapes quotes in strings: so what looks like a key, is one.
metrics() {
	awk '
	# The value of a number or of true; "" if there is none.
	function value(object, key) {
		if (index(object, "\"" key "\":true"))
			return 1
		if (!match(object, "\"" key "\":[0-9.]+"))
			return ""
		return substr(object, RSTART + length(key) + 3, RLENGTH - length(key) - 3)
	}
	# A label has three of the escapes of JSON; keep the others as text.
	function label(string,    text, escape) {
		while (match(string, /\\./)) {
			escape = substr(string, RSTART, 2)
			text = text substr(string, 1, RSTART - 1)
			text = text (escape ~ /["\\n]$/ ? escape : "\\" escape)
			string = substr(string, RSTART + 2)
		}
		return text string
	}
	function metric(name, type, key, help,    i, v) {
		printf "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type
		for (i = 1; i <= count; i++) {
			v = value(objects[i], key)
			if (v != "" || key == "closed")
				printf "%s{channel=\"%s\"} %s\n", name, labels[i], v == "" ? 0 : v
		}
	}
	# Names that differ only in bytes that are not UTF-8 look alike, and a label must
	# not be there twice.
	match($0, /"name":"([^"\\]|\\.)*"/) && /"id":/ {
		name = label(substr($0, RSTART + 8, RLENGTH - 9))
		if (!(name in seen)) {
			labels[++count] = name
			objects[count] = $0
		}
		seen[name] = 1
	}
	END {
		metric("gochan_sent_total", "counter", "sent", "Messages sent.")
		metric("gochan_received_total", "counter", "received", "Messages received.")
		metric("gochan_send_blocked_total", "counter", "send_blocked",
		       "How often a send had to block.")
		metric("gochan_recv_blocked_total", "counter", "recv_blocked",
		       "How often a receive had to block.")
		metric("gochan_requeued_total", "counter", "requeued", "Messages given back.")
		metric("gochan_messages", "gauge", "len", "Messages inside.")
		metric("gochan_bytes", "gauge", "bytes", "Bytes of the messages inside.")
		metric("gochan_capacity", "gauge", "capacity", "Capacity in messages.")
		metric("gochan_senders_waiting", "gauge", "senders_waiting", "Blocked senders.")
		metric("gochan_receivers_waiting", "gauge", "receivers_waiting",
		       "Blocked receivers.")
		metric("gochan_oldest_wait_seconds", "gauge", "oldest_wait",
		       "Seconds that the longest waiter has waited.")
		metric("gochan_closed", "gauge", "closed", "Whether the channel is closed.")
	}'
}

list=$(gochan ls --json)
# The collector reads only files whose names end in .prom.
new=$(mktemp "$file.XXXXXX")
trap 'rm -f "$new"' EXIT
printf '%s\n' "$list" | metrics >"$new"
chmod 644 "$new"
mv "$new" "$file"
