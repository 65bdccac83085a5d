# SPDX-License-Identifier: GPL-2.0
#
# Filter a kernel log: remove KCSAN reports in which gochan makes neither access, where
# an access by a generic function that copies or links is attributed to its caller.
# Also remove the stack traces that fault injection causes when creating a slab cache
# fails, and those of the OOM killer for a task named gochan-oom.

function begin_report() {
	report = $0
	lines = 1
	frame = gochan = 0
}

# The function of an access is in the line after its description.
function parse_line() {
	if (/ of [0-9]+ bytes by /) {
		frame = 1
	} else if (frame) {
		gochan = gochan || /\[gochan\]/
		frame = frame == 1 && /copy|mem|list|refcount|iov_iter/ ? 2 : 0
	}
}

/kmem_cache_create[a-z_]*\(gochan[a-z0-9_]*\) failed with error -[0-9]+/ { dump = 1 }
dump { dump = !/<\/TASK>/; next }
/ gochan-oom invoked oom-killer: / { oom = 1 }
oom { oom = !/ memory: usage |Mem-Info:/; next }
/================/ && !lines { begin_report(); next }
!lines { print; next }
{ report = report "\n" $0; lines++; parse_line() }
lines == 2 && !/BUG: KCSAN/ { print report; lines = 0 }
/================/ { if (gochan) print report; lines = 0 }
END { if (lines) print report; if (oom) print "BUG: a report of the OOM killer does not end" }
