#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# Servers of NATS on the machines of machines.sh. A server's name is that of its machine, its
# store is the directory MACHINE.store, and its log MACHINE.log.

# shellcheck source-path=SCRIPTDIR source=machines.sh
. "$(dirname "$0")/machines.sh"

nats() {
	"$here/nats" "$@"
}

url() {
	echo "nats://$(address "$1")"
}

# write_config MACHINE [TEXT]: with this text added.
write_config() {
	cat >"$1.conf" <<-END
		server_name: $1
		listen: "0.0.0.0:4222"
		log_file: "$PWD/$1.log"
		jetstream { store_dir: "$PWD/$1.store", max_mem: 64M, max_file: 256M }
		${2:-}
	END
}

start_server() {
	start "nats-$1" "$1" nats-server -c "$PWD/$1.conf"
}

# server MACHINE [TEXT]: start one alone, with this text added to its configuration.
server() {
	write_config "$@"
	start_server "$1"
	within 60 nats "$(url "$1")" ready
}

# cluster: of m1, m2 and m3.
cluster() {
	for machine in m1 m2 m3; do
		write_config "$machine" 'cluster { name: test, listen: "0.0.0.0:6222", routes: [
			"nats://10.0.0.1:6222", "nats://10.0.0.2:6222", "nats://10.0.0.3:6222" ] }'
		start_server "$machine"
	done
	for machine in m1 m2 m3; do
		within 120 nats "$(url "$machine")" ready
	done
}

all_servers='nats://10.0.0.1,nats://10.0.0.2,nats://10.0.0.3'

# kill_server MACHINE, restart_server MACHINE
kill_server() {
	stop "nats-$1" KILL
}

restart_server() {
	start_server "$1"
	within 120 nats "$(url "$1")" ready
}

# ---- streams ------------------------------------------------------------------

# get SERVERS STREAM FIELD, get_consumer SERVERS STREAM FIELD
get() {
	nats "$1" get "$2" "$3"
}

has() {
	[ "$(get "$1" "$2" "$3")" = "$4" ]
}

has_leader() {
	[ -n "$(get "$1" "$2" leader)" ]
}

# leader STREAM: the machine with its leader, of the cluster.
leader() {
	within 60 has_leader "$all_servers" "$1"
	get "$all_servers" "$1" leader
}

has_other_leader() {
	has_leader "$all_servers" "$1" && ! has "$all_servers" "$1" leader "$2"
}
