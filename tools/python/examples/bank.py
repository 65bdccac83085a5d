# SPDX-License-Identifier: GPL-2.0
"""Concurrent transfers between bank accounts, and audits of their sum.

An account is a channel with one message, its balance. A process that has received the
balance owns the account, as if it held a lock; others block until the balance is sent
back. A transfer takes two accounts and an audit all of them, each with one batch. Everyone
takes accounts in ascending order, which prevents deadlock. A peeking audit takes none; it
reads one after the other, so that its sum may be wrong.

Expected: all audits find the same sum.
"""

import random
from multiprocessing import Process

from gochan import Channel, Recv, Send, batch

ACCOUNTS, OPENING, TELLERS, TRANSFERS = 8, 100, 3, 50


def take(accounts: list[Channel], peek: bool = False) -> list[int]:
    done = batch([Recv(account, peek) for account in accounts])
    return [int(result.message or b"0") for result in done]


def put(accounts: list[Channel], balances: list[int]) -> None:
    batch([Send(account, b"%d" % balance) for account, balance in zip(accounts, balances)])


def work_as_teller(accounts: list[Channel], alive: Channel, seed: int) -> None:
    choice = random.Random(seed)
    for _ in range(TRANSFERS):
        both = [accounts[i] for i in sorted(choice.sample(range(ACCOUNTS), 2))]
        amount = choice.randint(-50, 50)
        low, high = take(both)
        if low >= amount and high >= -amount:
            low, high = low - amount, high + amount
        put(both, [low, high])


accounts = [Channel.make(1) for _ in range(ACCOUNTS)]
put(accounts, [OPENING] * ACCOUNTS)
# Nothing is ever sent: it ends when no teller is left.
tellers_alive, alive = Channel.pair()
tellers = [Process(target=work_as_teller, args=(accounts, alive, n)) for n in range(TELLERS)]
for teller in tellers:
    teller.start()
alive.release()

audits = wrong_peeks = 0
while True:
    wrong_peeks += sum(take(accounts, peek=True)) != ACCOUNTS * OPENING
    balances = take(accounts)
    put(accounts, balances)
    assert sum(balances) == ACCOUNTS * OPENING
    audits += 1
    try:
        tellers_alive.recv(timeout=0)
    except TimeoutError:
        continue
    except BrokenPipeError:
        break
for teller in tellers:
    teller.join()
    assert teller.exitcode == 0

print(f"{TELLERS * TRANSFERS} transfers, {audits} audits: the sum was always {sum(balances)}")
print(f"{wrong_peeks} of {audits} peeking audits were wrong")
for channel in [*accounts, tellers_alive]:
    channel.release()
