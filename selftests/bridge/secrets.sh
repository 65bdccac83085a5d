#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# TLS and credentials: who may connect, and that nobody learns a secret. Arguments choose
# tests.

# shellcheck disable=SC2034 # for run_tests
tests='
	tls other_authority other_host no_tls_at_server client_certificate bad_certificates
	credentials open_credentials bad_credentials secrets_stay_secret
'

# ---- certificates -----------------------------------------------------------------

# request NAME OPTION...: NAME.pem and NAME.key
request() {
	requested=$1
	shift
	openssl req -config /dev/null -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 \
		-nodes -days 9 -subj "/CN=$requested" -keyout "$requested.key" \
		-out "$requested.pem" "$@"
}

# authority NAME: that signs certificates.
authority() {
	request "$1" -addext basicConstraints=critical,CA:TRUE
}

# certificate NAME ALTERNATIVE_NAME: signed by "ca", for a name such as IP:10.0.0.1.
certificate() {
	request "$1" -CA ca.pem -CAkey ca.key -addext basicConstraints=CA:FALSE \
		-addext "subjectAltName=$2"
}

# start_secured TEXT: a server on m1 with this text in its configuration, which the client
# of the tests cannot ask.
start_secured() {
	write_config m1 "$1"
	start_server m1
	within 60 grep -q 'Server is ready' m1.log
}

# tls_server SUBJECT [TEXT]: with a certificate for that, and more settings of TLS.
tls_server() {
	authority ca
	certificate server "$1"
	start_secured "tls { cert_file: \"$PWD/server.pem\", key_file: \"$PWD/server.key\"
		${2:-} }"
}

# moves_jobs FIRST LAST: from m1 to m2
moves_jobs() {
	send_jobs m1 "$1" "$2"
	within 90 is_done 1 "$2"
	is "$doubled" 0
}

url=tls://10.0.0.1/JOBS

# The server's certificate is verified, also when the connection is made again.
tls() {
	with_machines m1 m2
	tls_server IP:10.0.0.1
	stream_url=$url
	bridge m1 --send --tls-ca ca.pem
	bridge m2 --recv --tls-ca ca.pem
	worker m2
	moves_jobs 1 20
	kill_server m1
	: >m1.log
	start_server m1
	within 60 grep -q 'connected again' bridge-m1.err
	within 60 grep -q 'connected again' bridge-m2.err
	moves_jobs 21 40
}

other_authority() {
	with_machines m1
	tls_server IP:10.0.0.1
	authority other
	refused 1 'issuer certificate.*--tls-ca' jobs $url --queue --cap 4 --tls-ca other.pem
	refused 1 'issuer certificate.*--tls-ca' jobs $url --queue --cap 4
}

# A certificate of the right authority, but for another server.
other_host() {
	with_machines m1
	tls_server IP:10.0.0.2,DNS:queue.example
	refused 1 'IP address mismatch' jobs $url --queue --cap 4 --tls-ca ca.pem
}

# Who wants TLS does not fall back to none.
no_tls_at_server() {
	with_machines m1
	authority ca
	start_secured ''
	refused 1 'Secure Connection not available' jobs $url --queue --cap 4
	refused 1 'Secure Connection not available' jobs nats://10.0.0.1/JOBS --queue --cap 4 \
		--tls-ca ca.pem
}

client_certificate() {
	with_machines m1 m2
	tls_server IP:10.0.0.1 "ca_file: \"$PWD/ca.pem\", verify: true"
	certificate client DNS:client
	refused 1 'a certificate.*--tls-cert' jobs $url --queue --cap 4 --tls-ca ca.pem
	stream_url=$url
	bridge m1 --send --tls-ca ca.pem --tls-cert client.pem --tls-key client.key
	bridge m2 --recv --tls-ca ca.pem --tls-cert client.pem --tls-key client.key
	worker m2
	moves_jobs 1 20
}

# refused_files PATTERN CA CERTIFICATE KEY
refused_files() {
	refused 1 "$1" jobs $url --queue --cap 4 --tls-ca "$2" --tls-cert "$3" --tls-key "$4"
}

