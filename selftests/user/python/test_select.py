# SPDX-License-Identifier: GPL-2.0
"""Several ops in one call: select and batch. And files that are passed."""

import errno
import os
import select as poll
import socket
import tempfile

import gochan
from common import TestCase, Thread, descriptors, until_waiting
from gochan import Ack, Channel, Poll, Recv, Send


class Select(TestCase):
    def test_receives(self):
        one, two = self.make(1), self.make(1)
        two.send(b"two")
        ops = [Recv(one), Recv(two)]
        result = gochan.select(ops)
        self.assertEqual((result.index, result.message, result.closed), (1, b"two", False))
        self.assertIs(result.op, ops[1])

    def test_sends(self):
        full, empty = self.make(1), self.make(1)
        full.send(b"")
        result = gochan.select([Send(full, b"one"), Send(empty, b"two")])
        self.assertEqual((result.index, result.message), (1, None))
        self.assertEqual(empty.recv(), b"two")

    def test_only_one(self):
        one, two = self.make(1), self.make(1)
        chosen = set()
        for _ in range(100):
            chosen.add(gochan.select([Send(one, b""), Send(two, b"")]).index)
            self.assertEqual(len(one) + len(two), 1)
            self.assertEqual(gochan.select([Recv(one), Recv(two)]).message, b"")
        self.assertEqual(chosen, {0, 1})

    def test_ordered(self):
        channel = self.make(100)
        for _ in range(50):
            ops = (Send(channel, b"first"), Send(channel, b"second"))
            self.assertEqual(gochan.select(ops, ordered=True).index, 0)

    def test_waits(self):
        one, two = self.make(), self.make()
        waiting = Thread(gochan.select, [Recv(one), Send(two, b"two")])
        until_waiting(one, receivers=1)
        self.assertEqual(two.recv(), b"two")
        self.assertEqual(waiting.join().index, 1)
        until_waiting(one)

    def test_end(self):
        channel, other = self.make(), self.make()
        channel.close_channel()
        result = gochan.select([Recv(other), Recv(channel)])
        self.assertEqual((result.index, result.message, result.closed), (1, None, True))

    def test_error_has_index(self):
        closed, other = self.make(), self.make()
        closed.close_channel()
        with self.fails(gochan.Closed, errno.EPIPE) as caught:
            gochan.select([Recv(other), Send(closed, b"")])
        self.assertEqual(caught.error.index, 1)
        with self.fails(gochan.MessageTooLong, errno.EMSGSIZE) as caught:
            gochan.select([Send(other, bytes(4097)), Recv(other)])
        self.assertEqual(caught.error.index, 0)

    def test_timeout(self):
        channel = self.make()
        for timeout in 0, 0.01:
            with self.fails(TimeoutError, errno.ETIMEDOUT):
                gochan.select([Recv(channel)], timeout)
        channel = self.make(1)
        self.assertEqual(gochan.select([Send(channel, b"")], 0).index, 0)

    def test_try(self):
        channel = self.make(1)
        self.assertIsNone(gochan.try_select([Recv(channel)]))
        self.assertIsNone(gochan.try_select([]))
        self.assertEqual(gochan.try_select([Send(channel, b"a")], ordered=True).index, 0)
        self.assertEqual(gochan.try_select([Recv(channel)]).message, b"a")
        channel.close_channel()
        with self.fails(gochan.Closed):
            gochan.try_select([Send(channel, b"")])

    def test_nil_channels(self):
        channel = self.make(1)
        result = gochan.select([Send(None, b""), Recv(None), Poll(None), Send(channel, b"a")])
        self.assertEqual(result.index, 3)
        for ops in [], [Recv(None)], [Poll(None)]:
            with self.subTest(ops), self.fails(TimeoutError, errno.ETIMEDOUT):
                gochan.select(ops, 0.01)

    def test_poll(self):
        channel = self.make()
        one, two = socket.socketpair()
        with one, two:
            result = gochan.select([Recv(channel), Poll(one, poll.POLLIN | poll.POLLOUT)])
            self.assertEqual((result.index, result.events), (1, poll.POLLOUT))
            waiting = Thread(gochan.select, [Recv(channel), Poll(one)])
            until_waiting(channel, receivers=1)
            two.send(b"x")
            self.assertEqual(waiting.join().events, poll.POLLIN)
            self.assertEqual(gochan.select([Poll(one.fileno())]).index, 0)
        child = os.fork()
        if not child:
            os._exit(3)
        pidfd = os.pidfd_open(child)
        self.assertEqual(gochan.select([Recv(channel), Poll(pidfd)]).index, 1)
        os.close(pidfd)
        self.ended(child, 3)

    def test_bad_ops(self):
        channel = self.make(1)
        for bad in [channel], [None], ["x"], [Send(channel, b""), 3]:
            with self.subTest(bad), self.fails(TypeError, text="an op is a Send, Recv, Poll"):
                gochan.select(bad)
        for bad in Recv(3), Send(3, b""), Recv("jobs"):
            with self.subTest(bad), self.fails(TypeError, text="a Channel or None is needed"):
                gochan.select([bad])
        with self.fails(TypeError, text="a message is bytes-like, not 'str'"):
            gochan.select([Send(channel, "x")])
        with self.fails(TypeError, text="a descriptor, or an object with fileno()"):
            gochan.select([Poll("x")])
        with self.fails(TypeError, text="events is a number"):
            gochan.select([Poll(channel, "in")])
        with self.fails(TypeError, text="a Lease is needed"):
            gochan.batch([Ack(3)])
        with self.assertRaises(TypeError):
            gochan.select(None)
        with self.fails(ValueError, text="either peeked at or leased"):
            gochan.select([Recv(self.make(1, ack=True), peek=True, lease=True)])
        with self.fails(gochan.Error, errno.EINVAL, "only messages of a channel with ack"):
            gochan.select([Recv(channel, lease=True)])
        self.assertEqual(len(channel), 0)

    def test_bad_descriptors(self):
        channel = self.make()
        reading, writing = os.pipe()
        os.close(reading)
        os.close(writing)
        # reading is what the descriptor of the call itself will be
        for ops in [Poll(reading)], [Poll(1000)], [Recv(channel), Poll(1000)]:
            with self.fails(gochan.Error, errno.EBADF):
                gochan.select(ops)
        receiver, sender = self.pair()
        for op in Send(receiver, b""), Recv(sender):
            with self.fails(gochan.Error, errno.EBADF):
                gochan.select([op])

    def test_too_many(self):
        channel = self.make(1)
        with self.fails(gochan.Error, errno.EINVAL):
            gochan.select([Send(channel, b"")] * 1025)
        self.assertEqual(gochan.select([Send(channel, b"")] * 1024, ordered=True).index, 0)

    def test_generator(self):
        channels = [self.make(1) for _ in range(3)]
        self.assertIn(gochan.select(Send(channel, b"") for channel in channels).index, range(3))

    def test_peek(self):
        channel = self.make(1)
        channel.send(b"one")
        for _ in range(2):
            self.assertEqual(gochan.select([Recv(channel, peek=True)]).message, b"one")
        self.assertEqual(len(channel), 1)


