# SPDX-License-Identifier: GPL-2.0
# The top-level makefile: "make help" lists its targets. Kbuild describes the module.

# The kernel to build the module for: the running one if its headers are
# installed, otherwise the guest's.
RUNNING_KDIR := $(wildcard /lib/modules/$(shell uname -r)/build)
KDIR ?= $(or $(RUNNING_KDIR),$(shell KERNEL= scripts/kernels/kernel -b 2>/dev/null))
PREFIX ?= /usr/local
DESTDIR ?=
export PREFIX DESTDIR

# Expanded when used, since the headers may have to be installed first.
GUEST_KDIR = $(shell KERNEL=$(KERNEL) scripts/kernels/kernel -b)
KSRC = $(shell KERNEL=$(KERNEL) scripts/kernels/kernel)/source
MODULE_DIR = $(shell scripts/module -p $(KDIR))

all: prerequisites user
	scripts/module $(KDIR)

# Fail before anything is built if the compiler or the kernel's headers are missing.
prerequisites:
	@scripts/prerequisites -k "$(KDIR)"

user:
	@scripts/prerequisites
	$(MAKE) -s --no-print-directory -C tools/lib
	$(MAKE) -s --no-print-directory -C tools/gochan

# gochan bridge, which alone needs the libraries of NATS and of systemd.
bridge:
	@scripts/prerequisites -b
	$(MAKE) -s --no-print-directory -C tools/lib
	$(MAKE) -s --no-print-directory -C tools/bridge

guest-deps:
	@scripts/deps build headers guest $(filter arm64 s390x,$(KERNEL))

guest: guest-deps user
	$(MAKE) -s --no-print-directory -C tools/gochan static
	scripts/module $(GUEST_KDIR)
	scripts/vm/root

demo: guest
	@scripts/demo

shell: guest
	@scripts/shell

selftests: guest
	@scripts/deps tests go
	$(MAKE) -s --no-print-directory -C selftests KSRC=$(KSRC)
	$(if $(filter debug coverage,$(KERNEL)),\
		$(MAKE) -s --no-print-directory -C selftests/faults KSRC=$(KSRC))

bench-program: guest
	@scripts/deps bench
	@$(MAKE) -s --no-print-directory -C tools/bench

# Compare gochan with other IPC mechanisms.
bench: bench-program
	@scripts/bench $(CASE)

bench-jobs-program: guest
	@scripts/deps bench jobs
	@$(MAKE) -s --no-print-directory -C tools/bench jobs

# Compare worker pools with those of Redis and NATS JetStream.
bench-jobs: bench-jobs-program
	@scripts/bench -j $(CASE)

# Compare a bridged queue with a plain client of NATS.
bench-bridge: bridge-selftests
	@$(MAKE) -s --no-print-directory -C tools/bench bridge
	@scripts/bench-bridge

# Detect regressions against tools/bench/figures.
bench-guard: bench-program
	@scripts/bench -g

# Measure all points and update the figures that are kept in the tree.
bench-renew: bench-program bench-jobs-program
	@scripts/bench -u

check: selftests
	@scripts/check $(TEST)

bridge-selftests: guest
	@scripts/deps bridge
	@$(MAKE) -s --no-print-directory -C tools/bridge
	@$(MAKE) -s --no-print-directory -C selftests/bridge KSRC=$(KSRC)

# The bridge to NATS, on several machines.
check-bridge: bridge-selftests
	@scripts/check-bridge $(TEST)

# Three machines, a killed worker and a killed server.
demo-bridge: bridge-selftests
	@scripts/demo-bridge

# On the debugging kernels, see scripts/kernels/configs.
check-debug check-race: check-%:
	@scripts/for-kernel $* $(MAKE) -s --no-print-directory check

# On Debian's other kernels, and on other architectures.
check-kernels:
	@scripts/check-kernels $(KINDS)

# With full and with no preemption; the stock kernel supports both.
check-preempt: selftests
	@scripts/check-preempt $(TEST)

# Random programs, on the kernel with KASAN and lockdep.
fuzz:
	@$(MAKE) -s --no-print-directory guest KERNEL=debug
	@scripts/deps tests
	@$(MAKE) -s --no-print-directory -C selftests/fuzz
	@KERNEL=debug scripts/fuzz $(or $(MINUTES),5) $(SEED)

# Verify all states of a model of the protocol.
model:
	@scripts/model

# Line and branch coverage of the module.
coverage:
	@$(MAKE) -s --no-print-directory selftests KERNEL=coverage
	@scripts/coverage $(TEST)

# Run the tests repeatedly, by default on the debug kernel; "KERNEL=" selects the
# stock kernel.
SOAK_KERNEL = $(if $(filter undefined,$(origin KERNEL)),debug,$(KERNEL))
soak:
	@$(MAKE) -s --no-print-directory selftests KERNEL=$(SOAK_KERNEL)
	@KERNEL=$(SOAK_KERNEL) scripts/soak $(MINUTES)

lint:
	@scripts/deps build headers guest go bridge lint
	@scripts/lint

# Modules cannot be signed for Debian's kernels, whose signing key is not public. The
# directory is named, since kernels differ in their choice.
MODULES_INSTALL = scripts/module $(KDIR) modules_install INSTALL_MOD_PATH=$(DESTDIR) \
	INSTALL_MOD_DIR=updates INSTALL_MOD_STRIP=1 \
	$(if $(wildcard $(KDIR)/certs/signing_key.pem),,CONFIG_MODULE_SIG_ALL=)

