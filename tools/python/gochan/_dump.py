# SPDX-License-Identifier: GPL-2.0
"""Why does it not move? The channels of this process and their waiters, as text.

The text is that of gochan_dump() of libgochan, made of what /proc shows.
"""

from __future__ import annotations

import os
import re
import signal
import sys
import time
import traceback
from types import FrameType
from typing import TextIO

# The first thread may have exited: so not /proc/self.
_SELF = "/proc/thread-self"


def dump(file: TextIO | None = None) -> None:
    """Write the channels of this process, and who waits on them, as text.

    file: where to; sys.stderr by default

    For each descriptor that is a channel: its number, the channel's ID and name, rights,
    messages and capacity, whether it is closed, and then each waiter that this process may
    see, with how long it has waited. Other threads of this process are among them.
    """
    out = sys.stderr if file is None else file
    prefix = f"gochan[{os.getpid()}]: "
    for line in _lines():
        out.write(f"{prefix}{line}\n")
    out.flush()


def dump_on(signum: int = signal.SIGQUIT) -> None:
    """On a signal, dump to standard error and take the signal's default action.

    signum: SIGQUIT, which Ctrl-\\ sends, by default

    The dump is followed by the stack of the main thread, which Python runs handlers in and
    whose own wait they have interrupted. Call this in the main thread (else ValueError).
    After a signal that by default does not end the process, the next one dumps again.
    """
    signal.signal(signum, _dump_and_act)


def _dump_and_act(signum: int, frame: FrameType | None) -> None:
    # First, so that a second signal ends a process whose dump is stuck.
    signal.signal(signum, signal.SIG_DFL)
    dump()
    traceback.print_stack(frame)
    sys.stderr.flush()
    signal.raise_signal(signum)
    dump_on(signum)


def _lines() -> list[str]:
    try:
        numbers = sorted(map(int, os.listdir(f"{_SELF}/fd")))
        pid = int(os.readlink("/proc/self"))
    except OSError as error:
        return [f"cannot list the channels: {error.strerror}; is /proc mounted?"]
    lines = []
    channels = 0
    for number in numbers:
        described = _describe(number, pid)
        channels += bool(described)
        lines += described
    few = "1 descriptor is a channel"
    return [*lines, few if channels == 1 else f"{channels} descriptors are channels"]


def _describe(number: int, pid: int) -> list[str]:
    """The lines about a descriptor; none if it is not a channel."""
    try:
        with open(f"{_SELF}/fdinfo/{number}", encoding="utf-8", errors="backslashreplace") as file:
            pairs = [line.rstrip("\n").partition(":\t")[::2] for line in file]
    except OSError:
        return []  # it was closed meanwhile
    fields = dict(pairs)
    if "gochan-id" not in fields:
        return []
    name = f" {fields['gochan-name']}" if fields.get("gochan-name") else ""
    closed = ", closed" if fields["gochan-closed"] != "0" else ""
    lines = [
        f"descriptor {number}: channel {fields['gochan-id']}{name}, {fields['gochan-rights']},"
        f" {fields['gochan-len']} of {fields['gochan-capacity']} messages{closed}"
    ]
    lines += [_waiter(value, pid) for key, value in pairs if key == "gochan-waiter"]
    lines += _count(fields["gochan-waiters-of-others"], "waiter{} of other users")
    lines += _count(fields["gochan-waiters-more"], "more waiter{}")
    return lines


def _waiter(text: str, pid: int) -> str:
    """A waiter: "pid: 12 tid: 12 op: send since: 3.5 select: 0 deadline: 0"."""
    field = dict(re.findall(r"(\w+): (\S+)", text))
    seconds = time.clock_gettime(time.CLOCK_MONOTONIC) - float(field["since"])
    who = "this process" if field["pid"] == str(pid) else f"process {field['pid']}"
    task = f"{who}, thread {field['tid']}" if field["pid"] != "0" else "an invisible process"
    what = "send" if field["op"] == "send" else "receive"
    select = ", in a select" if field.get("select") == "1" else ""
    deadline = ", with a deadline" if field.get("deadline") == "1" else ""
    return f"    {task}: has waited {seconds:.3f} s to {what}{select}{deadline}"


def _count(number: str, what: str) -> list[str]:
    if number == "0":
        return []
    return [f"    {number} {what.format('' if number == '1' else 's')}"]
