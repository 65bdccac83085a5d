#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# All tests pass.
echo 'TAP version 13'
echo '1..2'
echo 'ok 1 this one'
echo 'ok 2 that one'
