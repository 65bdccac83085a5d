# SPDX-License-Identifier: GPL-2.0
# The front door: "make help" lists what it does. What the module is made of
# is in Kbuild.

# The kernel that the module is built for: the running one where its headers
# are installed, else the guest's.
RUNNING_KDIR := $(wildcard /lib/modules/$(shell uname -r)/build)
KDIR ?= $(or $(RUNNING_KDIR),$(GUEST_KDIR))
PREFIX ?= /usr/local
DESTDIR ?=
export PREFIX DESTDIR

# Found out when used, as the headers may have to be installed first.
GUEST_KDIR = $(shell KERNEL=$(KERNEL) scripts/kernels/kernel -b)
KSRC = $(shell KERNEL=$(KERNEL) scripts/kernels/kernel)/source
MODULE_DIR = $(shell scripts/module -p $(KDIR))

all: user
	scripts/module $(KDIR)

user: deps
	$(MAKE) -s --no-print-directory -C tools/lib
	$(MAKE) -s --no-print-directory -C tools/gochan

deps:
	@scripts/deps build $(if $(wildcard $(KDIR)),,headers)

guest-deps:
	@scripts/deps build headers guest $(filter arm64 s390x,$(KERNEL))

guest: guest-deps user
	scripts/module $(GUEST_KDIR)
	scripts/vm/root

demo: guest
	@scripts/demo

shell: guest
	@scripts/shell

selftests: guest
	@scripts/deps tests
	$(MAKE) -s --no-print-directory -C selftests KSRC=$(KSRC)
	$(if $(filter debug coverage,$(KERNEL)),\
		$(MAKE) -s --no-print-directory -C selftests/faults KSRC=$(KSRC))

bench-program: guest
	@scripts/deps bench
	@$(MAKE) -s --no-print-directory -C tools/bench

# Side by side with what else carries messages.
bench: bench-program
	@scripts/bench $(CASE)

# The main figures, against those kept here.
bench-guard: bench-program
	@scripts/bench -g

check: selftests
	@scripts/check $(TEST)

# On kernels that look for faults; see scripts/kernels.
check-debug check-race: check-%:
	@scripts/for-kernel $* $(MAKE) -s --no-print-directory check

# On what Debian has beside the stock kernel, and on other machines.
check-kernels:
	@scripts/check-kernels $(KINDS)

# On the stock kernel, which can do both.
check-preempt: selftests
	@scripts/check-preempt $(TEST)

# Random programs, on the kernel that sees most.
fuzz:
	@$(MAKE) -s --no-print-directory guest KERNEL=debug
	@scripts/deps tests
	@$(MAKE) -s --no-print-directory -C selftests/fuzz
	@KERNEL=debug scripts/fuzz $(or $(MINUTES),5) $(SEED)

# Every state of the protocol by which messages change hands.
model:
	@scripts/model

# What of the module the tests run, line by line.
coverage:
	@$(MAKE) -s --no-print-directory selftests KERNEL=coverage
	@scripts/coverage $(TEST)

# The tests again and again; KERNEL= is the stock kernel.
SOAK_KERNEL = $(if $(filter undefined,$(origin KERNEL)),debug,$(KERNEL))
soak:
	@$(MAKE) -s --no-print-directory selftests KERNEL=$(SOAK_KERNEL)
	@KERNEL=$(SOAK_KERNEL) scripts/soak $(MINUTES)

lint:
	@scripts/deps build headers guest lint
	@scripts/lint

# Debian's kernels come without the key that their modules are signed with.
install: all
	$(if $(or $(filter-out file,$(origin KDIR)),$(RUNNING_KDIR),$(DESTDIR)),,\
		$(error no headers of the running kernel: install them or say KDIR=FOLDER))
	$(MAKE) -s --no-print-directory -C tools/lib install
	$(MAKE) -s --no-print-directory -C tools/gochan install
	scripts/module $(KDIR) modules_install INSTALL_MOD_PATH=$(DESTDIR) \
		$(if $(wildcard $(KDIR)/certs/signing_key.pem),,CONFIG_MODULE_SIG_ALL=)
	$(if $(DESTDIR),,depmod $(notdir $(MODULE_DIR)))

clean:
	rm -rf build

help:
	@echo 'make               the module, the library and the command, into build/'
	@echo 'make demo          watch processes talk over channels, in a guest'
	@echo 'make shell         a prompt in that guest'
	@echo 'make check         the tests, in the guest; TEST=NAME for one program'
	@echo 'make check-debug   the tests, on a kernel that checks memory and locks, and'
	@echo '                   once more where that fails what the module asks of it'
	@echo 'make check-race    the tests, on a kernel that looks for races'
	@echo 'make check-preempt the tests, with full preemption and with none'
	@echo 'make check-kernels the tests, on every kernel and machine, or on KINDS="NAME..."'
	@echo 'make fuzz          random programs; MINUTES=N (5), SEED=N or what a failure names'
	@echo 'make soak          the tests again and again; MINUTES=N (60), SEED=N'
	@echo 'make bench         what messages cost, and what they cost elsewhere, into build/bench;'
	@echo '                   CASE=FAMILY[/PEER[/SIZE[/PARAMETER]]], see scripts/bench'
	@echo 'make bench-guard   the main figures, against those kept in tools/bench/figures'
	@echo 'make coverage      what of the module the tests run, into build/coverage'
	@echo 'make model         checks a model of the protocol in all of its states'
	@echo 'make lint          the static checks'
	@echo 'make install       to PREFIX (/usr/local) and /lib/modules, below DESTDIR'
	@echo 'make clean         removes build/'
	@echo 'KDIR=FOLDER        builds the module for the kernel with that build folder'

# Two at a time would be in each other's way, above all in apt.
.NOTPARALLEL:
.PHONY: all user deps guest-deps guest demo shell selftests check check-debug check-race \
	check-preempt check-kernels fuzz soak coverage model lint bench-program bench bench-guard install clean help
