#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# Ends as if well before its tests are all done.
echo 'TAP version 13'
echo '1..2'
echo 'ok 1 this one'
