# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=sh
#
# What the tests of the installation share. They run in a chroot, as root.

log=$(mktemp)

# check NAME COMMAND: run the shell command, which must succeed.
check() {
	name=$1
	shift
	# As a condition of "if" it would not end at the first command that fails.
	set +e
	(set -eu; eval "$*") >"$log" 2>&1 </dev/null
	status=$?
	set -e
	if [ $status = 0 ]; then
		echo "ok    $name"
	else
		sed 's/^/      /' "$log"
		echo "FAIL  $name"
	fi
}

# fails COMMAND...: it must fail. A plain "!" does not end a check.
fails() {
	if "$@"; then
		echo "did not fail: $*"
		return 1
	fi
}

# COMMAND | without TEXT: its output must not have the text.
without() {
	fails grep -- "$1"
}

# List all files and directories with what an installation may change of them. /run does
# not outlive a boot. The compressed names of some tools are caches, which are rebuilt in
# any order.
snapshot() {
	find / -xdev \( -path /proc -o -path /run -o -path /src -o -path /tmp -o -path /home \
		-o -path /var/cache -o -path /var/log -o -path /var/lib/dpkg -o -path /var/lib/apt \
		-o -path /var/lib/systemd/deb-systemd-helper-enabled \
		-o -path /etc/ld.so.cache \) -prune \
		-o ! -name 'modules.*' -printf '%p %y %m %u %l\n' | sort
}

# Write the C program of the README to the file.
readme_program() {
	sed -n '/^## In C/,/^Compile with/s/^    //p' /src/README.md >"$1"
	grep -q 'int main' "$1"
}

# Without the module, it can start only, and fails to make a channel.
program_starts() {
	status=0
	"$1" || status=$?
	[ "$status" = 1 ]
}

# until_true COMMAND: wait until the shell command succeeds, for two minutes at most.
until_true() {
	deadline=$(($(date +%s) + 120))
	until (eval "$*") >/dev/null 2>&1; do
		[ "$(date +%s)" -lt $deadline ] || { echo "not true: $*"; return 1; }
		sleep 0.1
	done
}

# logged UNIT LINE: wait until the unit has printed the line.
logged() {
	until_true "journalctl --sync; journalctl -o cat -u $1 | grep -qx '$2'" ||
		{ journalctl -o cat -u "$1"; return 1; }
}

# Each shell finds the completion of the command by itself, and can load it.
bash_completes() {
	bash -c '. /usr/share/bash-completion/bash_completion
		_completion_loader gochan
		complete -p gochan | grep -F "complete -F _gochan gochan"'
}

zsh_completes() {
	HOME=/tmp zsh -fc 'autoload -U compinit && compinit -D
		[[ $_comps[gochan] = _gochan ]] && autoload +X _gochan'
}

fish_completes() {
	HOME=/tmp fish -c 'complete -C "gochan rec"' | grep '^recv'
}
