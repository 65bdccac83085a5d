# SPDX-License-Identifier: GPL-2.0
# The version. scripts/packaging/version compares it with the other places that have it.
VERSION := 0.2.0
