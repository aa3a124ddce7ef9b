/* SPDX-License-Identifier: Apache-2.0 */
/*
 * deputyd: opens the host's side, starts broker and recorder without privileges, and stays as the warden.
 */
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sysexits.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/version.h"
#include "daemon/own.h"
#include "daemon/records.h"
#include "daemon/site.h"
#include "daemon/warden.h"

#define DRAIN_MS 5000
#define STOP_MS	 5000

struct options {
	const char *config;
	const char *state_dir;
	const char *runtime_dir;
	const char *role;
	bool config_given;
	bool keep;
	bool foreground;
	bool reset;
};

static const struct option long_options[] = {
	{"config", required_argument, NULL, 'c'},
	{"state-dir", required_argument, NULL, 's'},
	{"runtime-dir", required_argument, NULL, 'r'},
	{"role", required_argument, NULL, 'R'},
	{"foreground", no_argument, NULL, 'f'},
	{"keep", no_argument, NULL, 'k'},
	{"reset", no_argument, NULL, 'x'},
	{"version", no_argument, NULL, 'V'},
	{"help", no_argument, NULL, 'h'},
	{0},
};

static const char usage[] =
	"usage: deputyd [--config FILE] [--state-dir DIR] [--runtime-dir DIR] [--foreground] [--keep]\n"
	"       deputyd --reset [--config FILE] [--state-dir DIR]\n"
	"  --config FILE      default /etc/deputy/deputyd.yaml\n"
	"  --state-dir DIR    keys and log; default /var/lib/deputy\n"
	"  --runtime-dir DIR  socket; default /run/deputy\n"
	"  --foreground       stay in the foreground instead of detaching\n"
	"  --keep             a clean stop leaves running grants enforced (keep_enforcing)\n"
	"  --reset            end the grants that a daemon which is gone left running, and exit\n";

/* 0, or an exit status + 1 when there is nothing more to do. */
static int options_read(int argc, char **argv, struct options *o)
{
	int c;

	*o = (struct options){
		.config = CONFIG_FILE, .state_dir = "/var/lib/deputy", .runtime_dir = "/run/deputy"};
	while ((c = getopt_long(argc, argv, "", long_options, NULL)) != -1) {
		switch (c) {
		case 'c':
			o->config = optarg, o->config_given = true;
			break;
		case 's':
			o->state_dir = optarg;
			break;
		case 'r':
			o->runtime_dir = optarg;
			break;
		case 'R':
			o->role = optarg;
			break;
		case 'f':
			o->foreground = true;
			break;
		case 'k':
			o->keep = true;
			break;
		case 'x':
			o->reset = true;
			break;
		case 'V':
			puts("deputyd " DEPUTY_VERSION);
			return EX_OK + 1;
		case 'h':
			fputs(usage, stdout);
			return EX_OK + 1;
		default:
			fputs(usage, stderr);
			return EX_USAGE + 1;
		}
	}
	if (optind == argc)
		return 0;
	fprintf(stderr, "deputyd: unexpected argument `%s`\n%s", argv[optind], usage);
	return EX_USAGE + 1;
}

static int role_start_broker(struct warden *w, const struct site *site, const char *config, int peer,
			     int keys)
{
	int pair[2], fds[ROLE_FDS], r;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair))
		return -errno;
	memset(fds, -1, sizeof(fds));
	fds[FD_WARDEN] = pair[1];
	fds[FD_PEER] = peer;
	fds[FD_LISTEN] = site->listen;
	fds[FD_KEY] = keys;
	fds[FD_LOG] = site->log_reader;
	fds[FD_CONTROL] = enforce_control_fd(w->enforce);
	fds[FD_SLOTS] = enforce_slots_fd(w->enforce);
	fds[FD_RECORDS] = site->records;
	r = role_start(ROLE_BROKER, config, fds, &w->roles[ROLE_BROKER]);
	close(pair[1]);
	w->broker = pair[0];
	return r;
}

static int role_start_recorder(struct warden *w, const struct site *site, const char *config, int peer)
{
	int fds[ROLE_FDS];

	memset(fds, -1, sizeof(fds));
	fds[FD_PEER] = peer;
	fds[FD_LOG] = site->log;
	fds[FD_CONTROL] = enforce_control_fd(w->enforce);
	fds[FD_RING] = enforce_ring_fd(w->enforce);
	return role_start(ROLE_RECORDER, config, fds, &w->roles[ROLE_RECORDER]);
}

static int roles_start(struct warden *w, const struct site *site, const char *config, int keys)
{
	int peers[2], r;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, peers))
		return -errno;
	r = role_start_recorder(w, site, config, peers[0]);
	if (!r)
		r = role_start_broker(w, site, config, peers[1], keys);
	close(peers[0]);
	close(peers[1]);
	for (int i = 0; i < ROLES && !r; i++) {
		r = role_wait_ready(&w->roles[i]);
		if (r)
			fprintf(stderr, "deputyd: %s did not start: %s\n", role_name(i), strerror(-r));
	}
	return r;
}

static bool record_is_held(const void *enforce, uint32_t slot, uint32_t gen)
{
	return enforce_held(enforce, slot, gen);
}

