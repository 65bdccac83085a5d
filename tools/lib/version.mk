# SPDX-License-Identifier: GPL-2.0
# The version of the library and the command.
VERSION := 0.1.0
