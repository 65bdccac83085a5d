# SPDX-License-Identifier: GPL-2.0
#
# Instructions and calls a message, by function. Reads what the benchmark
# program printed, for the number of messages, then lines in the order of
# addresses: "ADDRESS ! FUNCTION" and "ADDRESS + COUNT".

FILENAME != "-" {
	if ($1 == "point")
		messages += $7
	next
}

$2 == "!" {
	start = $1
	function_here = $3 ($4 == "" ? "" : " " $4)
}

$2 == "+" {
	count[function_here] += $3
	if ($1 == start)
		calls[function_here] += $3
	total += $3
}

END {
	for (name in count)
		printf "%9.1f %5.1f %% %8.2f calls  %s\n", count[name] / messages,
			100 * count[name] / total, calls[name] / messages, name
	printf "%9.1f 100.0 %%                 all\n", total / messages
}
