# SPDX-License-Identifier: GPL-2.0
"""Threads, processes and signals."""

import contextlib
import multiprocessing
import os
import signal
import threading
import unittest.mock
from concurrent.futures import ThreadPoolExecutor
from multiprocessing import resource_tracker

import gochan
from common import TestCase, Thread, until, until_waiting
from gochan import Channel, Recv, Send


class Threads(TestCase):
    def test_others_run(self):
        """A blocked call does not hold the GIL: this thread runs, and ends the wait."""
        for call in [
            Channel.recv, lambda channel: channel.send(b""), next, Channel.recv_fd,
            lambda channel: gochan.select([Recv(channel)]),
            lambda channel: gochan.batch([Recv(channel)] * 40),
        ]:
            channel = self.make()
            waiting = Thread(call, channel)
            until(lambda: channel.info().receivers_waiting + channel.info().senders_waiting)
            channel.close_channel()
            with contextlib.suppress(gochan.Closed, StopIteration):
                waiting.join()

    def test_pool(self):
        receiver, sender = self.pair(4)
        numbers = [number.to_bytes(4, "little") for number in range(200)]
        with ThreadPoolExecutor(8) as pool:
            receivers = [pool.submit(list, receiver) for _ in range(4)]
            list(pool.map(sender.send, numbers))
            sender.close_channel()
            got = [message for future in receivers for message in future.result(60)]
        self.assertEqual(sorted(got), sorted(numbers))

    def test_one_thread_each(self):
        channels = [self.make() for _ in range(20)]
        threads = [Thread(channel.recv) for channel in channels]
        for channel in channels:
            channel.send(b"x", 60)
        self.assertEqual([thread.join() for thread in threads], [b"x"] * 20)


class Processes(TestCase):
    def test_pipeline(self):
        numbers, squares = Channel.pair(), Channel.pair()

        def work():
            numbers[1].release()
            for message in numbers[0]:
                squares[1].send(b"%d" % int(message) ** 2)

        workers = [self.fork(work), self.fork(work)]
        numbers[0].release()
        squares[1].release()
        feeder = Thread(lambda: [numbers[1].send(b"%d" % number) for number in range(50)])
        got = [int(squares[0].recv(60)) for _ in range(50)]
        feeder.join()
        numbers[1].release()
        self.assertEqual(list(squares[0]), [])
        squares[0].release()
        self.assertEqual(sorted(got), [number**2 for number in range(50)])
        for worker in workers:
            self.ended(worker)

    def test_multiprocessing(self):
        """A Channel can be an argument of a Process, whatever its start method is."""
        for method in "fork", "spawn":
            receiver, sender = Channel.pair()
            context = multiprocessing.get_context(method)
            process = context.Process(target=hello, args=(sender, method))
            process.start()
            sender.release()
            self.assertEqual(list(receiver), [f"hello from {method}".encode()])
            receiver.release()
            process.join()
            self.assertEqual(process.exitcode, 0)
            process.close()
        resource_tracker._resource_tracker._stop()

    def test_exit_is_seen(self):
        receiver, sender = self.pair()
        worker = self.fork(lambda: None)
        sender.release()
        with self.fails(gochan.Closed):
            receiver.recv(60)
        self.ended(worker)

    def test_inherited(self):
        channel = self.make(1)
        pid = os.fork()
        if not pid:
            os.set_inheritable(channel.fileno(), True)
            code = f"import gochan; gochan.Channel({channel.fileno()}).send(b'x')"
            os.execvp("python3", ["python3", "-c", code])
        self.assertEqual(channel.recv(60), b"x")
        self.ended(pid)


def hello(sender, method):
    with sender:
        sender.send(f"hello from {method}".encode())


class Interrupted(Exception):
    pass


