#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# The checker of histories accepts and rejects those made by hand as it has to,
# and each for the right reason.
set -eu

cd "$(dirname "$0")/linear"
exec ./linear histories
