# SPDX-License-Identifier: GPL-2.0
"""A periodic task that can be stopped at any time.

The task sends a message every 20 ms. Whenever it blocks, for the time to pass or for a
receiver, it uses a select that also receives from a stop channel. Nothing is ever sent on
that channel; closing it stops all tasks that select on it, however many there are.

Expected: five beats, then it stops.
"""

from multiprocessing import Process

from gochan import Channel, Recv, Send, select

BEATS, PERIOD = 5, 0.02


def beat(beats: Channel, stop: Channel) -> None:
    number = 0
    while True:
        try:
            select([Recv(stop)], timeout=PERIOD)
            return
        except TimeoutError:
            number += 1
        # Ordered: a stop has priority.
        if select([Recv(stop), Send(beats, b"%d" % number)], ordered=True).index == 0:
            return


with Channel.make() as beats, Channel.make() as stop:
    task = Process(target=beat, args=(beats, stop))
    task.start()
    for number in range(1, BEATS + 1):
        got = int(beats.recv())
        print(f"beat {got}")
        assert got == number
    stop.close_channel()
    task.join()
print("stopped")
