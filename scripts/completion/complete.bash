#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Complete each line of standard input at its end as bash does, with what is below
# XDG_DATA_DIRS, and print a line with what is offered, separated by tabs.
shopt -s extglob
# shellcheck source=/dev/null
source /usr/share/bash-completion/bash_completion

# It works only while readline completes.
compopt() {
	:
}

# As readline does, for which : ends a word, too. What is before it stays: $kept.
split() {
	local word line=${1//\\ /$'\1'}
	COMP_WORDS=()
	for word in ${line//[=:]/ & }; do
		COMP_WORDS+=("${word//$'\1'/\\ }")
	done
	[[ $1 != *[=\ ] ]] || COMP_WORDS+=('')
	COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
	COMP_LINE=$1
	kept=${1##* }
	[[ $kept == *:* ]] && kept=${kept%"${kept##*:}"} || kept=
	COMP_POINT=${#1}
}

_completion_loader gochan
set -f
while IFS= read -r line; do
	split "$line"
	set +f
	COMPREPLY=()
	_gochan gochan "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD - 1]}"
	set -f
	((${#COMPREPLY[@]} == 0)) || printf '%s\t' "${COMPREPLY[@]/#/$kept}"
	echo
done