class Batch(TestCase):
    def test_in_order(self):
        channel, other = self.make(2), self.make(1)
        done = gochan.batch([Send(channel, b"a"), Send(channel, b"b"), Send(other, b"c")])
        self.assertEqual([result.index for result in done], [0, 1, 2])
        self.assertIsNone(done.error)
        done = gochan.batch([Recv(other), Recv(channel), Recv(channel)])
        self.assertEqual([result.message for result in done], [b"c", b"a", b"b"])

    def test_first_fails(self):
        channel = self.make(1)
        with self.fails(TimeoutError, errno.ETIMEDOUT):
            gochan.batch([Recv(channel), Send(channel, b"")], 0.01)
        channel.close_channel()
        with self.fails(gochan.Closed, errno.EPIPE) as caught:
            gochan.batch([Send(channel, b"")])
        self.assertEqual(caught.error.index, 0)

    def test_later_one_fails(self):
        channel, closed = self.make(2), self.make()
        closed.close_channel()
        done = gochan.batch([Send(channel, b"a"), Send(closed, b""), Send(channel, b"b")])
        self.assertEqual((len(done), type(done.error)), (1, gochan.Closed))
        done = gochan.batch([Recv(channel), Recv(channel)], 0.01)
        self.assertEqual([result.message for result in done], [b"a"])
        self.assertIsInstance(done.error, TimeoutError)

    def test_wait_for_one(self):
        channel = self.make(8)
        waiting = Thread(gochan.batch, [Recv(channel)] * 4, wait_for_one=True)
        until_waiting(channel, receivers=1)
        channel.send(b"a")
        done = waiting.join()
        self.assertEqual(done[0].message, b"a")
        self.assertIsInstance(done.error, BlockingIOError)

    def test_end(self):
        channel = self.make(2)
        channel.send(b"a")
        channel.close_channel()
        done = gochan.batch([Recv(channel), Recv(channel)])
        self.assertEqual([result.closed for result in done], [False, True])

    def test_empty(self):
        self.assertEqual(gochan.batch([]), [])

    def test_poll(self):
        channel = self.make(1)
        done = gochan.batch([Send(channel, b"a"), Poll(channel)])
        self.assertTrue(done[1].events & poll.POLLIN)

    def test_acknowledges(self):
        channel = self.make(2, ack=True)
        channel.send(b"a")
        channel.send(b"b")
        one, two = channel.recv_lease(), channel.recv_lease()
        gochan.batch([Ack(one), Ack(two, requeue=True)])
        self.assertTrue(one.ended and two.ended)
        self.assertEqual((len(channel), channel.info().leased), (1, 0))
        with self.fails(gochan.LeaseEnded, errno.ESTALE):
            gochan.batch([Ack(one)])


