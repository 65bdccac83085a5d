# SPDX-License-Identifier: GPL-2.0
"""Making, naming, duplicating, closing and releasing channels."""

import copy
import errno
import gc
import os
import pathlib
import pickle
import socket
import tempfile
import warnings

import gochan
from common import ALICE, TestCase, as_alice, descriptors, limit
from gochan import Channel


class Make(TestCase):
    def test_default(self):
        info = self.make().info()
        self.assertEqual((info.capacity, info.msg_size, info.length), (0, 4096, 0))
        self.assertFalse(info.fixed or info.hangup or info.cred or info.ack or info.closed)
        self.assertEqual((info.send_handles, info.recv_handles), (1, 1))

    def test_parameters(self):
        dead = self.make(2, msg_size=8, fixed=True)
        channel = self.make(
            3, msg_size=8, fixed=True, cred=True, ack=True, max_deliveries=5, dead=dead
        )
        info = channel.info()
        self.assertEqual((info.capacity, info.msg_size, info.max_deliveries), (3, 8, 5))
        self.assertTrue(info.fixed and info.cred and info.ack and info.deadletter)
        self.assertFalse(info.hangup)
        self.assertNotEqual(info.id, dead.info().id)
        self.assertEqual(dead.info().send_handles, 2)
        self.assertEqual((channel.cap, channel.msg_size, channel.mode), (3, 8, "rw"))

    def test_out_of_range(self):
        for bad in -1, 2**32, 2**64:
            for name in "capacity", "msg_size", "max_deliveries":
                with self.subTest(name), self.fails(ValueError, text=f"{name} is out of range"):
                    Channel.make(**{name: bad})
        for arguments in [
            {"capacity": 2**32 - 1},
            {"msg_size": 2**32 - 1},
            {"msg_size": 0, "fixed": True},
            {"ack": True},
            {"capacity": 1, "max_deliveries": 3},
        ]:
            with self.subTest(arguments), self.fails(gochan.Error, errno.EINVAL):
                Channel.make(**arguments)

    def test_wrong_types(self):
        for bad in "1", 1.0, None, b"1", True:
            for name in "capacity", "msg_size", "max_deliveries":
                with self.subTest(bad), self.fails(TypeError, text=f"{name} is a number, not"):
                    Channel.make(**{name: bad})
        for name in "dead", "done":
            with self.fails(TypeError, text=f"{name} is a Channel or None, not 'int'"):
                Channel.make(1, ack=True, **{name: 3})
        with self.assertRaises(TypeError):
            Channel.make(1, 2)

    def test_dead_refused(self):
        dead = self.make(1, ack=True, dead=self.make(1))
        with self.fails(gochan.Error, errno.ELOOP):
            Channel.make(1, ack=True, dead=dead)
        receiver, _sender = self.pair(1)
        with self.fails(gochan.Error, errno.EBADF):
            Channel.make(1, ack=True, dead=receiver)

    def test_done_refused(self):
        done = self.make(1)
        source = self.make(1, ack=True, done=done)
        self.assertEqual((source.info().done, done.info().done), (done.info().id, 0))
        with self.fails(gochan.Error, errno.ELOOP):
            Channel.make(1, ack=True, done=source)
        with self.fails(gochan.Error, errno.EINVAL):
            Channel.make(1, done=done)
        with self.fails(gochan.Error, errno.EINVAL):
            Channel.make(1, ack=True, done=done, dead=done)
        with self.fails(gochan.Error, errno.EINVAL):
            Channel.make(1, ack=True, done=self.make(msg_size=gochan.Notice.SIZE - 1))
        receiver, _sender = self.pair(1)
        with self.fails(gochan.Error, errno.EBADF):
            Channel.make(1, ack=True, done=receiver)

    def test_limits(self):
        with limit("max_user_channels", 0), as_alice():
            with self.fails(gochan.LimitExceeded, errno.EDQUOT, "a limit of the user"):
                Channel.make()

        def make_as_alice():
            os.setuid(ALICE)
            with self.fails(gochan.LimitExceeded, errno.ENOSPC, "the limit of all users"):
                Channel.make(100)

        with limit("max_bytes", 4096):
            self.ended(self.fork(make_as_alice))

    def test_no_descriptor(self):
        before = descriptors()
        import resource

        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        for more in range(3):
            resource.setrlimit(resource.RLIMIT_NOFILE, (max(before) + 1 + more, hard))
            try:
                with self.assertRaises(OSError) as caught:
                    Channel.pair()
            finally:
                resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
            self.assertEqual(caught.exception.errno, errno.EMFILE)
            self.assertEqual(descriptors().keys(), before.keys())


