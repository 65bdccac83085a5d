# SPDX-License-Identifier: GPL-2.0
"""A wait group: waiting until all workers have finished their part.

The group is a channel of which each worker holds a sending end. A worker that is done says
so by a message; one that dies or forgets to lets go of its end. So the wait ends in any
case, and tells how many are missing. The processes keep running after they are done, until
the leave channel is closed: being done is not the same as having exited.

Expected: the complete sum, and then one of eight workers missing.
"""

from multiprocessing import Process

from gochan import Channel

WORKERS, PART = 8, 1000


def work(wait: Channel, done: Channel, leave: Channel, part: int, silent: int) -> None:
    wait.release()
    with done:
        if part != silent:
            done.send(b"%d" % sum(range(part * PART + 1, (part + 1) * PART + 1)))
    list(leave)


def run(silent: int) -> list[int]:
    """The sums of all workers but the silent one."""
    wait, done = Channel.pair(WORKERS)
    with Channel.make() as leave:
        workers = [
            Process(target=work, args=(wait, done, leave, part, silent)) for part in range(WORKERS)
        ]
        for worker in workers:
            worker.start()
        done.release()
        with wait:
            sums = [int(message) for message in wait]
        leave.close_channel()
        for worker in workers:
            worker.join()
    return sums


sums = run(silent=-1)
last = WORKERS * PART
print(f"all workers are done: the sum of 1 to {last} is {sum(sums)}")
assert sum(sums) == last * (last + 1) // 2

missing = WORKERS - len(run(silent=WORKERS // 2))
print(f"{missing} of {WORKERS} workers is missing")
assert missing == 1