bad_certificates() {
	with_machines m1
	tls_server IP:10.0.0.1
	certificate client DNS:client
	refused_files 'none: No such file' none client.pem client.key
	refused_files 'none: No such file' ca.pem none client.key
	refused_files 'none: No such file' ca.pem client.pem none
	refused_files 'client.pem: .*mismatch' ca.pem client.pem server.key
	chmod 640 client.key
	refused_files 'client.key: others may read it.*chmod 600 client.key' ca.pem client.pem \
		client.key
}

# ---- credentials ------------------------------------------------------------------

creds_server() {
	start_secured "$("$here/creds" server)"
	(umask 077; "$here/creds" user >creds)
}

credentials() {
	with_machines m1 m2
	creds_server
	bridge m1 --send --creds creds
	bridge m2 --recv --creds creds
	worker m2
	moves_jobs 1 20
}

open_credentials() {
	with_machines m1
	creds_server
	for mode in 644 640 604; do
		chmod $mode creds
		refused 1 "creds: others may read it .mode 0$mode.; use: chmod 600 creds" jobs \
			nats://10.0.0.1/JOBS --queue --cap 4 --creds creds
	done
	chmod 600 creds
	bridge m1 --queue --creds creds
}

# refused_creds PATTERN FILE
refused_creds() {
	refused 1 "$1" jobs nats://10.0.0.1/JOBS --queue --cap 4 --creds "$2"
	! grep -qE 'SU[A-Z0-9]{40}' err || fail 'the seed is in the log'
}

bad_credentials() {
	with_machines m1
	creds_server
	refused 1 'use --creds FILE' jobs nats://10.0.0.1/JOBS --queue --cap 4
	refused_creds 'none: No such file' none
	# a seed of somebody else, and one that is none
	(umask 077; sed 's/^SU.*/SUABYVJAFNFQQGS4QK3SDOKRIHCCJ7GWD6SGAT7L35DJZE6OG2YIBRFCDY/' \
		creds >other)
	refused_creds 'does the server know this user' other
	(umask 077; sed 's/^SUAM/SUAN/' creds >damaged; echo >blank)
	refused_creds 'file of --creds' damaged
	refused_creds 'file of --creds' blank
}

# ---- secrets ----------------------------------------------------------------------

# has_secret FILE...: a password, a seed or a key is there, in any form they were given in.
has_secret() {
	cat "$@" | tr '\0' ' ' | grep -qE 'Pa55word|SU[A-Z0-9]{40}|PRIVATE KEY'
}

# check_secrets NAME: no other user can learn one from this process.
check_secrets() {
	! has_secret "/proc/$(pid "$1")/cmdline" "/proc/$(pid "$1")/environ" ||
		fail "$1 shows a secret to others"
	! has_secret "$1.err" || fail "$1 has logged a secret"
}

is_denied() {
	is_over "$1" || grep -q 'uthorization' "$1.err"
}

# Also after an error, and with --verbose.
secrets_stay_secret() {
	with_machines m1 m2
	authority ca
	certificate server IP:10.0.0.1
	certificate client DNS:client
	(umask 077; echo me:Pa55word >password)
	tls="tls { cert_file: \"$PWD/server.pem\", key_file: \"$PWD/server.key\" }"
	start_secured "$tls
		authorization { user: me, password: Pa55word }"
	stream_url=$url
	options='--tls-ca ca.pem --tls-cert client.pem --tls-key client.key --verbose'
	# shellcheck disable=SC2086 # split into words
	bridge m1 --send --password password $options
	# shellcheck disable=SC2086
	bridge m2 --recv --password password $options --log json
	worker m2
	moves_jobs 1 20
	check_secrets bridge-m1
	check_secrets bridge-m2
	kill_server m1
	: >m1.log
	start_secured "$tls
		authorization { user: me, password: other }"
	within 60 is_denied bridge-m1
	within 60 is_denied bridge-m2
	! has_secret bridge-m1.err bridge-m2.err || fail 'a secret is in the log'
}

# shellcheck source-path=SCRIPTDIR source=jobs.sh
. "$(dirname "$0")/jobs.sh"
run_tests "$@"