class Pair(TestCase):
    def test_ends(self):
        receiver, sender = self.pair(2)
        self.assertEqual((receiver.mode, sender.mode), ("r", "w"))
        sender.send(b"one")
        sender.release()
        self.assertEqual(receiver.recv(), b"one")
        with self.fails(gochan.Closed, errno.EPIPE, "drained"):
            receiver.recv()

    def test_no_receivers(self):
        receiver, sender = self.pair(2)
        receiver.release()
        with self.fails(gochan.Closed, errno.EPIPE, "no receivers are left"):
            sender.send(b"one")

    def test_rights(self):
        receiver, sender = self.pair(2)
        for call in [
            lambda: receiver.send(b""), lambda: receiver.try_send(b""), sender.recv,
            sender.try_recv, sender.recv_fd, receiver.close_channel, lambda: next(sender),
        ]:
            with self.fails(gochan.Error, errno.EBADF, "does not have this right"):
                call()

    def test_subclass(self):
        class Mine(Channel):
            pass

        receiver, sender = Mine.pair()
        with receiver, sender, receiver.dup("r") as other:
            self.assertEqual({type(receiver), type(sender), type(other)}, {Mine})


class Names(TestCase):
    def test_create(self):
        with Channel.create("jobs", 3, msg_size=10, permissions=0o640) as channel:
            self.assertEqual(os.stat("/dev/gochans/jobs").st_mode & 0o777, 0o640)
            with Channel.open("jobs") as other:
                self.assertEqual(other.info().id, channel.info().id)
                self.assertEqual((other.cap, other.msg_size, other.mode), (3, 10, "rw"))
        with Channel.open("/dev/gochans/jobs", "w") as sender:
            sender.send(b"one")
        with Channel.open(pathlib.Path("/dev/gochans/jobs"), "r") as receiver:
            self.assertEqual((receiver.mode, receiver.recv()), ("r", b"one"))
        gochan.unlink("jobs")
        with self.fails(FileNotFoundError, errno.ENOENT, "/dev/gochans/jobs"):
            Channel.open("jobs")

    def test_blocks_although_opened(self):
        """What open() does lest it blocks has no effect on what comes later."""
        with Channel.create("jobs") as channel, Channel.open("jobs", "r") as receiver:
            self.assertTrue(os.get_blocking(receiver.fileno()))
            with self.fails(TimeoutError):
                receiver.recv(0.01)
            self.assertEqual(channel.info().recv_blocked, 1)
        gochan.unlink("jobs")

    def test_hangup(self):
        with Channel.create("jobs", 1, hangup=True) as both:
            with Channel.open("jobs", "w") as sender:
                sender.send(b"one")
            self.assertTrue(both.info().hangup)
            with Channel.open("jobs", "r") as receiver:
                both.release()
                self.assertEqual(list(receiver), [b"one"])
        gochan.unlink("jobs")

    def test_create_fails(self):
        before = descriptors()
        with Channel.create("jobs"):
            with self.fails(FileExistsError, errno.EEXIST, "/dev/gochans/jobs"):
                Channel.create("jobs")
        gochan.unlink("jobs")
        with self.fails(FileNotFoundError, errno.ENOENT):
            Channel.create("/dev/gochans/none/jobs")
        with self.fails(FileNotFoundError, errno.ENOENT):
            Channel.create("")
        with self.fails(gochan.Error, errno.EINVAL, "/dev/gochans/jobs"):
            Channel.create("jobs", ack=True)
        with tempfile.TemporaryDirectory() as directory:
            with self.fails(gochan.Error, errno.ENODEV, "not on a gochanfs"):
                Channel.create(f"{directory}/jobs")
        with self.fails(OSError, errno.ENAMETOOLONG):
            Channel.create("x" * 300)
        with self.fails(ValueError, text="permissions are out of range"):
            Channel.create("jobs", permissions=0o1777)
        with limit("max_user_named", 0), as_alice():
            with self.fails(gochan.LimitExceeded, errno.EDQUOT, "/dev/gochans/jobs"):
                Channel.create("jobs")
        for bad in None, 3, b"jobs":
            for call in Channel.create, Channel.open, gochan.unlink:
                with self.subTest(bad), self.assertRaises(TypeError):
                    call(bad)
        self.assertEqual(descriptors(), before)

    def test_open_fails(self):
        before = descriptors()
        for bad in "", "x", "a", "wr", "r+":
            with self.subTest(bad), self.fails(ValueError, text="a mode is 'r'"):
                Channel.open("jobs", bad)
        with self.fails(TypeError, text="a mode is a string, not 'int'"):
            Channel.open("jobs", os.O_RDONLY)
        with self.fails(gochan.Error, errno.ENOTTY, "not a channel: '/dev/null'"):
            Channel.open("/dev/null")
        with tempfile.TemporaryDirectory() as directory:
            os.mkfifo(f"{directory}/fifo")
            with self.fails(gochan.Error, errno.ENOTTY):
                Channel.open(f"{directory}/fifo", "r")
        with Channel.create("jobs"), as_alice():
            with self.fails(PermissionError, errno.EACCES):
                Channel.open("jobs", "r")
        gochan.unlink("jobs")
        with self.fails(FileNotFoundError, errno.ENOENT):
            gochan.unlink("jobs")
        self.assertEqual(descriptors(), before)

    def test_close_refused(self):
        with Channel.create("jobs", permissions=0o666):
            os.chmod("/dev/gochans/jobs", 0o666)
            with as_alice(), Channel.open("jobs") as other:
                with self.fails(PermissionError, errno.EPERM):
                    other.close_channel()
        gochan.unlink("jobs")


