#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# Does not exit, and neither does its child.
sleep 1000 &
wait
