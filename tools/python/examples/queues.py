# SPDX-License-Identifier: GPL-2.0
"""Producers and consumers on a bounded queue.

The queue is a channel with a capacity of eight jobs: producers block while it is full,
consumers while it is empty. Every process releases the end that it does not use. So after
the last producer has exited, the consumers drain the queue and see its end, without
counting producers and without a final message.

Expected: every job is consumed exactly once.
"""

from multiprocessing import Process

from gochan import Channel

CAPACITY, PRODUCERS, CONSUMERS, JOBS = 8, 3, 4, 200


def produce(jobs: Channel, queue: Channel, first: int) -> None:
    jobs.release()
    with queue:
        for job in range(first, first + JOBS):
            queue.send(b"%d" % job)


def consume(jobs: Channel, queue: Channel, results: Channel) -> None:
    queue.release()
    done = [int(job) for job in jobs]
    results.send(b"%d %d" % (len(done), sum(done)))


jobs, queue = Channel.pair(CAPACITY)
results = Channel.make(CONSUMERS)
processes = [Process(target=produce, args=(jobs, queue, n * JOBS)) for n in range(PRODUCERS)]
processes += [Process(target=consume, args=(jobs, queue, results)) for _ in range(CONSUMERS)]
for process in processes:
    process.start()
jobs.release()
queue.release()

count = total = 0
for _ in range(CONSUMERS):
    more, part = results.recv().split()
    count += int(more)
    total += int(part)
for process in processes:
    process.join()
results.release()

print(f"{PRODUCERS} producers, {CONSUMERS} consumers: {count} jobs, sum {total}")
assert (count, total) == (PRODUCERS * JOBS, sum(range(PRODUCERS * JOBS)))
