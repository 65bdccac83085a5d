# SPDX-License-Identifier: GPL-2.0
"""The examples: each ends with status 0 and prints what its head says."""

import subprocess
import sys
from pathlib import Path

from common import TestCase

EXAMPLES = Path(__file__).parents[1] / "examples"
EXPECTED = {
    "aio": "the sum is 9900",
    "bank": r"150 transfers, \d+ audits: the sum was always 800\n"
            r"\d+ of \d+ peeking audits were wrong",
    "counter": "with a channel: 100",
    "periodic": "beat 1\nbeat 2\nbeat 3\nbeat 4\nbeat 5\nstopped",
    "queues": "3 producers, 4 consumers: 600 jobs, sum 179700",
    "reply": "4 clients were answered, 1 had left",
    "sieve": "2 3 5 7 11 13 17 19 23 29",
    "waitgroup": "all workers are done: the sum of 1 to 8000 is 32004000\n"
                 "1 of 8 workers is missing",
    "worker": "11 of 12 jobs are done, 3 workers were killed\ngiven up: 5",
}


class Examples(TestCase):
    def run_example(self, name):
        path = EXAMPLES / f"{name}.py"
        done = subprocess.run(
            [sys.executable, "-W", "error", path], capture_output=True, text=True, timeout=100
        )
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertRegex(done.stdout, f"^{EXPECTED[name]}\n$")

    def test_all_are_run(self):
        self.assertEqual(sorted(EXPECTED), sorted(path.stem for path in EXAMPLES.glob("*.py")))


def add(name):
    setattr(Examples, f"test_{name}", lambda self: self.run_example(name))


for name in EXPECTED:
    add(name)
