// SPDX-License-Identifier: GPL-2.0
/*
 * A plugin for QEMU 7.2 and later: counts which instructions the guest runs
 * between the two marks that run.c sets around what it measures. At the end of
 * the guest it writes a line for each block of code that ran, "ADDRESS COUNT",
 * to the file OUT: -plugin profile.so,out=FILE. It knows no symbols.
 */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "plugin.h"

/* As run.c has them. */
static const unsigned char mark[] = { 0x0f, 0x1f, 0x80, 'G', 'o', 'c' };

enum { MARK_BEGIN = 1, MARK_END = 2 };

/**
 * struct site - an instruction
 * @addr: where it is in the guest
 * @count: how often it ran since the guest began
 * @before: @count when the measured interval began
 * @measured: how often it ran in all measured intervals
 * @next: another one whose address hashes alike
 * @older: the one found before it
 */
struct site {
	uint64_t addr;
	uint64_t count;
	uint64_t before;
	uint64_t measured;
	struct site *next;
	struct site *older;
};

#define BUCKETS	(1 << 18)

int qemu_plugin_version = PLUGIN_VERSION;

static struct site *sites[BUCKETS];
static struct site *newest;
static const char *out;
static bool measuring;

static struct site *site_of(uint64_t addr)
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
	site->older = newest;
	newest = site;
	return site;
}

static void begin(unsigned int cpu, void *arg)
{
	struct site *site;

	(void)cpu;
	(void)arg;
	measuring = true;
	for (site = newest; site; site = site->older)
		site->before = site->count;
}

static void end(unsigned int cpu, void *arg)
{
	struct site *site;

	(void)cpu;
	(void)arg;
	for (site = newest; site && measuring; site = site->older)
		site->measured += site->count - site->before;
	measuring = false;
}

/* The last byte of the mark that an instruction is, or 0. */
static int mark_of(const struct qemu_plugin_insn *insn)
{
	const unsigned char *data = qemu_plugin_insn_data(insn);

	if (qemu_plugin_insn_size(insn) != sizeof(mark) + 1 ||
	    memcmp(data, mark, sizeof(mark)) != 0)
		return 0;
	return data[sizeof(mark)];
}

/* Instructions are counted one by one: a fault may end a block in its middle. */
static void translated(qemu_plugin_id_t id, struct qemu_plugin_tb *tb)
{
	struct qemu_plugin_insn *insn;
	struct site *site;
	size_t i;

	(void)id;
	for (i = 0; i < qemu_plugin_tb_n_insns(tb); i++) {
		insn = qemu_plugin_tb_get_insn(tb, i);
		site = site_of(qemu_plugin_insn_vaddr(insn));
		qemu_plugin_register_vcpu_insn_exec_inline(insn, QEMU_PLUGIN_INLINE_ADD_U64,
							   &site->count, 1);
		if (mark_of(insn) == MARK_BEGIN)
			qemu_plugin_register_vcpu_insn_exec_cb(insn, begin,
							       QEMU_PLUGIN_CB_NO_REGS, NULL);
		if (mark_of(insn) == MARK_END)
			qemu_plugin_register_vcpu_insn_exec_cb(insn, end,
							       QEMU_PLUGIN_CB_NO_REGS, NULL);
	}
}

static void ended(qemu_plugin_id_t id, void *arg)
{
	FILE *file = fopen(out, "w");
	struct site *site;

	(void)id;
	(void)arg;
	if (!file) {
		fprintf(stderr, "profile: %s: %s\n", out, strerror(errno));
		return;
	}
	for (site = newest; site; site = site->older)
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
	qemu_plugin_register_vcpu_tb_trans_cb(id, translated);
	qemu_plugin_register_atexit_cb(id, ended, NULL);
	return 0;
}
