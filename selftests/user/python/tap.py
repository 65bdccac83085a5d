# SPDX-License-Identifier: GPL-2.0
"""Run the tests beside this file, or those named FILE or FILE.TEST, and print TAP."""

import sys
import unittest
from pathlib import Path


def tests_in(suite):
    for item in suite:
        if isinstance(item, unittest.TestSuite):
            yield from tests_in(item)
        else:
            yield item


def name_of(test):
    """test_lease.requeue, of the method test_requeue in test_lease.py."""
    if not hasattr(test, "_testMethodName") or "." in test._testMethodName:
        return str(test)  # a file that cannot be imported
    return f"{type(test).__module__}.{test._testMethodName.removeprefix('test_')}"


class Result(unittest.TestResult):
    """Print a line for each test, after what went wrong in it."""

    number = 0

    def startTest(self, test):
        super().startTest(test)
        self.problems = []

    def addError(self, test, error):
        self.note(test, error)

    def addFailure(self, test, error):
        self.note(test, error)

    def addSubTest(self, test, subtest, error):
        if error:
            self.note(subtest, error)

    def addSkip(self, test, reason):
        self.problems.append(f"skipped: {reason}")

    def note(self, test, error):
        self.problems.append(f"{test}\n{self._exc_info_to_string(error, test)}")

    def stopTest(self, test):
        self.number += 1
        for line in "\n".join(self.problems).splitlines():
            print(f"# {line}")
        self.failed = getattr(self, "failed", False) or bool(self.problems)
        verdict = "not ok" if self.problems else "ok"
        print(f"{verdict} {self.number} {name_of(test)}", flush=True)


def main(wanted):
    found = list(tests_in(unittest.TestLoader().discover(str(Path(__file__).parent))))
    chosen = [
        test for test in found
        if not wanted or {name_of(test), name_of(test).partition(".")[0]} & set(wanted)
    ]
    print(f"TAP version 13\n1..{len(chosen)}", flush=True)
    result = Result()
    unittest.TestSuite(chosen).run(result)
    return 1 if result.failed or not chosen else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
