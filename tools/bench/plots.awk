# SPDX-License-Identifier: GPL-2.0
#
# Selects from results.tsv what a plot shows. FAMILY, SIZE and PARAM choose the
# points ("" for any; a peer without a parameter fits all), X is the column of
# the abscissa (3 the size, 4 the parameter) and MOST its end. With PEER it prints
# that peer's line, "X COST"; else the labels for the ends of the lines of PEERS,
# "X Y INDEX NAME", moved apart where lines end close together.

BEGIN {
	FS = "\t"
	name["gochan"] = "{/:Bold gochan" (FAMILY == "select" ? " select" : "") "}"
	name["pipe"] = "pipe"
	name["seqpacket"] = "Unix seqpacket socket"
	name["mqueue"] = "POSIX mqueue"
	name["futex"] = "shared memory + futex"
	name["eventfd"] = "eventfd"
	name["gochan+epoll"] = "epoll on gochan"
	name["pipe+epoll"] = "epoll on pipes"
	name["pipe+poll"] = "poll on pipes"
	name["mqueue+epoll"] = "epoll on mqueues"
	split(PEERS, peers, " ")
}

$1 == FAMILY && (SIZE == "" || $3 == SIZE) && (PARAM == "" || $4 == PARAM || $4 == -1) &&
$X <= MOST && $5 != "-" {
	if ($2 == PEER)
		print $X "\t" $5
	if (!($2 in end) || $X > end[$2]) {
		end[$2] = $X
		cost[$2] = log($5)
	}
}

# Upwards from the lowest, each at least GAP above the one before it.
END {
	if (PEER != "")
		exit
	for (;;) {
		lowest = 0
		for (i in peers)
			if (peers[i] in cost && (!lowest || cost[peers[i]] < cost[peers[lowest]]))
				lowest = i
		if (!lowest)
			break
		peer = peers[lowest]
		y = cost[peer]
		if (labels++ && y < last + GAP)
			y = last + GAP
		last = y
		printf "%s\t%.1f\t%d\t%s\n", end[peer], exp(y), lowest, name[peer]
		delete peers[lowest]
	}
}
