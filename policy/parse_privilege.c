/* SPDX-License-Identifier: Apache-2.0 */
/* What a grant may do as such: capabilities and user namespaces. */
#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "policy/parse.h"

struct privileges_form {
	const struct node *capabilities, *user_namespaces;
};

#define AT(field) offsetof(struct privileges_form, field)

static const struct key keys[] = {
	{"capabilities", AT(capabilities), NULL},
	{"user_namespaces", AT(user_namespaces), NULL},
};
static const struct shape shape = SHAPE("privileges", keys);

/* By number. Those that say why not would let an agent out of its grant, or do harm to the whole host. */
static const struct {
	const char *name;
	const char *why_not;
} capabilities[] = {
	{"chown", NULL},
	{"dac_override", NULL},
	{"dac_read_search", "it opens files by handles in place of paths; dac_override reads as much"},
	{"fowner", NULL},
	{"fsetid", NULL},
	{"kill", NULL},
	{"setgid", NULL},
	{"setuid", NULL},
	{"setpcap", NULL},
	{"linux_immutable", NULL},
	{"net_bind_service", NULL},
	{"net_broadcast", NULL},
	{"net_admin", "it leads an allowed address elsewhere"},
	{"net_raw", NULL},
	{"ipc_lock", NULL},
	{"ipc_owner", NULL},
	{"sys_module", "it loads code into the kernel"},
	{"sys_rawio", "it writes to the machine's memory and ports"},
	{"sys_chroot", NULL},
	{"sys_ptrace", "it acts through other tasks; those of the grant can be traced without it"},
	{"sys_pacct", "it has the kernel write for the whole host"},
	{"sys_admin", "it mounts, and undoes every other rule"},
	{"sys_boot", "it stops the host or starts another kernel"},
	{"sys_nice", NULL},
	{"sys_resource", "it lifts the limits of the host and resizes its file systems"},
	{"sys_time", "it sets the clock by which records are dated"},
	{"sys_tty_config", "it rewrites what the console's keys mean"},
	{"mknod", "a device would go by whatever name the agent gives it"},
	{"lease", NULL},
	{"audit_write", "it forges the host's audit records"},
	{"audit_control", "it turns the host's audit off"},
	{"setfcap", "a program that is given capabilities keeps them outside the grant"},
	{"mac_override", "it overrides the host's mandatory access control"},
	{"mac_admin", "it changes the host's mandatory access control"},
	{"syslog", "it reads the kernel's log and addresses"},
	{"wake_alarm", NULL},
	{"block_suspend", NULL},
	{"audit_read", "it reads the host's audit records"},
	{"perfmon", "it watches the kernel and all tasks"},
	{"bpf", "it changes the programs that enforce grants"},
	{"checkpoint_restore", "it takes on other tasks' memory and numbers"},
};

_Static_assert(COUNT(capabilities) == PRIV_CAPABILITIES, "a line for each capability");

const char *capability_name(unsigned cap)
{
	return cap < COUNT(capabilities) ? capabilities[cap].name : NULL;
}

const char *capability_why_not(unsigned cap)
{
	return cap < COUNT(capabilities) ? capabilities[cap].why_not : "it is unknown";
}

int capability_parse(const char *name)
{
	if (strncasecmp(name, "cap_", 4) == 0)
		name += 4;
	for (size_t i = 0; i < COUNT(capabilities); i++)
		if (strcasecmp(capabilities[i].name, name) == 0)
			return (int)i;
	return -1;
}

int mask_add(struct reader *r, const struct node *node, struct rules *rules, const struct mask_bit *what,
	     const char *words)
{
	struct mask_bit *bits = list_grow(rules->bits, rules->bit_count, sizeof(*bits)), bit = *what;
	struct mask_rule *mask = what->mask == MASK_PRIVILEGES ? &rules->privileges : &rules->sockets;
	int err;

	if (!bits)
		return -ENOMEM;
	rules->bits = bits;
	err = rule_room(r, node);
	if (err)
		return err;
	if (asprintf(&bit.label, "%s:%u %s %s", r->file, node->line, verdict_name(bit.verdict), words) < 0)
		return -ENOMEM;
	bits[rules->bit_count++] = bit;
	*(bit.verdict == RULE_ALLOW ? &mask->allow : &mask->deny) |= 1ull << bit.bit;
	return 0;
}

static void capability_unknown(struct reader *r, const struct node *node)
{
	const char *words[COUNT(capabilities)];
	size_t count = 0;

	for (size_t i = 0; i < COUNT(capabilities); i++)
		if (!capabilities[i].why_not)
			words[count++] = capabilities[i].name;
	mistake_word(r, node, "capability", words, count);
}

static int capability_read(struct reader *r, const struct node *node, void *arg)
{
	struct mask_bit bit = {.mask = MASK_PRIVILEGES, .verdict = RULE_ALLOW};
	int cap = capability_parse(node->text);
	char words[64];

	if (cap < 0) {
		capability_unknown(r, node);
		return 0;
	}
	if (capabilities[cap].why_not) {
		mistake(r, node, capabilities[cap].why_not, "capability '%s' cannot be granted",
			capabilities[cap].name);
		return 0;
	}
	bit.bit = (unsigned)cap;
	snprintf(words, sizeof(words), "capability %s", capabilities[cap].name);
	return mask_add(r, node, arg, &bit, words);
}

static const char *const verdicts[] = {"allow", "deny"};

static int namespaces_read(struct reader *r, const struct node *node, struct rules *rules)
{
	struct mask_bit bit = {.mask = MASK_PRIVILEGES, .bit = PRIV_USERNS};
	const char *text = scalar(r, node, "user_namespaces");

	if (!text)
		return 0;
	if (strcmp(text, "allow") != 0 && strcmp(text, "deny") != 0) {
		mistake_word(r, node, "user_namespaces", verdicts, COUNT(verdicts));
		return 0;
	}
	bit.verdict = strcmp(text, "allow") == 0 ? RULE_ALLOW : RULE_DENY;
	return mask_add(r, node, rules, &bit, "user_namespaces");
}

int privileges_read(struct reader *r, const struct node *map, struct rules *rules)
{
	struct privileges_form form = {0};
	int err = 0;

	map_take(r, map, &shape, &form);
	if (form.capabilities)
		err = scalars_each(r, form.capabilities, "a capability", capability_read, rules);
	return err || !form.user_namespaces ? err : namespaces_read(r, form.user_namespaces, rules);
}
