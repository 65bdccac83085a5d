# SPDX-License-Identifier: GPL-2.0
#
# Prints instructions and calls per message, by function. Reads the output of the
# benchmark program, for the number of messages, and then from standard input
# lines sorted by address: "ADDRESS ! FUNCTION" for symbols and "ADDRESS + COUNT"
# for executed instructions.

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
