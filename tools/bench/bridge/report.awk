# SPDX-License-Identifier: GPL-2.0
#
# The report of scripts/bench-bridge: medians of what bench.sh has printed, as tables.

function median(list,	n, values, i, j, value) {
	n = split(list, values, " ")
	for (i = 2; i <= n; i++) {
		value = values[i] + 0
		for (j = i - 1; j > 0 && values[j] + 0 > value; j--)
			values[j + 1] = values[j]
		values[j + 1] = value
	}
	return n ? values[int((n + 1) / 2)] : 0
}

{
	point = $3 " | " $4
}

$1 == "rate" {
	if (!(point in seen))
		points[++nr_points] = point
	seen[point]
	rate[point, $2] = rate[point, $2] " " $5
}

$1 == "latency" {
	middle[point, $2] = middle[point, $2] " " $5
	high[point, $2] = high[point, $2] " " $6
}

END {
	if (!nr_points)
		exit 1
	print "Messages per second:\n"
	print "| bytes | workers | bridge | NATS client | ratio | NATS client, each at once |"
	print "| ---: | ---: | ---: | ---: | ---: | ---: |"
	for (i = 1; i <= nr_points; i++) {
		p = points[i]
		bridge = median(rate[p, "bridge"])
		nats = median(rate[p, "nats"])
		printf "| %s | %d | %d | %.2f | %d |\n", p, bridge, nats, bridge / nats,
			median(rate[p, "nats-asap"])
	}
	print "\nMicroseconds from send to receive, median (99th percentile):\n"
	print "| bytes | workers | bridge | NATS client | added |"
	print "| ---: | ---: | ---: | ---: | ---: |"
	for (i = 1; i <= nr_points; i++) {
		p = points[i]
		bridge = median(middle[p, "bridge"]) / 1000
		nats = median(middle[p, "nats"]) / 1000
		printf "| %s | %d (%d) | %d (%d) | %d |\n", p, bridge,
			median(high[p, "bridge"]) / 1000, nats, median(high[p, "nats"]) / 1000,
			bridge - nats
	}
}
