#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# Test the linearizability checker: it accepts and rejects hand-written histories
# correctly, and rejects them for the right reason.
set -eu

cd "$(dirname "$0")/linear"
exec ./linear histories
