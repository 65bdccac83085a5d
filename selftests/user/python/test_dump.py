# SPDX-License-Identifier: GPL-2.0
"""What dump() says."""

import io
import os
import re
import signal
import sys
import threading

import gochan
from common import TestCase, Thread, until_waiting
from gochan import Channel, Recv


def dumped():
    text = io.StringIO()
    gochan.dump(text)
    return text.getvalue()


class Dump(TestCase):
    def test_channels(self):
        me = f"gochan[{os.getpid()}]: "
        self.assertEqual(dumped(), f"{me}0 descriptors are channels\n")
        with Channel.create("jobs", 4) as channel, channel.dup("r") as receiver:
            channel.send(b"one")
            channel.close_channel()
            number = channel.info().id
            self.assertEqual(dumped().splitlines(), [
                f"{me}descriptor {channel.fileno()}: channel {number} /jobs, send recv,"
                " 1 of 4 messages, closed",
                f"{me}descriptor {receiver.fileno()}: channel {number} /jobs, recv,"
                " 1 of 4 messages, closed",
                f"{me}2 descriptors are channels",
            ])
            gochan.unlink("jobs")

    def test_waiters(self):
        channel = self.make()
        threads = [Thread(channel.recv), Thread(channel.recv, 60),
                   Thread(gochan.select, [Recv(channel)])]
        until_waiting(channel, receivers=3)
        text = dumped()
        me = r"    this process, thread \d+: has waited \d+\.\d{3} s to receive"
        for end in "", ", with a deadline", ", in a select":
            self.assertEqual(len(re.findall(f"{me}{end}$", text, re.MULTILINE)), 1, text)
        for _ in threads:
            channel.send(b"")
        for thread in threads:
            thread.join()

    def test_other_process(self):
        channel = self.make()
        pid = self.fork(channel.send, b"one")
        until_waiting(channel, senders=1)
        self.assertRegex(dumped(), f"    process {pid}, thread {pid}: has waited .* s to send\n")
        channel.recv()
        self.ended(pid)

    def test_standard_error(self):
        receiver, error = os.pipe()

        def run():
            sys.stderr = open(error, "w")
            gochan.dump()

        self.ended(self.fork(run))
        os.close(error)
        with open(receiver) as file:
            self.assertRegex(file.read(), r"gochan\[\d+\]: 0 descriptors are channels\n")

    def test_on_signal(self):
        channel = self.make()
        receiver, error = os.pipe()

        def run():
            sys.stderr = open(error, "w")
            gochan.dump_on()
            channel.recv()

        pid = self.fork(run)
        os.close(error)
        until_waiting(channel, receivers=1)
        os.kill(pid, signal.SIGQUIT)
        self.ended(pid, -signal.SIGQUIT)
        with open(receiver) as file:
            text = file.read()
        self.assertRegex(text, f"descriptor {channel.fileno()}: channel .* 0 of 0 messages\n")
        self.assertRegex(text, r"in run\n +channel\.recv\(\)")

    def test_on_signal_that_does_not_end(self):
        channel, done = self.make(), self.make(1)
        receiver, error = os.pipe()

        def run():
            sys.stderr = open(error, "w")
            gochan.dump_on(signal.SIGURG)
            done.send(channel.recv())

        pid = self.fork(run)
        os.close(error)
        with open(receiver) as file:
            for _ in range(2):
                until_waiting(channel, receivers=1)
                os.kill(pid, signal.SIGURG)
                while "descriptors are channels" not in file.readline():
                    pass
            channel.send(b"one")
            self.ended(pid)
        self.assertEqual(done.recv(), b"one")

    def test_on_signal_errors(self):
        for bad in 0, 1000:
            with self.assertRaises(ValueError):
                gochan.dump_on(bad)
        with self.assertRaises(OSError):
            gochan.dump_on(signal.SIGKILL)
        with self.fails(ValueError):
            Thread(gochan.dump_on).join()
        self.assertIs(threading.current_thread(), threading.main_thread())

    def test_without_proc(self):
        def run():
            os.chroot("/tmp")
            text = dumped()
            assert "cannot list the channels: No such file or directory; is /proc" in text, text

        self.ended(self.fork(run))
