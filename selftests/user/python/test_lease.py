# SPDX-License-Identifier: GPL-2.0
"""Leases: acknowledged, returned, and those of processes that die."""

import errno
import os
import signal

import gochan
from common import TestCase, Thread, until, until_waiting
from gochan import Channel, Notice, Recv, Send


class Leases(TestCase):
    def setUp(self):
        self.channel = self.make(4, ack=True)
        for message in b"one", b"two":
            self.channel.send(message)

    def inside(self):
        info = self.channel.info()
        return info.length, info.leased

    def test_ack(self):
        lease = self.channel.recv_lease()
        self.assertEqual((lease.message, lease.seq, lease.deliveries), (b"one", 1, 1))
        self.assertEqual(self.inside(), (1, 1))
        self.assertFalse(lease.ended)
        lease.ack()
        self.assertTrue(lease.ended)
        self.assertEqual(self.inside(), (1, 0))

    def test_requeue(self):
        lease = self.channel.recv_lease(5)
        lease.requeue()
        self.assertTrue(lease.ended)
        again = self.channel.try_recv_lease()
        self.assertEqual((again.message, again.seq, again.deliveries), (b"one", 1, 2))
        again.ack()

    def test_notices(self):
        done = self.make(4, msg_size=Notice.SIZE, fixed=True)
        channel = self.make(4, ack=True, done=done, max_deliveries=1)
        ops = [Send(channel, b"one"), Send(channel, b"two")]
        self.assertEqual([result.seq for result in gochan.batch(ops)], [1, 2])
        self.assertIsNone(gochan.select([Send(self.channel, b"three")]).seq)
        channel.recv_lease().requeue()
        channel.recv_lease().ack()
        source = channel.info().id
        self.assertEqual(Notice.parse(done.recv()), Notice(source, 1, 1, True))
        self.assertEqual(Notice.parse(done.recv()), Notice(source, 2, 1, False))
        with self.fails(ValueError, text="a notice has 24 bytes, not 3"):
            Notice.parse(b"one")

    def test_ends_once(self):
        lease = self.channel.recv_lease()
        lease.ack()
        for call in lease.ack, lease.requeue:
            with self.fails(gochan.LeaseEnded, errno.ESTALE):
                call()

    def test_block(self):
        with self.channel.recv_lease() as lease:
            self.assertEqual(lease.message, b"one")
            self.assertEqual(self.inside(), (1, 1))
        self.assertTrue(lease.ended)
        self.assertEqual(self.inside(), (1, 0))

    def test_block_raises(self):
        for kind in ValueError, KeyboardInterrupt, SystemExit:
            with self.assertRaises(kind), self.channel.recv_lease() as lease:
                raise kind
            self.assertTrue(lease.ended)
        self.assertEqual(self.inside(), (2, 0))
        self.assertEqual(self.channel.recv_lease().deliveries, 4)

    def test_block_ends_it_itself(self):
        with self.channel.recv_lease() as lease:
            lease.requeue()
        self.assertEqual(self.inside(), (2, 0))
        with self.assertRaises(KeyError), self.channel.recv_lease() as lease:
            lease.ack()
            raise KeyError
        self.assertEqual(self.inside(), (1, 0))

    def test_block_of_ended_lease(self):
        """The end of a lease that is lost is reported, unless something else is."""
        with self.fails(gochan.LeaseEnded), self.channel.recv_lease() as lease:
            self.channel._ioctl(gochan._abi.IOC_ACK, gochan._abi.Ack(lease=lease._number))
        with self.assertRaises(KeyError), self.channel.recv_lease() as lease:
            self.channel._ioctl(gochan._abi.IOC_ACK, gochan._abi.Ack(lease=lease._number))
            raise KeyError

    def test_block_releases_channel(self):
        other = self.channel.dup("r")
        with self.assertRaises(KeyError), other.recv_lease():
            other.release()
            raise KeyError
        self.assertEqual(self.inside(), (2, 0))

    def test_iteration(self):
        self.channel.close_channel()
        messages = []
        for lease in self.channel.leases():
            with lease:
                messages.append(lease.message)
        self.assertEqual(messages, [b"one", b"two"])

    def test_recv_acknowledges(self):
        self.assertEqual(self.channel.recv(), b"one")
        self.assertEqual(gochan.select([Recv(self.channel)]).message, b"two")
        self.assertEqual(self.inside(), (0, 0))

    def test_select(self):
        result = gochan.select([Recv(self.channel, lease=True)])
        self.assertEqual((result.message, result.lease.message), (b"one", b"one"))
        result.lease.requeue()

    def test_peek(self):
        result = gochan.select([Recv(self.channel, peek=True)])
        self.assertEqual((result.message, result.lease), (b"one", None))
        self.assertEqual(self.inside(), (2, 0))

    def test_try(self):
        leases = [self.channel.try_recv_lease(), self.channel.try_recv_lease()]
        self.assertIsNone(self.channel.try_recv_lease())
        with self.fails(TimeoutError, errno.ETIMEDOUT):
            self.channel.recv_lease(0.01)
        for lease in leases:
            lease.ack()
        self.channel.close_channel()
        with self.fails(gochan.Closed, errno.EPIPE):
            self.channel.try_recv_lease()

    def test_plain_channel(self):
        plain = self.make(1)
        plain.send(b"one")
        for call in plain.recv_lease, plain.try_recv_lease, lambda: next(plain.leases()):
            with self.fails(gochan.Error, errno.EINVAL, "only messages of a channel with ack"):
                call()
        self.assertEqual(plain.recv(), b"one")

    def test_end_waits_for_it(self):
        lease = self.channel.recv_lease()
        self.assertEqual(self.channel.recv(), b"two")
        self.channel.close_channel()
        waiting = Thread(self.channel.recv)
        until_waiting(self.channel, receivers=1)
        lease.requeue()
        self.assertEqual(waiting.join(), b"one")

    def test_release_returns_it(self):
        other = self.channel.dup("r")
        other.recv_lease()
        self.assertEqual(self.inside(), (1, 1))
        other.release()
        self.assertEqual(self.inside(), (2, 0))

    def test_repr(self):
        lease = self.channel.recv_lease()
        self.assertEqual(repr(lease), "<gochan.Lease of message 1, delivery 1>")
        lease.ack()
        self.assertEqual(repr(lease), "<gochan.Lease of message 1, delivery 1, ended>")


