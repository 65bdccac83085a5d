#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# The examples of the manual pages and of README.md: what manual/extract has put into the
# directory manual beside this script. Each session prints what its page says. Those of a
# page run one after the other, in the same directory, where the page's programs are; none
# leaves a named channel or a process behind. Arguments choose pages.

# generalise FILE COMPARISON: its text, without what may differ.
generalise() {
	case $2 in
	same) cat "$1" ;;
	vary) sed 's/[0-9][0-9.]*/N/g; s/  */ /g; s/^ //' "$1" ;;
	esac
}

# run_session PAGE NUMBER USER COMPARISON
run_session() {
	script=$manual/$1/$2
	limit=$((${kselftest_timeout:-90} * 2 / 3))
	case $3 in
	root) timeout $limit sh "$script.sh" >out 2>&1 </dev/null ;;
	user) timeout $limit su alice -c "sh $script.sh" >out 2>&1 </dev/null ;;
	esac
	generalise "$script.out" "$4" >expected
	generalise out "$4" >printed
	cmp -s expected printed && return
	echo '# the page says:'
	sed 's/^/#   /' "$script.out"
	echo '# it prints:'
	head -n 50 out | sed 's/^/#   /'
	return 1
}

# Nothing is left of a page.
is_clean() {
	[ -z "$(gochan ls -q)" ] || {
		gochan ls | sed 's/^/# left: /'
		gochan rm --all
		return 1
	}
}

# enter PAGE: a directory that users can write to, with its programs.
enter() {
	mkdir "$work/$1"
	chmod 777 "$work/$1"
	cd "$work/$1" || exit 1
	find "$manual/$1" -type f -perm -100 -exec ln -s {} . \;
}

result() {
	number=$((number + 1))
	if [ "$1" = 0 ]; then
		echo "ok $number $2"
	else
		failed=1
		echo "not ok $number $2"
	fi
}

manual=$(realpath "$(dirname "$0")")/manual
work=$(mktemp -d)
chmod 755 "$work"
if [ $# = 0 ]; then
	cd "$manual" || exit 1
	set -- *
fi
number=0
failed=0
echo 'TAP version 13'
echo "1..$(for page; do cat "$manual/$page/list"; echo clean; done | wc -l)"
for page; do
	enter "$page"
	while read -r session user comparison <&3; do
		run_session "$page" "$session" "$user" "$comparison"
		result $? "$page: session $session"
	done 3<"$manual/$page/list"
	is_clean
	result $? "$page: nothing is left"
done
cd / && rm -r "$work"
exit $failed