install: all
	$(if $(or $(filter-out file,$(origin KDIR)),$(RUNNING_KDIR),$(DESTDIR)),,\
		$(error the headers of the running kernel are missing: install them or set KDIR))
	$(MAKE) -s --no-print-directory install-user
	$(MODULES_INSTALL)
	$(if $(DESTDIR),,depmod $(notdir $(MODULE_DIR)))

# The library, the command and the manuals alone.
install-user: user
	$(MAKE) -s --no-print-directory -C tools/lib install
	$(MAKE) -s --no-print-directory -C tools/gochan install

install-bridge: bridge
	$(MAKE) -s --no-print-directory -C tools/bridge install

# Needs no kernel's headers. The module is removed from all kernels.
uninstall:
	$(MAKE) -s --no-print-directory -C tools/bridge uninstall
	$(MAKE) -s --no-print-directory -C tools/gochan uninstall
	$(MAKE) -s --no-print-directory -C tools/lib uninstall
	@scripts/uninstall-module

# The release tarball; the packages that are made of it, from the last commit.
dist:
	@scripts/packaging/dist

deb:
	@scripts/deps build bridge deb
	@scripts/packaging/deb

rpm:
	@scripts/deps build rpm
	@scripts/packaging/rpm

# "make install" and the Debian packages in a chroot, or, with TEST=machine, with systemd.
check-install:
	@scripts/check-install $(TEST)

clean:
	rm -rf build

help:
	@echo 'For users:'
	@echo '  make                 build the module, the library and the command in build/'
	@echo '  make demo            show processes communicating over channels, in a virtual'
	@echo '                       machine (the guest)'
	@echo '  make shell           start an interactive shell in the guest'
	@echo '  make check           run the tests in the guest; TEST=NAME runs a single program'
	@echo '  make bench           compare gochan with other IPC mechanisms; the report is'
	@echo '                       written to build/bench. CASE=FAMILY[/PEER[/SIZE[/PARAMETER]]]'
	@echo '                       selects points, see scripts/bench'
	@echo '  make install         install to PREFIX (/usr/local) and /lib/modules; DESTDIR is'
	@echo '                       prepended to all paths, LIBDIR is the directory for libraries'
	@echo '  make install-user    install all but the module'
	@echo '  make bridge          build gochan bridge, which joins channels of several machines;'
	@echo '                       it needs libnats and libsystemd'
	@echo '  make install-bridge  install it, with its unit for systemd'
	@echo '  make uninstall       remove what "make install" installed; needs the same variables'
	@echo '  make dist            make the release tarball build/gochan-VERSION.tar.xz'
	@echo '  make deb             build Debian packages in build/deb'
	@echo '  make rpm             build RPM packages in build/rpm'
	@echo '  make clean           remove build/'
	@echo '  make help            show this text'
	@echo
	@echo 'For developers:'
	@echo '  make check-debug     run the tests with KASAN, UBSAN, lockdep and kmemleak, and'
	@echo '                       then with fault injection'
	@echo '  make check-race      run the tests with KCSAN, the race detector'
	@echo '  make check-preempt   run the tests with full preemption and with none'
	@echo '  make check-kernels   run the tests on other kernels and architectures;'
	@echo '                       KINDS="NAME..." selects some'
	@echo '  make check-install   test the installation and the Debian packages in a chroot;'
	@echo '                       TEST=machine: on a machine with systemd and two kernels'
	@echo '  make demo-bridge     show a queue over three machines, with a killed worker and server'
	@echo '  make check-bridge    test the bridge to NATS, with network namespaces as machines;'
	@echo '                       TEST=short runs some of the tests'
	@echo '  make lint            run the static checks'
	@echo '  make coverage        measure which lines and branches of the module the tests run;'
	@echo '                       the report is written to build/coverage'
	@echo '  make fuzz            run random programs; MINUTES=N (5), SEED=N, or the SEED that a'
	@echo '                       failed run printed, to replay it'
	@echo '  make model           verify all states of a model of the protocol'
	@echo '  make soak            run the tests repeatedly; MINUTES=N (60), SEED=N'
	@echo '  make bench-jobs      compare worker pools with those of Redis and NATS JetStream'
	@echo '  make bench-bridge    compare a bridged queue with a plain client of NATS JetStream'
	@echo '  make bench-guard     fail if gochan became slower than tools/bench/figures'
	@echo '  make bench-renew     measure all points and update the figures in the tree'
	@echo
	@echo 'Variables:'
	@echo '  KDIR=DIRECTORY       build the module for the kernel with this build directory'
	@echo '  KERNEL=KIND          use another kernel in the guest: debug, race, coverage, rt,'
	@echo '                       6.12 or newest'

# Targets run concurrently would interfere with each other, particularly in apt.
.NOTPARALLEL:
.PHONY: all prerequisites user guest-deps guest demo shell selftests check check-debug check-race \
	check-preempt check-kernels bridge-selftests check-bridge demo-bridge fuzz soak coverage model \
	lint bench-program bench bench-jobs-program bench-jobs bench-bridge \
	bench-guard bench-renew install install-user bridge install-bridge uninstall check-install \
	dist deb rpm clean help
