# SPDX-License-Identifier: GPL-2.0
#
# Turns the lines that the benchmark program printed into a report in Markdown.
# Reads targets and growth, then count.1, count.2 and clock (any may be missing),
# all in OUT; writes results.json, results.tsv, problems and the table of the
# README (readme.md) there. In count.* a cost is in instructions, in clock in
# nanoseconds.

function die(text)
{
	print "report: " text > "/dev/stderr"
	exit 1
}

# ---- numbers ----

# Sorts v[1..n].
function sort(v, n,    i, j, x)
{
	for (i = 2; i <= n; i++) {
		x = v[i]
		for (j = i - 1; j && v[j] > x; j--)
			v[j + 1] = v[j]
		v[j + 1] = x
	}
}

# The q-quantile of v[1..n], which is sorted.
function quantile(v, n, q,    at, low)
{
	at = 1 + q * (n - 1)
	low = int(at)
	return low == n ? v[n] : v[low] + (at - low) * (v[low + 1] - v[low])
}

function median_of(set, id,    i, n, v)
{
	n = rounds[set, id]
	for (i = 1; i <= n; i++)
		v[i] = cost[set, id, i]
	sort(v, n)
	return quantile(v, n, 0.5)
}

# Half the range, as a fraction of the median.
function spread_of(set, id,    i, n, v)
{
	n = rounds[set, id]
	for (i = 1; i <= n; i++)
		v[i] = cost[set, id, i]
	sort(v, n)
	return (v[n] - v[1]) / 2 / quantile(v, n, 0.5)
}

# ---- what was measured ----

function known(set, id)
{
	return (set, id) in rounds
}

# The value of a sum of points, by their medians or in one round; "" if a point
# was not measured. A number is itself, but has no wall-clock time.
function sum_of(set, text, round,    n, i, term, part, factor, id, total)
{
	n = split(text, term, " ")
	for (i = 1; i <= n; i++) {
		factor = 1
		id = term[i]
		if (split(term[i], part, "*") == 2) {
			factor = part[1]
			id = part[2]
		}
		if (id ~ /^[0-9]+$/ && set == "count") {
			total += factor * id
			continue
		}
		if (!known(set, id) || (round && !((set, id, round) in cost)))
			return ""
		total += factor * (round ? cost[set, id, round] : median[set, id])
	}
	return total
}

# The least of several sums that are joined by "or".
function best_of(set, text, round,    n, i, sums, value, best)
{
	n = split(text, sums, / or /)
	for (i = 1; i <= n; i++) {
		value = sum_of(set, sums[i], round)
		if (value != "" && (best == "" || value < best))
			best = value
	}
	return best
}

# Ratios are taken round by round, since peers that are measured one after the
# other suffer the same disturbances. Their median and quartiles go to ratio_mid,
# ratio_low and ratio_high.
function ratios(mine, peer,    round, n, v, a, b)
{
	for (round = 1; round <= clock_rounds; round++) {
		a = best_of("clock", mine, round)
		b = best_of("clock", peer, round)
		if (a == "" || b == "")
			return 0
		v[++n] = a / b
	}
	if (!n)
		return 0
	sort(v, n)
	ratio_mid = quantile(v, n, 0.5)
	ratio_low = quantile(v, n, 0.25)
	ratio_high = quantile(v, n, 0.75)
	return 1
}

# The peer that a family's others are compared with.
function reference_of(family)
{
	return family == "jobs" ? "redis-stream" : "pipe"
}

function reference(id,    part, i, name, other)
{
	split(id, part, "/")
	for (i = 1; i <= points; i++) {
		name = ids[i]
		split(name, other, "/")
		if (other[1] == part[1] && other[3] == part[3] &&
		    index(other[2], reference_of(part[1])) == 1 &&
		    (other[4] == part[4] || other[4] == -1))
			return name
	}
	return ""
}

# ---- writing ----

# 10694 as 10,694.
function thousands(digits)
{
	while (match(digits, /[0-9][0-9][0-9][0-9](,|$)/))
		digits = substr(digits, 1, RSTART) "," substr(digits, RSTART + 1)
	return digits
}

function number(x)
{
	if (x == "")
		return ""
	return x < 100 ? sprintf("%.1f", x) : thousands(sprintf("%.0f", x))
}

