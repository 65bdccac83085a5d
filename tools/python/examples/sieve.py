# SPDX-License-Identifier: GPL-2.0
"""A prime sieve built from a chain of processes.

    2, 3, 4, 5, ... -> filter 2 -> filter 3 -> filter 5 -> ... -> main

The first process generates all numbers. Each filter forwards those that are not divisible
by its prime. A number that reaches the end of the chain is the next prime, and main adds a
filter for it. When main has enough, it releases its end. The last filter's send then fails
with Closed, and it exits, which releases the end of the filter before it, and so on.

Expected: the first ten primes.
"""

from __future__ import annotations

import itertools
from multiprocessing import Process

from gochan import Channel, Closed

PRIMES = 10


def run(source: Channel | None, end: Channel, out: Channel, prime: int) -> None:
    end.release()
    numbers = map(int, source) if source else itertools.count(2)
    try:
        for number in numbers:
            if source is None or number % prime:
                out.send(b"%d" % number)
    except Closed:
        pass


def add_process(source: Channel | None, prime: int = 0) -> Channel:
    """Append a process to the chain: a filter, or first the generator. Its other end."""
    end, out = Channel.pair()
    process = Process(target=run, args=(source, end, out, prime))
    process.start()
    processes.append(process)
    # Only the new process may keep these, else its exit is not seen.
    out.release()
    if source:
        source.release()
    return end


processes: list[Process] = []
end = add_process(None)
primes = []
for _ in range(PRIMES):
    primes.append(int(end.recv()))
    end = add_process(end, primes[-1])
end.release()
for process in processes:
    process.join()

print(*primes)
assert primes == [2, 3, 5, 7, 11, 13, 17, 19, 23, 29]
