# SPDX-License-Identifier: GPL-2.0
"""Requests that carry their own reply channel.

Each client makes a channel, and passes its sending end along with the request: Go's
channel of channels. The server need not know its clients, and no client can receive the
reply for another. A client that leaves early affects only itself.

Expected: four clients get a reply, and the fifth does not block the server.
"""

import contextlib
from multiprocessing import Process

from gochan import Channel, Closed

CLIENTS, IMPATIENT = 5, 3


def serve(inbox: Channel, requests: Channel) -> None:
    requests.release()
    while True:
        try:
            message, fd = inbox.recv_fd()
        except Closed:
            return
        assert fd is not None
        with Channel(fd) as reply, contextlib.suppress(Closed):
            reply.send(b"%d" % int(message) ** 2)


def ask(requests: Channel, number: int) -> None:
    answers, reply = Channel.pair()
    with answers:
        if number == IMPATIENT:
            answers.release()
        with reply:
            requests.send(b"%d" % number, fd=reply)
        # Now only the server has the sending end: if it dies, the receive sees the end.
        if number != IMPATIENT:
            assert int(answers.recv()) == number**2


inbox, requests = Channel.pair()
server = Process(target=serve, args=(inbox, requests))
server.start()
inbox.release()
clients = [Process(target=ask, args=(requests, number)) for number in range(CLIENTS)]
for client in clients:
    client.start()
requests.release()
for process in [*clients, server]:
    process.join()
    assert process.exitcode == 0
print(f"{CLIENTS - 1} clients were answered, 1 had left")