function ratio(x)
{
	return x == "" ? "" : sprintf("%.2f", x)
}

function by_clock(mine, peer)
{
	return ratios(mine, peer) ? sprintf("%.2f (%.2f to %.2f)", ratio_mid, ratio_low,
					    ratio_high) : ""
}

function larger(a, b)
{
	return a > b ? a : b
}

function divided(a, b)
{
	return a == "" || b == "" ? "" : a / b
}

function problem(text)
{
	problems++
	print text > (OUT "/problems")
}

# Two boots agree if they differ by at most 0.1 %, or 5 % where random numbers or
# the order in which many processes run have a part in it.
function check_repeatable(    i, id, a, b, apart)
{
	for (i = 1; i <= points; i++) {
		id = ids[i]
		if (!known("count.1", id) || !known("count.2", id))
			continue
		a = median_of("count.1", id)
		b = median_of("count.2", id)
		apart = larger(a / b, b / a) - 1
		if (apart > (kind[id] == "chance" ? 0.05 : 0.001))
			problem(sprintf("%s: %.1f and %.1f are %.2f %% apart", id, a, b,
					100 * apart))
	}
}

function write_about(    i)
{
	for (i = 1; i <= abouts; i++)
		print "- " about_name[i] ": " about_text[i]
	print ""
}

# By wall clock, in three quarters of the rounds.
function is_slower(i)
{
	return ratios(target_mine[i], target_peer[i]) && ratio_low > 1
}

# One case of the targets; without COUNTED only wall clock was measured.
function print_target(i, mine, peer, counted,    verdict, clock)
{
	verdict = counted == "" ? "" : counted <= target_most[i] ? "yes" : "no"
	clock = by_clock(target_mine[i], target_peer[i])
	printf "| %s | %s | %s | %s | %s | %s | %s | %s |\n", target_what[i], number(mine),
		target_name[i], number(peer), ratio(counted), target_most[i], verdict,
		clock (is_slower(i) ? ", slower" : "")
	if (target_readme[i])
		printf "| %s | %s | %s %s | %s | %s |\n", target_what[i], number(mine),
			target_name[i], number(peer), ratio(counted), clock > (OUT "/readme.md")
	return verdict
}

function print_targets(    i, mine, peer, counted, verdict, reached, reachable, slower)
{
	print "## Targets"
	print ""
	print "64-byte messages unless the case says otherwise; instructions per message, per round"
	print "of a ping-pong or per select (memory: bytes). A ratio below 1 means that gochan costs"
	print "less. The wall-clock ratio is the median, with quartiles."
	print ""
	print "| case | gochan | peer | peer's | ratio | target | met | wall clock |"
	print "| --- | --: | --- | --: | --: | --: | --- | --- |"
	print "| case | gochan | peer | ratio | wall clock |" > (OUT "/readme.md")
	print "| --- | --: | --- | --: | --- |" > (OUT "/readme.md")
	for (i = 1; i <= targets; i++) {
		mine = best_of("count", target_mine[i], 0)
		peer = best_of("count", target_peer[i], 0)
		counted = divided(mine, peer)
		if (counted == "" && !ratios(target_mine[i], target_peer[i]))
			continue
		verdict = print_target(i, mine, peer, counted)
		reachable += verdict != ""
		reached += verdict == "yes"
		slower += is_slower(i)
	}
	printf "\n%d of %d targets met", reached, reachable
	if (clock_rounds)
		printf "; %d cases slower than the peer by wall clock", slower
	print "."
	if (reached < reachable || slower)
		print reachable - reached, slower > (OUT "/missed")
}

# "64: 1,501; 512: 2,832" for points that differ in size or in their parameter.
function growth_of(text,    n, i, id, first, part, x, list)
{
	n = split(text, id, " ")
	split(id[1], first, "/")
	split(id[n], part, "/")
	x = first[3] == part[3] ? 4 : 3
	for (i = 1; i <= n; i++) {
		split(id[i], part, "/")
		if (known("count", id[i]))
			list = list (list ? "; " : "") thousands(part[x]) ": " \
				number(median["count", id[i]])
	}
	return list
}

