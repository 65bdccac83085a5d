// SPDX-License-Identifier: GPL-2.0
/*
 * Profiling plugin for QEMU 7.2 and later: counts how often the guest executes
 * each instruction between the markers that run.c sets around the measured
 * interval. When QEMU exits, it writes a line "ADDRESS COUNT" per instruction
 * executed to FILE: -plugin profile.so,out=FILE. It does not resolve symbols.
 */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "plugin.h"

/* The markers of run.c, without their last byte. */
static const unsigned char mark[] = { 0x0f, 0x1f, 0x80, 'G', 'o', 'c' };

enum { MARK_BEGIN = 1, MARK_END = 2 };

/**
 * struct site - an instruction
 * @addr: its virtual address in the guest
 * @count: number of executions since the guest was started
 * @before: @count at the start of the measured interval
 * @measured: number of executions in all measured intervals
 * @next: next site in the hash bucket
 * @list: next site in all_sites
 */
struct site {
	uint64_t addr;
	uint64_t count;
	uint64_t before;
	uint64_t measured;
	struct site *next;
	struct site *list;
};

#define BUCKETS	(1 << 18)

int qemu_plugin_version = PLUGIN_VERSION;

static struct site *sites[BUCKETS];
static struct site *all_sites;
static const char *out;
static bool measuring;

static struct site *find_site(uint64_t addr)
{
	struct site **bucket = &sites[(addr ^ addr >> 18) % BUCKETS];
	struct site *site;

	for (site = *bucket; site; site = site->next)
		if (site->addr == addr)
			return site;
	site = calloc(1, sizeof(*site));
	if (!site)
		abort();
	site->addr = addr;
	site->next = *bucket;
	*bucket = site;
	site->list = all_sites;
	all_sites = site;
	return site;
}

static void begin(unsigned int cpu, void *arg)
{
	struct site *site;

	(void)cpu;
	(void)arg;
	measuring = true;
	for (site = all_sites; site; site = site->list)
		site->before = site->count;
}

static void end(unsigned int cpu, void *arg)
{
	struct site *site;

	(void)cpu;
	(void)arg;
	for (site = all_sites; site && measuring; site = site->list)
		site->measured += site->count - site->before;
	measuring = false;
}

/* The last byte of a marker, or 0 for any other instruction. */
static int insn_mark(const struct qemu_plugin_insn *insn)
{
	const unsigned char *data = qemu_plugin_insn_data(insn);

	if (qemu_plugin_insn_size(insn) != sizeof(mark) + 1 ||
	    memcmp(data, mark, sizeof(mark)) != 0)
		return 0;
	return data[sizeof(mark)];
}

/* Count each instruction, not blocks, because a fault can leave a block early. */
static void instrument_tb(qemu_plugin_id_t id, struct qemu_plugin_tb *tb)
{
	struct qemu_plugin_insn *insn;
	struct site *site;
	size_t i;

	(void)id;
	for (i = 0; i < qemu_plugin_tb_n_insns(tb); i++) {
		insn = qemu_plugin_tb_get_insn(tb, i);
		site = find_site(qemu_plugin_insn_vaddr(insn));
		qemu_plugin_register_vcpu_insn_exec_inline(insn, QEMU_PLUGIN_INLINE_ADD_U64,
							   &site->count, 1);
		if (insn_mark(insn) == MARK_BEGIN)
			qemu_plugin_register_vcpu_insn_exec_cb(insn, begin,
							       QEMU_PLUGIN_CB_NO_REGS, NULL);
		if (insn_mark(insn) == MARK_END)
			qemu_plugin_register_vcpu_insn_exec_cb(insn, end,
							       QEMU_PLUGIN_CB_NO_REGS, NULL);
	}
}

static void write_profile(qemu_plugin_id_t id, void *arg)
{
	FILE *file = fopen(out, "w");
	struct site *site;

	(void)id;
	(void)arg;
	if (!file) {
		fprintf(stderr, "profile: %s: %s\n", out, strerror(errno));
		return;
	}
	for (site = all_sites; site; site = site->list)
		if (site->measured)
			fprintf(file, "%016llx %llu\n", (unsigned long long)site->addr,
				(unsigned long long)site->measured);
	fclose(file);
}

int qemu_plugin_install(qemu_plugin_id_t id, const void *info, int argc, char **argv)
{
	(void)info;
	if (argc != 1 || strncmp(argv[0], "out=", 4) != 0) {
		fputs("profile: out=FILE is missing\n", stderr);
		return -1;
	}
	out = strdup(argv[0] + 4);
	qemu_plugin_register_vcpu_tb_trans_cb(id, instrument_tb);
	qemu_plugin_register_atexit_cb(id, write_profile, NULL);
	return 0;
}