class Workers(TestCase):
    def test_killed(self):
        channel, told = self.make(1, ack=True), self.make()
        channel.send(b"job")

        def work():
            with channel.recv_lease():
                told.send(b"at work")
                told.recv()

        worker = self.fork(work)
        self.assertEqual(told.recv(), b"at work")
        self.assertEqual(channel.info().leased, 1)
        os.kill(worker, signal.SIGKILL)
        self.ended(worker, -signal.SIGKILL)
        with channel.recv_lease(60) as lease:
            self.assertEqual((lease.message, lease.deliveries), (b"job", 2))

    def test_exits_without(self):
        channel = self.make(1, ack=True)
        channel.send(b"job")
        self.ended(self.fork(channel.recv_lease))
        self.assertEqual(channel.recv_lease(60).deliveries, 2)

    def test_raises(self):
        channel, told = self.make(1, ack=True), self.make(1)
        channel.send(b"job")

        def work():
            try:
                with channel.recv_lease():
                    raise ValueError
            except ValueError:
                told.send(b"raised")

        worker = self.fork(work)
        self.assertEqual(told.recv(60), b"raised")
        self.assertEqual(channel.recv_lease(60).deliveries, 2)
        self.ended(worker)

    def test_lease_of_parent(self):
        channel = self.make(1, ack=True)
        channel.send(b"job")
        lease = channel.recv_lease()

        def work():
            for call in lease.ack, lease.requeue:
                with self.fails(gochan.LeaseEnded, errno.ESTALE, "another process"):
                    call()

        self.ended(self.fork(work))
        lease.ack()

    def test_given_up(self):
        dead = self.make(1)
        channel = self.make(1, ack=True, max_deliveries=2, dead=dead)
        channel.send(b"job")
        for _ in range(2):
            with self.assertRaises(KeyError), channel.recv_lease():
                raise KeyError
        self.assertEqual(dead.recv(60), b"job")
        until(lambda: len(channel) == 0)

    def test_dropped(self):
        channel = self.make(1, ack=True, max_deliveries=1)
        channel.send(b"job")
        channel.recv_lease().requeue()
        self.assertEqual(channel.info().dropped, 1)

    def test_named(self):
        with Channel.create("jobs", 2, ack=True) as channel:
            channel.send(b"job")
            self.assertTrue(channel.info().ack)
            with Channel.open("jobs", "r") as receiver, receiver.recv_lease() as lease:
                self.assertEqual(lease.message, b"job")
        gochan.unlink("jobs")