function print_growth(    i, list, peer, heading)
{
	for (i = 1; i <= growths; i++) {
		list = growth_of(growth_points[i])
		if (!list)
			continue
		if (!heading++) {
			print "\n## Growth\n"
			print "64-byte messages where nothing else is said; instructions.\n"
			print "| with | order | measured |"
			print "| --- | --- | --- |"
		}
		peer = best_of("count", growth_peer[i], 0)
		printf "| %s | %s | %s%s |\n", growth_what[i], growth_order[i], list,
			peer == "" ? "" : " (" growth_name[i] ": " number(peer) ")"
	}
}

function print_point(id,    part, other, cost_count, cost_clock)
{
	split(id, part, "/")
	other = reference(id)
	cost_count = known("count", id) ? median["count", id] : ""
	cost_clock = known("clock", id) ? median["clock", id] : ""
	printf "| %s | %s | %s | %s | %s | %s | %s |", part[3], part[4] == -1 ? "fixed" : part[4],
		part[2], number(cost_count),
		cost_count == "" ? "" : sprintf("%.2f %%", 100 * spread_of("count", id)),
		known("count", id) ? sprintf("%.2f", switches["count", id] / rounds["count", id]) : "",
		other == "" ? "" : ratio(divided(cost_count, best_of("count", other, 0)))
	if (nanoseconds)
		printf " %s |", number(cost_clock)
	if (has_rate(part[1]))
		printf " %s |", number(divided(1e9, cost_clock))
	printf " %s | %s |\n",
		known("clock", id) ? sprintf("%.2f", switches["clock", id] / rounds["clock", id]) : "",
		other == "" || unit[id] != "time" ? "" : by_clock(id, other)
}

# Jobs per second are stated even if the guest is emulated.
function has_rate(family)
{
	return family == "jobs"
}

function print_families(    i, part, family, columns, to)
{
	for (i = 1; i <= points; i++) {
		split(ids[i], part, "/")
		if (part[1] != family) {
			family = part[1]
			printf "\n## %s: %s\n\n", family, family_what[family]
			to = reference_of(family)
			columns = (nanoseconds ? " ns |" : "") (has_rate(family) ? " per second |" : "")
			printf "| bytes | %s | peer | %s | spread | switches | to %s |",
				family_param[family],
				unit[ids[i]] == "time" ? "instructions" : unit[ids[i]], to
			printf "%s switches, wall clock | to %s, wall clock |\n", columns, to
			gsub(/[^ |]+( [^ |]+)*/, "--:", columns)
			printf "| --: | --: | --- | --: | --: | --: | --: |%s --: | --- |\n", columns
		}
		print_point(ids[i])
	}
}

function quoted(text)
{
	gsub(/\\/, "\\\\", text)
	gsub(/"/, "\\\"", text)
	return "\"" text "\""
}

function json_field(name, value)
{
	return value == "" ? "" : sprintf(", \"%s\": %s", name, value)
}

# Quartiles of the ratios.
function json_clock(mine, peer)
{
	return !ratios(mine, peer) ? "" : sprintf(", \"ratio_by_clock\": [%.4f, %.4f, %.4f]",
						  ratio_low, ratio_mid, ratio_high)
}

function json_point(id,    part, other)
{
	split(id, part, "/")
	other = reference(id)
	printf "    {\"family\": %s, \"peer\": %s, \"size\": %s, \"parameter\": %s, ",
		quoted(part[1]), quoted(part[2]), part[3], part[4] == -1 ? "null" : part[4] > json
	printf "\"parameter_is\": %s, \"processes\": %d, \"messages\": %d",
		quoted(family_param[part[1]]), processes[id], messages[id] > json
	if (known("count", id))
		printf ", \"%s\": %.3f, \"spread\": %.5f, \"switches\": %.4f",
			unit[id] == "time" ? "instructions" : unit[id], median["count", id],
			spread_of("count", id), switches["count", id] / rounds["count", id] > json
	if (known("clock", id)) {
		printf ", \"switches_by_clock\": %.4f",
			switches["clock", id] / rounds["clock", id] > json
		if (nanoseconds)
			printf ", \"ns\": %.1f", median["clock", id] > json
		printf "%s", other == "" ? "" : json_clock(id, other) > json
	}
	printf "}" > json
}

