#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# Run the tests of the Python package and its examples, which are in the directory python
# beside this script. Arguments choose tests: FILE or FILE.TEST, such as test_lease.requeue.
set -eu

cd "$(dirname "$0")/python"
export PYTHONPATH="$PWD" PYTHONDONTWRITEBYTECODE=1
exec python3 -W error tests/tap.py "$@"
