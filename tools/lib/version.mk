# SPDX-License-Identifier: GPL-2.0
# Version of the library and of the gochan command.
VERSION := 0.1.0