class Adopt(TestCase):
    def test_descriptor(self):
        with Channel(os.open("/dev/gochan", os.O_RDWR)) as channel:
            self.assertEqual((channel.cap, channel.msg_size), (0, 4096))

    def test_file(self):
        with open("/dev/gochan", "r+b", buffering=0) as file:
            channel = Channel(file)
            self.assertEqual(channel.detach(), file.fileno())

    def test_not_a_channel(self):
        reading, writing = os.pipe()
        with self.fails(gochan.Error, errno.ENOTTY, "not a channel"):
            Channel(reading)
        os.close(reading)
        os.close(writing)
        with self.fails(gochan.Error, errno.EBADF, f"descriptor {reading} is not open"):
            Channel(reading)
        with socket.socket() as other, self.fails(gochan.Error, errno.ENOTTY):
            Channel(other)
        for bad in -1, 2**31:
            with self.fails(ValueError, text="not a descriptor"):
                Channel(bad)
        for bad in None, "3", True, 3.0:
            with self.subTest(bad), self.fails(TypeError, text="a descriptor, or an object"):
                Channel(bad)

    def test_looks_only(self):
        """One that may neither send nor receive."""
        Channel.create("jobs", 2).release()
        with Channel(os.open("/dev/gochans/jobs", os.O_ACCMODE)) as channel:
            self.assertEqual((channel.mode, channel.cap, len(channel)), ("", 2, 0))
            with self.fails(gochan.Error, errno.EBADF):
                channel.dup("r")
        gochan.unlink("jobs")


class Rights(TestCase):
    def test_dup(self):
        channel = self.make(1)
        for mode in "r", "w", "rw":
            with channel.dup(mode) as other:
                self.assertEqual(other.mode, mode)
                self.assertEqual(other.info().id, channel.info().id)
                self.assertNotEqual(other.fileno(), channel.fileno())
                self.assertFalse(os.get_inheritable(other.fileno()))
        for bad in "", "x", "wr":
            with self.fails(ValueError, text="a mode is"):
                channel.dup(bad)
        with self.fails(TypeError, text="a mode is a string, not 'NoneType'"):
            channel.dup(None)

    def test_not_more(self):
        receiver, sender = self.pair()
        for channel, mode in (receiver, "w"), (receiver, "rw"), (sender, "r"), (sender, "rw"):
            with self.subTest(mode), self.fails(PermissionError, errno.EACCES):
                channel.dup(mode)


