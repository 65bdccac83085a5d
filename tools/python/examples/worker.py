# SPDX-License-Identifier: GPL-2.0
"""Jobs that survive their worker.

The channel is acknowledged: a worker only leases a job. Some workers are killed at work,
and some raise an exception; another worker then gets the job. Jobs that fail three times
go to the dead-letter channel.

Expected: all jobs are done but the one that always fails.
"""

from __future__ import annotations

import contextlib
import os
import signal
from multiprocessing import Process

from gochan import Channel, Lease

JOBS, WORKERS = 12, 3


class Impossible(Exception):
    pass


def do(lease: Lease, done: Channel) -> None:
    job = int(lease.message)
    if job == 5:
        raise Impossible
    if job % 4 == 2 and lease.deliveries == 1:
        os.kill(os.getpid(), signal.SIGKILL)
    done.send(lease.message)


def work(jobs: Channel, queue: Channel, done: Channel) -> None:
    queue.release()
    for lease in jobs.leases():
        with contextlib.suppress(Impossible), lease:
            do(lease, done)


def start() -> Process:
    worker = Process(target=work, args=(jobs, queue, done))
    worker.start()
    return worker


dead, done = Channel.make(JOBS), Channel.make(JOBS)
jobs, queue = Channel.pair(JOBS, ack=True, max_deliveries=3, dead=dead)
for number in range(JOBS):
    queue.send(b"%d" % number)
queue.close_channel()

workers = [start() for _ in range(WORKERS)]
killed = 0
for worker in workers:
    worker.join()
    if worker.exitcode:
        killed += 1
        workers.append(start())

print(f"{len(done)} of {JOBS} jobs are done, {killed} workers were killed")
print(f"given up: {dead.recv().decode()}")
assert sorted(int(done.recv()) for _ in range(len(done))) == [n for n in range(JOBS) if n != 5]
assert killed == 3
for channel in jobs, queue, done, dead:
    channel.release()
