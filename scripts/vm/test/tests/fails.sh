#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# One of two tests fails.
echo 'TAP version 13'
echo '1..2'
echo 'ok 1 this one'
echo 'not ok 2 that one'
exit 1
