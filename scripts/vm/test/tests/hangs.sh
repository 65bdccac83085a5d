#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# Does not end, and neither does what it started.
sleep 1000 &
wait