function write_json(    i, mine, peer)
{
	json = OUT "/results.json"
	print "{" > json
	for (i = 1; i <= abouts; i++)
		printf "  %s: %s,\n", quoted(about_name[i]), quoted(about_text[i]) > json
	print "  \"targets\": [" > json
	for (i = 1; i <= targets; i++) {
		mine = best_of("count", target_mine[i], 0)
		peer = best_of("count", target_peer[i], 0)
		printf "    {\"case\": %s, \"of\": %s, \"to\": %s, \"at_most\": %s%s%s%s}%s\n",
			quoted(target_what[i]), quoted(target_mine[i]), quoted(target_peer[i]),
			target_most[i] + 0, json_field("gochan", mine), json_field("peer", peer),
			json_field("ratio", divided(mine, peer)) json_clock(target_mine[i], target_peer[i]),
			i < targets ? "," : "" > json
	}
	print "  ],\n  \"points\": [" > json
	for (i = 1; i <= points; i++) {
		json_point(ids[i])
		print i < points ? "," : "" > json
	}
	print "  ]\n}" > json
}

# For the plots and for further use.
function write_tsv(    i, part)
{
	for (i = 1; i <= points; i++) {
		split(ids[i], part, "/")
		print part[1] "\t" part[2] "\t" part[3] "\t" part[4] "\t" \
			(known("count", ids[i]) ? median["count", ids[i]] : "-") "\t" \
			(known("clock", ids[i]) ? median["clock", ids[i]] : "-") > (OUT "/results.tsv")
	}
}

# ---- reading ----

FNR == 1 {
	set = FILENAME
	sub(/\/output$/, "", set)
	sub(/.*\//, "", set)
}

set == "targets" && !/^#/ && NF {
	split($0, field, / *; */)
	targets++
	target_what[targets] = field[1]
	target_mine[targets] = field[2]
	target_most[targets] = field[3]
	target_peer[targets] = field[4]
	target_name[targets] = field[5]
	target_readme[targets] = field[6] == "readme"
}

set == "growth" && !/^#/ && NF {
	n = split($0, field, / *; */)
	growths++
	growth_what[growths] = field[1]
	growth_order[growths] = field[2]
	growth_points[growths] = field[3]
	growth_name[growths] = n > 3 ? field[4] : ""
	growth_peer[growths] = n > 3 ? field[5] : ""
}

function note(set, id, value, moved)
{
	rounds[set, id]++
	cost[set, id, rounds[set, id]] = value
	switches[set, id] += moved
}

$1 == "point" {
	id = $2 "/" $3 "/" $4 "/" $5
	if (!(id in unit)) {
		ids[++points] = id
		unit[id] = $11
		kind[id] = $12
		processes[id] = $6
		messages[id] = $7
	}
	note(set, id, $9, $10)
	if (set ~ /^count/)
		note("count", id, $9, $10)
	else if ($8 + 1 > clock_rounds)
		clock_rounds = $8 + 1
}

$1 == "family" {
	family_param[$2] = $3
	name = $2
	sub(/^family [^ ]+ [^ ]+ /, "")
	family_what[name] = $0
}

function about(name, text)
{
	if (name in about_known)
		return
	about_known[name] = 1
	about_name[++abouts] = name
	sub(/ +$/, "", text)
	about_text[abouts] = text
}

$1 == "about" {
	name = $2
	sub(/^about [^ ]+ /, "")
	if (set == "clock" && name == "processor") {
		name = "processor, wall clock"
		nanoseconds = $0 !~ /TCG/
	}
	about(name, $0)
}

END {
	if (!points)
		die("nothing was measured")
	for (i = 1; i <= points; i++) {
		if (known("count", ids[i]))
			median["count", ids[i]] = median_of("count", ids[i])
		if (known("clock", ids[i]))
			median["clock", ids[i]] = median_of("clock", ids[i])
	}
	check_repeatable()
	print "# Results of the benchmarks\n"
	print "Written by `scripts/bench`, not by hand; [README.md](README.md) says how to read it.\n"
	write_about()
	print_targets()
	print_growth()
	print_families()
	write_json()
	write_tsv()
}
