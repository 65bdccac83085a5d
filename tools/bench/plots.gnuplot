# SPDX-License-Identifier: GPL-2.0
#
# Plots of OUT/results.tsv, by instructions. A plot without points is left out.

set terminal svg size 820,440 font 'sans-serif,15' background '#ffffff'
set datafile separator '\t'
file = out.'/results.tsv'

set border 3 linecolor rgb '#808080'
set tics nomirror scale 0.5 textcolor rgb '#404040'
set grid ytics linecolor rgb '#e4e4e4' linetype 1
set logscale xy
set lmargin 9
set rmargin 23
set tmargin 4.5
unset key
set ytics ('100' 100, '200' 200, '500' 500, '1,000' 1e3, '2,000' 2e3, '5,000' 5e3, \
	'10,000' 1e4, '20,000' 2e4, '50,000' 5e4, '100,000' 1e5, '200,000' 2e5, '500,000' 5e5)

# gochan is always the first of the peers.
array colours[5] = [0xc8102e, 0x1f5fa8, 0x3a7d34, 0x7a4fa3, 0x6b6b6b]
array widths[5] = [5, 1.8, 1.8, 1.8, 1.8]

# What plots.awk is to select. Labels are kept apart by a part of the height.
select(peer, peers) = sprintf( \
	"awk -v FAMILY=%s -v X=%d -v MOST=%d -v SIZE=%s -v PARAM=%s -v GAP=%g -v PEER=%s \
	-v PEERS='%s' -f tools/bench/plots.awk %s", \
	family, x, most, size, param, 0.062 * log(highest / lowest), peer, peers, file)
line(peer) = '< '.select(peer, '').' | sort -n'
labels(peers) = '< '.select('', peers)
is_measured(peer) = strlen(system(select(peer, '')))

# Draws the peers that were measured, if gochan is among them.
draw = "\
found = ''; \
do for [peer in peers] { \
	if (is_measured(peer)) { found = found.' '.peer } \
}; \
if (word(found, 1) eq 'gochan') { \
set label 1 '{/:Bold '.title.'}' at graph 0, screen 0.95 left offset -5,0; \
set label 2 unit.', lower is cheaper' at graph 0, screen 0.88 left offset -5,0 \
	textcolor rgb '#404040'; \
set yrange [lowest : highest]; \
set output out.'/'.family.'.svg'; \
plot for [i = words(found) : 1 : -1] line(word(found, i)) using 1:2 \
	with linespoints linewidth widths[i] pointtype 7 pointsize 0.5 \
	linecolor rgb colours[i], \
labels(found) using 1:2:4:(colours[int($3)]) \
	with labels left offset 1,0 textcolor rgb variable; \
unset output; \
}"

x = 3
most = 4096
size = ''
param = '16'
unit = 'instructions per message'
peers = 'gochan pipe seqpacket mqueue futex'
set xlabel 'message size' textcolor rgb '#404040'
set xrange [8 : most]
set xtics ('8 B' 8, '64 B' 64, '512 B' 512, '4 KiB' 4096)

family = 'stream'
title = 'Stream: one process sends, another receives, capacity 16'
lowest = 1e3
highest = 5e4
eval draw

param = '1'
family = 'self'
title = 'One process writes a message and reads it'
lowest = 99
eval draw

family = 'pingpong'
title = 'Ping-pong: a request and its reply'
unit = 'instructions per round'
lowest = 5e3
highest = 1e5
eval draw

x = 4
size = '64'
param = ''
family = 'select'
title = 'Find which of many channels is ready, and receive from it'
unit = 'instructions per message'
peers = 'gochan gochan+epoll pipe+epoll pipe+poll mqueue+epoll'
most = 1024
lowest = 1e3
highest = 5e5
set xlabel 'number of channels'
set xrange [1 : most]
set xtics ('1' 1, '8' 8, '64' 64, '1,024' 1024)
eval draw

family = 'wake'
title = 'A message to one of many blocked receivers, and its reply'
unit = 'instructions per message and reply'
peers = 'gochan pipe mqueue'
most = 1000
lowest = 5e3
highest = 2e4
set xlabel 'number of blocked receivers'
set xrange [1 : most]
set xtics ('1' 1, '10' 10, '100' 100, '1,000' 1000)
eval draw
