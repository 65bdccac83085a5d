// SPDX-License-Identifier: GPL-2.0

module gochan

go 1.19
