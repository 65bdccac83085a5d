# SPDX-License-Identifier: GPL-2.0
"""What the tests share: a TestCase that finds what a test leaves behind, and waiting."""

import contextlib
import faulthandler
import gc
import os
import signal
import threading
import time
import traceback
import unittest

import gochan
from gochan import Channel

LIMITS = "/sys/module/gochan/parameters/"
ALICE = 1000
DEADLINE = 60  # in seconds: when a test counts as stuck


def descriptors():
    """The open descriptors, and what they are, but that of the listing."""
    found = {}
    for number in os.listdir("/proc/self/fd"):
        with contextlib.suppress(FileNotFoundError):
            found[int(number)] = os.readlink(f"/proc/self/fd/{number}")
    return found


def until(condition):
    """Wait until a condition holds."""
    end = time.monotonic() + DEADLINE
    while not condition():
        if time.monotonic() > end:
            raise AssertionError("it did not happen")
        time.sleep(0.002)


def until_waiting(channel, *, senders=0, receivers=0):
    """Wait until so many are blocked on a channel."""
    until(lambda: (channel.info().senders_waiting, channel.info().receivers_waiting)
          == (senders, receivers))


@contextlib.contextmanager
def limit(name, value):
    """Change a module parameter."""
    path = LIMITS + name
    with open(path) as file:
        before = file.read()
    try:
        with open(path, "w") as file:
            file.write(str(value))
        yield
    finally:
        with open(path, "w") as file:
            file.write(before)


@contextlib.contextmanager
def as_alice():
    """Act as a user without privileges."""
    os.seteuid(ALICE)
    try:
        yield
    finally:
        os.seteuid(0)


class Thread(threading.Thread):
    """A thread whose result, or exception, join() gives to the test."""

    def __init__(self, function, *args, **kwargs):
        super().__init__(daemon=True)
        self.call = (function, args, kwargs)
        self.start()

    def run(self):
        function, args, kwargs = self.call
        self.result = self.error = None
        try:
            self.result = function(*args, **kwargs)
        except Exception as error:
            self.error = error

    def join(self):
        super().join(DEADLINE)
        if self.is_alive():
            raise AssertionError("the thread is stuck")
        if self.error:
            raise self.error
        return self.result


class TestCase(unittest.TestCase):
    """A test that must not leave descriptors, channels, processes or threads."""

    maxDiff = None

    def run(self, result=None):
        # The first cleanup is the last one to run.
        self.addCleanup(self.look_for_leaks, descriptors())
        faulthandler.dump_traceback_later(2 * DEADLINE, exit=True)
        super().run(result)
        faulthandler.cancel_dump_traceback_later()
        return result

    def look_for_leaks(self, before):
        names = os.listdir("/dev/gochans")
        for name in names:
            gochan.unlink(name)
        # What a failed test keeps is not leaked: its traceback is still there.
        if not self._outcome.success:
            return
        gc.collect()
        after = descriptors()
        left = [f"{fd}: {after[fd]}" for fd in after.keys() - before.keys()]
        left += names
        left += [str(thread) for thread in threading.enumerate()
                 if thread is not threading.main_thread()]
        with contextlib.suppress(ChildProcessError):
            left.append(f"process {os.waitpid(-1, os.WNOHANG)}")
        self.assertEqual(left, [])

    def make(self, *args, **kwargs):
        """A channel that is released after the test."""
        return self.kept(Channel.make(*args, **kwargs))

    def pair(self, *args, **kwargs):
        receiver, sender = Channel.pair(*args, **kwargs)
        return self.kept(receiver), self.kept(sender)

    def kept(self, channel):
        self.addCleanup(channel.release)
        return channel

    def fork(self, function, *args):
        """Run a function in another process: its pid."""
        pid = os.fork()
        if pid:
            return pid
        status = 1
        try:
            signal.alarm(DEADLINE)
            function(*args)
            status = 0
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(status)

    def ended(self, pid, status=0):
        """It has ended, or ends, with this status; a negative one is a signal."""
        self.assertEqual(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), status)

    def fails(self, kind, errno=None, text=""):
        """A context in which an exception of exactly this type is raised."""
        return _Fails(self, kind, errno, text)


class _Fails:
    def __init__(self, test, kind, errno, text):
        self.test, self.kind, self.errno, self.text = test, kind, errno, text

    def __enter__(self):
        return self

    def __exit__(self, kind, error, where):
        if kind is None:
            self.test.fail(f"{self.kind.__name__} was not raised")
        if kind is not self.kind:
            return False
        self.error = error
        if self.errno is not None:
            self.test.assertEqual(error.errno, self.errno, error)
        self.test.assertIn(self.text, str(error))
        traceback.clear_frames(where)
        return True
