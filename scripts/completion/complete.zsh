#!/bin/zsh -f
# SPDX-License-Identifier: GPL-2.0
#
# Complete each line of standard input at its end as zsh does, with the function in the
# directory that is the argument, and print a line with what is offered, separated by tabs.
# zsh completes only on a terminal: the inner shell has one, and is this file again.

zmodload zsh/zpty zsh/zutil

# Collect what is offered; with -O, -A and -D nothing is.
compadd() {
	local -a found before after hidden
	if [[ ${@[1,(i)(-|--)]} == *-(O|A|D)\ * ]]; then
		builtin compadd "$@"
		return
	fi
	builtin compadd -A found "$@"
	zparseopts -E P:=before p:=hidden S:=after
	offered+=("$IPREFIX$before[2]$hidden[2]"${^found}"${${after[2]}#[ =]}")
	builtin compadd "$@"
}

complete-lines() {
	local -a lines=("${(@f)$(<$GOCHAN_LINES)}")
	for line in $lines; do
		BUFFER=$line
		CURSOR=$#BUFFER
		offered=()
		zle complete-word
		offered=(${(u)offered})
		print -r -- ${(pj:\t:)offered}
	done >$GOCHAN_OUTPUT
	exit
}

inner() {
	fpath=($1 $fpath)
	autoload -Uz compinit
	compinit -u -D
	unsetopt auto_list auto_menu
	zle -N complete-lines
	bindkey '^X' complete-lines
	print ready
}

if [[ ${GOCHAN_LINES-} ]]; then
	inner $1
	return
fi

work=$(mktemp -d)
cat >$work/lines
export GOCHAN_LINES=$work/lines GOCHAN_OUTPUT=$work/output
zpty completing zsh -f -i
zpty -w completing "source ${(q)0} ${(q)1}"
zpty -r completing said '*ready*'
zpty -n -w completing $'\x18'
while zpty -r completing said; do
	:
done
cat $work/output
rm -r $work