class Signals(TestCase):
    """The main thread waits, and another one sends it a signal once it is blocked."""

    def setUp(self):
        self.calls = 0
        self.channel = self.make()
        self.addCleanup(signal.signal, signal.SIGUSR1, signal.signal(signal.SIGUSR1, self.handler))

    def handler(self, _number, _frame):
        self.calls += 1

    def blocked(self):
        info = self.channel.info()
        return info.send_blocked + info.recv_blocked

    def signal_when_blocked(self, number=signal.SIGUSR1, times=1, then=lambda: None):
        def run():
            for count in range(times):
                until(lambda: self.blocked() > count)
                until(lambda: self.channel.info().receivers_waiting
                      + self.channel.info().senders_waiting == 1)
                signal.pthread_kill(threading.main_thread().ident, number)
                until(lambda: self.calls > count or number != signal.SIGUSR1)
            return then()

        return Thread(run)

    def waits(self):
        channel = self.channel
        return [
            channel.recv, lambda: channel.send(b""), lambda: next(channel), channel.recv_fd,
            lambda: gochan.select([Recv(channel)]), lambda: gochan.batch([Send(channel, b"")]),
        ]

    def test_keyboard_interrupt(self):
        for number in range(len(self.waits())):
            self.channel = self.make()
            thread = self.signal_when_blocked(signal.SIGINT)
            with self.subTest(number), self.assertRaises(KeyboardInterrupt):
                self.waits()[number]()
            thread.join()
            until_waiting(self.channel)
            self.assertEqual(self.channel.info().sent, 0)

    def test_handler_that_returns(self):
        """The call goes on, and gets its message."""
        thread = self.signal_when_blocked(times=3, then=lambda: self.channel.send(b"x"))
        self.assertEqual(self.channel.recv(), b"x")
        thread.join()
        self.assertEqual(self.calls, 3)

    def test_select_goes_on(self):
        thread = self.signal_when_blocked(times=2, then=self.channel.recv)
        self.assertEqual(gochan.select([Send(self.channel, b"y")]).index, 0)
        self.assertEqual((thread.join(), self.calls), (b"y", 2))

    def test_deadline_stays(self):
        """A call that is repeated after a signal waits no longer."""
        deadlines = []

        def ioctl(fd, request, arg):
            if request == gochan._abi.IOC_BATCH and arg.timeout != gochan._abi.TIMEOUT_NEVER:
                deadlines.append(arg.timeout)
            return original(fd, request, arg)

        original = gochan._abi.ioctl_once
        thread = self.signal_when_blocked(times=2, then=lambda: self.channel.send(b"x"))
        with unittest.mock.patch("gochan._abi.ioctl_once", ioctl):
            self.assertEqual(self.channel.recv(60), b"x")
        thread.join()
        self.assertEqual(len(deadlines), 3)
        self.assertEqual(len(set(deadlines)), 1)

    def test_handler_that_raises(self):
        def handler(_number, _frame):
            self.calls += 1
            raise Interrupted

        signal.signal(signal.SIGUSR1, handler)
        thread = self.signal_when_blocked()
        with self.assertRaises(Interrupted):
            self.channel.recv()
        thread.join()
        until_waiting(self.channel)

    def test_handler_that_releases(self):
        """The descriptor's number must not be used any more."""
        for call in Channel.recv, lambda channel: gochan.select([Recv(channel)]):
            self.channel, self.calls = self.make(), 0
            other = self.channel.dup("rw")

            def handler(_number, _frame, other=other):
                self.calls += 1
                other.release()

            signal.signal(signal.SIGUSR1, handler)
            thread = self.signal_when_blocked()
            with self.fails(ValueError, text="was released"):
                call(other)
            thread.join()

    def test_batch_is_resumed(self):
        """After a signal a batch goes on where it was, and does nothing twice."""
        first = self.make(4)
        thread = self.signal_when_blocked(times=2, then=lambda: self.channel.send(b"z"))
        done = gochan.batch([Send(first, b"a"), Send(first, b"b"), Recv(self.channel)])
        thread.join()
        self.assertEqual((len(done), done[2].message, len(first)), (3, b"z", 2))

    def test_batch_that_is_interrupted(self):
        """What it had leased is returned, and files that it had received are closed."""
        jobs, files = self.make(2, ack=True), self.make()
        jobs.send(b"job")
        sender = Thread(files.send, b"file", fd=0)
        thread = self.signal_when_blocked(signal.SIGINT)
        with self.assertRaises(KeyboardInterrupt):
            gochan.batch([
                Recv(files, take_fd=True), Recv(jobs, lease=True), Recv(self.channel),
            ])
        thread.join()
        sender.join()
        info = jobs.info()
        self.assertEqual((info.length, info.leased), (1, 0))

    def test_lease_is_returned(self):
        jobs = self.make(1, ack=True)
        jobs.send(b"job")
        thread = self.signal_when_blocked(signal.SIGINT)
        with self.assertRaises(KeyboardInterrupt), jobs.recv_lease():
            self.channel.recv()
        thread.join()
        self.assertEqual(jobs.recv_lease().deliveries, 2)

    def test_in_thread(self):
        """Other threads are not disturbed by the main thread's signals."""
        waiting = Thread(self.channel.recv)
        until_waiting(self.channel, receivers=1)
        signal.raise_signal(signal.SIGUSR1)
        self.assertEqual(self.calls, 1)
        self.channel.send(b"x")
        self.assertEqual(waiting.join(), b"x")
