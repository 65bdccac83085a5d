#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# Exits with status 0 before all planned tests have run.
echo 'TAP version 13'
echo '1..2'
echo 'ok 1 this one'