class Close(TestCase):
    def test_channel(self):
        channel = self.make(2)
        channel.send(b"one")
        channel.close_channel()
        self.assertTrue(channel.info().closed)
        with self.fails(gochan.Closed, errno.EPIPE):
            channel.send(b"two")
        self.assertEqual(channel.recv(), b"one")
        with self.fails(gochan.Closed, errno.EPIPE):
            channel.recv()
        with self.fails(gochan.Closed, errno.EPIPE):
            channel.try_recv()
        with self.fails(gochan.AlreadyClosed, errno.EALREADY):
            channel.close_channel()

    def test_is_an_os_error(self):
        for kind in (gochan.Closed, gochan.AlreadyClosed, gochan.MessageTooLong,
                     gochan.LimitExceeded, gochan.LeaseEnded):
            self.assertTrue(issubclass(kind, gochan.Error) and issubclass(kind, OSError))
        self.assertTrue(issubclass(gochan.Closed, BrokenPipeError))

    def test_has_two_names(self):
        channel = self.make()
        self.assertFalse(hasattr(channel, "close"))
        with self.fails(AttributeError, text="release() releases this descriptor"):
            channel.close()
        with self.fails(AttributeError, text="has no attribute 'colse'"):
            channel.colse()


class Release(TestCase):
    def test_twice(self):
        channel = Channel.make()
        self.assertFalse(channel.released)
        fd = channel.fileno()
        channel.release()
        channel.release()
        self.assertTrue(channel.released)
        self.assertNotIn(fd, descriptors())
        self.assertIn("released", repr(channel))

    def test_leaves_the_channel_open(self):
        channel = self.make(1)
        with channel.dup("rw") as other:
            pass
        self.assertTrue(other.released)
        self.assertTrue(channel.try_send(b"one"))

    def test_nothing_works_after_it(self):
        channel = self.make(1, ack=True)
        channel.send(b"one")
        lease = channel.recv_lease()
        channel.release()
        other = self.make()
        for call in [
            channel.fileno, channel.detach, channel.close_channel, channel.info, channel.recv,
            channel.try_recv, channel.recv_fd, channel.recv_lease, channel.try_recv_lease,
            lambda: channel.send(b""), lambda: channel.try_send(b""), lambda: len(channel),
            lambda: channel.mode, lambda: channel.dup("r"), lambda: next(channel),
            lambda: next(channel.leases()), channel.__enter__, lease.ack, lease.requeue,
            lambda: gochan.select([gochan.Recv(channel)]),
            lambda: gochan.batch([gochan.Ack(lease)]),
            lambda: other.send(b"", fd=channel),
        ]:
            with self.fails(ValueError, text="was released"):
                call()

    def test_detach(self):
        channel = Channel.make()
        fd = channel.detach()
        self.assertTrue(channel.released)
        os.close(fd)

    def test_forgotten(self):
        before = descriptors()
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            Channel.make()
            gc.collect()
        self.assertEqual([warning.category for warning in caught], [ResourceWarning])
        self.assertIn("never released", str(caught[0].message))
        self.assertEqual(descriptors(), before)

    def test_not_copied(self):
        channel = self.make()
        for call in copy.copy, copy.deepcopy, pickle.dumps:
            with self.assertRaises(RuntimeError):
                call(channel)


class Look(TestCase):
    def test_len_and_truth(self):
        channel = self.make(3)
        self.assertTrue(channel)
        for length in range(3):
            self.assertEqual(len(channel), length)
            channel.send(b"12345")
        info = channel.info()
        self.assertEqual((info.length, info.bytes, info.sent, info.received), (3, 15, 3, 0))
        self.assertTrue(channel)

    def test_repr(self):
        channel = self.make(3)
        self.assertEqual(
            repr(channel), f"<gochan.Channel fd={channel.fileno()} cap=3 msg_size=4096>"
        )

    def test_documented(self):
        """Everything public has a docstring."""
        for name in gochan.__all__:
            thing = getattr(gochan, name)
            self.assertTrue(thing.__doc__, name)
            for member, value in vars(thing).items() if isinstance(thing, type) else ():
                if not member.startswith("_") and (callable(value) or isinstance(value, property)):
                    self.assertTrue(value.__doc__, f"{name}.{member}")

    def test_is_typed(self):
        self.assertTrue(pathlib.Path(gochan.__file__).with_name("py.typed").exists())

    def test_without_device(self):
        """In a place without /dev/gochan."""
        def look():
            os.chroot("/tmp")
            with self.fails(FileNotFoundError, errno.ENOENT, "/dev/gochan") as caught:
                Channel.make()
            self.assertIn("not loaded", caught.error.__notes__[0])
            with self.fails(FileNotFoundError, errno.ENOENT):
                gochan.select([])

        self.ended(self.fork(look))
