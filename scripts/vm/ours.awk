# SPDX-License-Identifier: GPL-2.0
#
# Passes a kernel log on without those reports of races (KCSAN) in which both
# accesses are made by other code than gochan's. What a function that copies
# or links does is its caller's doing. Nor is it gochan that shows where it was
# when a slab cache could not be made, because a test wanted that.

function begin() {
	text = $0
	lines = 1
	frame = ours = 0
}

function look() {
	if (/ of [0-9]+ bytes by /) {
		frame = 1
	} else if (frame) {
		ours = ours || /\[gochan\]/
		frame = frame == 1 && /copy|mem|list|refcount|iov_iter/ ? 2 : 0
	}
}

/kmem_cache_create[a-z_]*\((chan|gochan_[a-z0-9_]+)\) failed with error -[0-9]+/ { dump = 1 }
dump { dump = !/<\/TASK>/; next }
/================/ && !lines { begin(); next }
!lines { print; next }
{ text = text "\n" $0; lines++; look() }
lines == 2 && !/BUG: KCSAN/ { print text; lines = 0 }
/================/ { if (ours) print text; lines = 0 }
END { if (lines) print text }
