# SPDX-License-Identifier: GPL-2.0
#
# Pictures of OUT/results.tsv: by size, and by what else varies. A file with no
# points for a picture makes none.

set terminal svg size 900,560 font 'sans,14' background '#ffffff'
set datafile separator '\t'
set datafile missing '-'
set key outside right
# Of its own, there are only eight.
set linetype 9 linecolor rgb '#808080'
set linetype 10 linecolor rgb '#a05000'
set grid
set logscale xy
set ylabel 'instructions a message'
file = out.'/results.tsv'

names(family, size) = system(sprintf( \
	"awk -F'\\t' '$1 == \"%s\" && (%d == 0 || $3 == %d) && $5 != \"-\" && !seen[$2]++ \
	{ print $2 }' %s", family, size, size, file))

rows(family, peer, x, size, param) = sprintf( \
	"< awk -F'\\t' '$1 == \"%s\" && $2 == \"%s\" && (%d == 0 || $3 == %d) && \
	(%d == -2 || $4 == %d || $4 == -1) { print $%d \"\\t\" $5 }' %s | sort -n", \
	family, peer, size, size, param, param, x, file)

set xlabel 'bytes'
set xrange [8:65536]
set xtics (8, 64, 512, 4096, 65536)
do for [family in 'self pingpong stream'] {
	list = names(family, 0)
	param = family eq 'stream' ? 16 : 1
	if (words(list) > 0) {
		set output out.'/'.family.'.svg'
		set title family.(param == 16 ? ', capacity 16' : '')
		plot for [peer in list] rows(family, peer, 3, 0, param) \
			using 1:2 with linespoints title peer
	}
}

set xrange [1:1024]
set xtics auto
do for [family in 'select select_asleep wake'] {
	list = names(family, 0)
	if (words(list) > 0) {
		set output out.'/'.family.'.svg'
		set title family
		set xlabel family eq 'wake' ? 'blocked receivers' : 'channels'
		plot for [peer in list] rows(family, peer, 4, 0, -2) \
			using 1:2 with linespoints title peer
	}
}
