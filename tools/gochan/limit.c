// SPDX-License-Identifier: GPL-2.0
/*
 * Error messages about limits, which name the limit, its value, and whose it is.
 */
#include <errno.h>
#include <unistd.h>

#include "cmd.h"

enum { VALUE_SIZE = 32 };

bool read_parameter(const char *parameter, unsigned long *value)
{
	char path[128];

	snprintf(path, sizeof(path), PARAMETERS "/%s", parameter);
	return read_number(path, value);
}

/* " is 1024", or nothing where /sys is not mounted. */
static const char *value_of(const char *parameter, char text[VALUE_SIZE])
{
	unsigned long value;

	text[0] = '\0';
	if (read_parameter(parameter, &value))
		snprintf(text, VALUE_SIZE, " is %lu", value);
	return text;
}

static bool in_user_namespace(void)
{
	unsigned int inside = 1, outside = 1, count = 0;
	FILE *map = fopen("/proc/self/uid_map", "re");
	int fields;

	if (!map)
		return false;
	fields = fscanf(map, "%u %u %u", &inside, &outside, &count);
	fclose(map);
	return fields != 3 || inside != 0 || outside != 0 || count != UINT32_MAX;
}

/* In a user namespace a user is one outside of it, and its owner is charged as well. */
enum status report_user_limit(const char *label, const char *parameter, const char *remedy)
{
	char who[OWNER_SIZE], value[VALUE_SIZE];
	const char *whose = "user ";

	user_name(getuid(), who);
	if (in_user_namespace()) {
		whose = "your user outside of this user namespace, or of its owner";
		who[0] = '\0';
	}
	print_error("%s: over a limit of %s%s: %s%s; %sroot can raise it in %s/%s",
		    label, whose, who, parameter, value_of(parameter, value), remedy,
		    PARAMETERS, parameter);
	return FAILED;
}

enum status report_max_bytes(const char *label, const char *remedy)
{
	char value[VALUE_SIZE];

	print_error("%s: over a limit of all users but root: max_bytes%s; %s%s", label,
		    value_of("max_bytes", value), remedy,
		    "root can raise it in " PARAMETERS "/max_bytes");
	return FAILED;
}

bool over_limit(const char *what, unsigned int value, const char *parameter)
{
	unsigned long limit;

	if (!read_parameter(parameter, &limit) || value <= limit)
		return false;
	print_error("%s %u: the limit is %lu; see %s/%s", what, value, limit, PARAMETERS,
		    parameter);
	return true;
}

enum status report_op_error(const char *label, unsigned int ops, int err)
{
	switch (err) {
	case EDQUOT:
		return report_user_limit(label, "max_user_bytes", "");
	case ENOSPC:
		return report_max_bytes(label, "");
	case EINVAL:
		if (over_limit("number of ops", ops, "max_select"))
			return FAILED;
		return report_errno(label, err);
	default:
		return report_errno(label, err);
	}
}
