// SPDX-License-Identifier: GPL-2.0
/*
 * Credentials of NATS, which the tool nsc makes otherwise: an operator has signed the account
 * of a user, who has signed the user's JWT.
 *
 *   creds server
 *	print what the configuration of a server needs to accept the user
 *   creds user
 *	print the user's credentials, for a file of "gochan bridge --creds"
 *
 * The keys are for these tests only.
 */
#include <err.h>
#include <nats/nats.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/**
 * struct identity - a pair of keys, as nkeys(1) writes them
 * @name: for humans
 * @seed: the private key
 * @key: the public one
 */
struct identity {
	const char *name;
	const char *seed;
	const char *key;
};

/* The seed is written as that of a user, as libnats signs for no operators. */
static const struct identity operator = {
	.name = "operator",
	.seed = "SUABYVJAFNFQQGS4QK3SDOKRIHCCJ7GWD6SGAT7L35DJZE6OG2YIBRFCDY",
	.key = "OBLHY6Z5ASIMH55QMJA2B262D5EN6PZB5MT63MSCVXXCT7EGKOCC3D7W",
};

static const struct identity system_account = {
	.name = "system",
	.seed = "SAAPV4CFJRLNX7XDMZAHBO2V247IS2T6TROFE7R3CYKI6JK46H5CDWK3AA",
	.key = "ADBKETT2JCFS4MNHOGCL3RTADVIPQBLF2NT7DEV3TD2T4BAVNOYNUB3X",
};

static const struct identity account = {
	.name = "account",
	.seed = "SAAGUP2FOWRV4XWIUBZ245KNF3XYVP37KMVEN6FAO7BW5O36O6HJNI3VFQ",
	.key = "ABNY5TLDL4L2NMO22HPW463BLIM3IHJS2QSD4ROSX4PQZKDPBE5H7IGF",
};

static const struct identity user = {
	.name = "user",
	.seed = "SUAM4QJ2BZTNRIRI62JJNPAT6742RKOXZGEQMBXCPART74PTM3IP56S4HY",
	.key = "UA3BYUL5KFKRTZWFSTQOTJRQN3RUSE4BVLEZ3GV4FFYTKY7TT3QRE7KI",
};

#define LIMITS \
	"\"subs\":-1,\"data\":-1,\"payload\":-1,\"imports\":-1,\"exports\":-1,\"wildcards\":true," \
	"\"conn\":-1,\"leaf\":-1"
#define JETSTREAM \
	"\"mem_storage\":-1,\"disk_storage\":-1,\"streams\":-1,\"consumer\":-1"

/* Base64 for URLs, without padding. */
static void print_base64(FILE *file, const void *data, size_t len)
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
	const unsigned char *bytes = data;
	unsigned int bits = 0, n = 0;

	while (len--) {
		bits = bits << 8 | *bytes++;
		for (n += 8; n >= 6; n -= 6)
			fputc(digits[bits >> (n - 6) & 63], file);
	}
	if (n)
		fputc(digits[bits << (6 - n) & 63], file);
}

static FILE *open_text(char **text)
{
	static size_t size;
	FILE *file = open_memstream(text, &size);

	if (!file)
		err(1, "memory");
	return file;
}

static char *claims(const struct identity *issuer, const struct identity *subject,
		    const char *rights)
{
	char *text;
	FILE *file = open_text(&text);

	fprintf(file, "{\"jti\":\"%s\",\"iat\":1,\"iss\":\"%s\",\"name\":\"%s\",\"sub\":\"%s\",",
		subject->name, issuer->key, subject->name, subject->key);
	fprintf(file, "\"nats\":{%s\"type\":\"%s\",\"version\":2}}", rights,
		subject == &system_account ? "account" : subject->name);
	fclose(file);
	return text;
}

/* Print a JWT in which @issuer says what @subject is. */
static void print_jwt(const struct identity *issuer, const struct identity *subject,
		      const char *rights)
{
	static const char header[] = "{\"typ\":\"JWT\",\"alg\":\"ed25519-nkey\"}";
	unsigned char *signature = NULL;
	char *body, *text;
	int len = 0;
	FILE *file;

	body = claims(issuer, subject, rights);
	file = open_text(&text);
	print_base64(file, header, strlen(header));
	fputc('.', file);
	print_base64(file, body, strlen(body));
	fclose(file);
	if (nats_Sign(issuer->seed, text, &signature, &len) != NATS_OK)
		errx(1, "%s: %s", issuer->name, nats_GetLastError(NULL));
	printf("%s.", text);
	print_base64(stdout, signature, len);
	free(signature);
	free(text);
	free(body);
}

static void print_account(const struct identity *subject, const char *limits)
{
	printf("  %s: ", subject->key);
	print_jwt(&operator, subject, limits);
	printf("\n");
}

static void print_server(void)
{
	printf("operator: ");
	print_jwt(&operator, &operator, "");
	printf("\nsystem_account: %s\nresolver: MEMORY\nresolver_preload: {\n",
	       system_account.key);
	/* This one must not use JetStream. */
	print_account(&system_account, "\"limits\":{" LIMITS "},");
	print_account(&account, "\"limits\":{" LIMITS "," JETSTREAM "},");
	printf("}\n");
}

static void print_user(void)
{
	printf("-----BEGIN NATS USER JWT-----\n");
	print_jwt(&account, &user,
		  "\"pub\":{},\"sub\":{},\"subs\":-1,\"data\":-1,\"payload\":-1,");
	printf("\n------END NATS USER JWT------\n\n");
	printf("-----BEGIN USER NKEY SEED-----\n%s\n------END USER NKEY SEED------\n",
	       user.seed);
}

int main(int argc, char **argv)
{
	if (nats_Open(-1) != NATS_OK)
		errx(1, "libnats");
	if (argc == 2 && !strcmp(argv[1], "server"))
		print_server();
	else if (argc == 2 && !strcmp(argv[1], "user"))
		print_user();
	else
		errx(2, "usage: creds server | creds user");
	return 0;
}
