# SPDX-License-Identifier: GPL-2.0
"""A counter incremented by 100 workers.

The counter is a message in a channel of capacity 1: the worker that has received it owns
it exclusively until it sends it back. A channel that is closed starts all workers at once.

Expected: 100.
"""

from multiprocessing import Process

from gochan import Channel

WORKERS = 100


def work(start: Channel, counter: Channel) -> None:
    list(start)  # nothing is ever sent: all block here until it is closed
    count = int(counter.recv())
    counter.send(b"%d" % (count + 1))


with Channel.make() as start, Channel.make(1) as counter:
    counter.send(b"0")
    workers = [Process(target=work, args=(start, counter)) for _ in range(WORKERS)]
    for worker in workers:
        worker.start()
    start.close_channel()
    for worker in workers:
        worker.join()
    count = int(counter.recv())

print(f"with a channel: {count}")
assert count == WORKERS
