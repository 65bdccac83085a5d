#!/usr/bin/fish
# SPDX-License-Identifier: GPL-2.0
#
# Complete each line of standard input at its end as fish does, with what is below
# XDG_DATA_DIRS, and print a line with what is offered, separated by tabs.
while read -l line
    printf '%s\t' (complete -C $line | string replace -r '\t.*' '')
    echo
end