static bool record_is_unwanted(const void *unused, uint32_t slot, uint32_t gen)
{
	(void)unused, (void)slot, (void)gen;
	return false;
}

/* What another daemon left running goes on; what it was saying about grants that have ended goes. */
static void grants_adopt(struct warden *w)
{
	if (enforce_tagged(w->enforce))
		fprintf(stderr, "deputyd: taking over %llu tasks of a daemon that is gone\n",
			(unsigned long long)enforce_tagged(w->enforce));
	records_purge(w->records, record_is_held, w->enforce);
}

/* Tasks must be gone before the programs are: nothing may go on unwatched. Returns whether the pins stay. */
static bool tasks_end(struct warden *w, bool keep)
{
	if (keep)
		return true;
	enforce_revoke_all(w->enforce);
	if (!warden_drain(w, DRAIN_MS))
		return false;
	fprintf(stderr, "deputyd: some tagged tasks do not die: enforcement stays pinned\n");
	return true;
}

/*
 * A clean stop ends the grants unless it is to keep them. Whatever else ends us is no reason to: the next
 * daemon takes over. A start that failed leaves what it found.
 */
static bool serve_end(struct warden *w, bool served, int r, bool keep)
{
	if (served && !r)
		return tasks_end(w, keep);
	return served || enforce_adopted(w->enforce);
}

static int serve(const struct options *o, const struct config *config, struct site *site,
		 const struct keystore *keys, int keys_fd)
{
	struct warden w = {
		.broker = -1, .records = site->records, .keys = keys, .max_ttl = config->max_ttl_ns};
	struct enforce_limits limits = {config->max_tasks.value, config->max_grants.value};
	bool keep, served;
	int r = enforce_open(config->pin_dir ?: site->pin_dir, &limits, &w.enforce);

	if (r)
		return r;
	grants_adopt(&w);
	r = enforce_share(w.enforce, site->runtime_dir);
	if (!r)
		r = own_ward(w.enforce, site, keys, config, o->config);
	if (!r)
		r = roles_start(&w, site, o->config, keys_fd);
	served = !r;
	if (served) {
		sd_notify(0, "READY=1");
		r = warden_run(&w);
		sd_notify(0, "STOPPING=1");
	}
	keep = serve_end(&w, served, r, config->keep_enforcing || o->keep);
	role_stop(&w.roles[ROLE_BROKER], STOP_MS);
	role_stop(&w.roles[ROLE_RECORDER], STOP_MS);
	if (!keep)
		records_purge(w.records, record_is_unwanted, NULL);
	enforce_close(w.enforce, keep);
	return r;
}

static int reset(const struct options *o, const struct config *config)
{
	struct site site;
	int r = site_claim(o->state_dir, &site);

	if (!r)
		r = enforce_reset(config->pin_dir ?: site.pin_dir);
	if (!r)
		records_purge(site.records, record_is_unwanted, NULL);
	site_close(&site);
	return r ? EX_UNAVAILABLE : EX_OK;
}

/* Before it detaches, so that whoever starts it learns what is wrong with them. */
static int keys_open(const struct options *o, const struct config *config, struct keystore *keys, int *fd)
{
	_cleanup_ring_ struct secret_ring ring = {0};
	int r = sodium_init() < 0 ? -EIO : keystore_locate(o->state_dir, config->seal_key, o->config, keys);

	keys->rotate_after = config->rotate_after;
	keys->keep = config_keys_keep(config);
	if (!r)
		r = keystore_open(keys, &ring);
	return r ?: keystore_send(&ring, fd);
}

static int run(const struct options *o, const struct config *config)
{
	const struct rlimit memlock = {RLIM_INFINITY, RLIM_INFINITY};
	struct site site;
	struct keystore keys;
	_cleanup_close_ int keys_fd = -1;
	sigset_t handled;
	int r;

	if (geteuid()) {
		fprintf(stderr, "deputyd: must be started as root\n");
		return EX_NOPERM;
	}
	if (o->reset)
		return reset(o, config);
	setrlimit(RLIMIT_MEMLOCK,
		  &memlock); /* maps count against it before 5.11, and the rings' pages still do */
	sigemptyset(&handled);
	sigaddset(&handled, SIGTERM);
	sigaddset(&handled, SIGINT);
	sigaddset(&handled, SIGCHLD);
	sigprocmask(SIG_BLOCK, &handled, NULL);
	r = site_open(o->state_dir, o->runtime_dir, &site);
	if (!r)
		r = keys_open(o, config, &keys, &keys_fd);
	if (!r && !o->foreground && daemon(0, 1))
		r = -errno;
	if (!r)
		r = serve(o, config, &site, &keys, keys_fd);
	site_close(&site);
	return r ? EX_UNAVAILABLE : EX_OK;
}

int main(int argc, char **argv)
{
	struct options o;
	struct config config;
	int status = options_read(argc, argv, &o);

	if (status)
		return status - 1;
	if (config_read(o.config, o.config_given && !o.role, &config))
		return EX_CONFIG;
	if (o.role)
		status = role_parse(o.role) < 0 ? EX_USAGE : role_main(role_parse(o.role), &config);
	else
		status = run(&o, &config);
	config_free(&config);
	return status;
}