class Files(TestCase):
    def test_passed(self):
        channel = self.make()
        with tempfile.TemporaryFile() as file:
            file.write(b"content")
            file.flush()
            sender = Thread(channel.send, b"take it", fd=file)
            message, fd = channel.recv_fd(5)
            sender.join()
            self.assertNotEqual(fd, file.fileno())
        self.assertEqual(message, b"take it")
        self.assertFalse(os.get_inheritable(fd))
        with open(fd, "rb") as file:
            file.seek(0)
            self.assertEqual(file.read(), b"content")

    def test_channel_over_channel(self):
        channel, reply = self.make(), self.make(1)
        sender = Thread(channel.send, b"", None, fd=reply)
        with Channel(channel.recv_fd()[1]) as received:
            received.send(b"answer")
        sender.join()
        self.assertEqual(reply.recv(), b"answer")

    def test_without_file(self):
        channel = self.make()
        sender = Thread(channel.send, b"one")
        self.assertEqual(channel.recv_fd(), (b"one", None))
        sender.join()

    def test_dropped(self):
        channel = self.make()
        before = descriptors()
        with open("/dev/null", "rb") as file:
            sender = Thread(channel.send, b"one", fd=file)
            self.assertEqual(channel.recv(), b"one")
            sender.join()
        self.assertEqual(descriptors(), before)

    def test_try(self):
        channel = self.make()
        receiver = Thread(channel.recv_fd)
        until_waiting(channel, receivers=1)
        with open("/dev/null", "rb") as file:
            self.assertTrue(channel.try_send(b"one", fd=file.fileno()))
        message, fd = receiver.join()
        os.close(fd)
        self.assertEqual(message, b"one")

    def test_in_select(self):
        channel = self.make()
        with open("/dev/null", "rb") as file:
            sender = Thread(gochan.select, [Send(channel, b"one", fd=file)])
            result = gochan.select([Recv(channel, take_fd=True)])
            sender.join()
        os.close(result.fd)

    def test_errors(self):
        channel = self.make(1)
        with self.fails(gochan.Error, errno.EOPNOTSUPP):
            channel.send(b"", fd=0)
        for bad in "0", 1.0, True:
            with self.subTest(bad), self.fails(TypeError, text="a descriptor, or an object"):
                channel.send(b"", fd=bad)
        with self.fails(ValueError, text="not a descriptor: -1"):
            channel.send(b"", fd=-1)
        with self.fails(gochan.Error, errno.EBADF):
            self.make().send(b"", 0, fd=1000)
        self.make(1).close_channel()

    def test_end(self):
        channel = self.make()
        channel.close_channel()
        with self.fails(gochan.Closed, errno.EPIPE):
            channel.recv_fd()
