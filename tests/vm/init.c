/* SPDX-License-Identifier: Apache-2.0 */
/* The guest's first process: sets the machine up, runs one command, reports how it ended, powers off. */
#include "init.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/reboot.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "frame.h"

enum { PORT_WAIT_MS = 5000, ACK_WAIT_MS = 10000 };

static _Noreturn void power_off(void)
{
	sync();
	reboot(RB_POWER_OFF);
	pause();
	_exit(1);
}

void warn_errno(const char *what)
{
	dprintf(STDERR_FILENO, "vm: %s: %s\n", what, strerror(errno));
}

_Noreturn void die(const char *what)
{
	warn_errno(what);
	power_off();
}

static char *read_whole(const char *path, size_t *size)
{
	struct stat st;
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0 || fstat(fd, &st) < 0)
		die(path);
	char *text = calloc(1, (size_t)st.st_size + 1);
	if (!text || read(fd, text, (size_t)st.st_size) != st.st_size)
		die(path);
	close(fd);
	*size = (size_t)st.st_size;
	return text;
}

static char **list_of(size_t n)
{
	char **list = calloc(n + 1, sizeof(*list));

	if (!list)
		die("memory");
	return list;
}

static void set_option(struct conf *conf, char *key, char *value)
{
	if (!strcmp(key, "arg"))
		conf->args[conf->nargs++] = value;
	else if (!strcmp(key, "env"))
		conf->env[conf->nenv++] = value;
	else if (!strcmp(key, "keep"))
		conf->keep[conf->nkeep++] = value;
	else if (!strcmp(key, "cwd"))
		conf->cwd = value;
	else if (!strcmp(key, "modules"))
		conf->modules = value;
	else if (!strcmp(key, "hostname"))
		conf->hostname = value;
	else if (!strcmp(key, "time"))
		conf->time = strtol(value, NULL, 10);
	else if (!strcmp(key, "settle"))
		conf->settle = (unsigned int)strtoul(value, NULL, 10);
}

/* The file is key=value records ended by NUL, so that an argument may hold any other byte. */
static void read_conf(struct conf *conf)
{
	size_t size, records = 0;
	char *text = read_whole("/conf", &size);

	for (size_t i = 0; i < size; i++)
		records += !text[i];
	conf->args = list_of(records);
	conf->env = list_of(records);
	conf->keep = list_of(records);
	for (char *at = text; at < text + size;) {
		char *next = at + strlen(at) + 1;
		char *equals = strchr(at, '=');

		if (equals) {
			*equals = '\0';
			set_option(conf, at, equals + 1);
		}
		at = next;
	}
}

static void raise_loopback(void)
{
	struct ifreq ifr = {.ifr_name = "lo"};
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || ioctl(fd, SIOCGIFFLAGS, &ifr) < 0)
		die("loopback");
	ifr.ifr_flags |= IFF_UP | IFF_RUNNING;
	if (ioctl(fd, SIOCSIFFLAGS, &ifr) < 0)
		die("loopback");
	close(fd);
}

static void set_identity(const struct conf *conf)
{
	struct timespec now, host = {.tv_sec = conf->time};

	if (sethostname(conf->hostname, strlen(conf->hostname)) < 0)
		warn_errno("hostname");
	clock_gettime(CLOCK_REALTIME, &now);
	/* The kernel has read the hardware clock, unless it has no driver for it. */
	if (now.tv_sec < host.tv_sec && clock_settime(CLOCK_REALTIME, &host) < 0)
		warn_errno("clock");
	raise_loopback();
}

/* There is one port; its device number depends on the order in which the kernel met the buses. */
static int open_port(void)
{
	static const struct timespec step = {.tv_nsec = 10 * 1000 * 1000};

	for (int waited = 0; waited < PORT_WAIT_MS; waited += 10) {
		DIR *dir = opendir("/sys/class/virtio-ports");
		struct dirent *entry;

		while (dir && (entry = readdir(dir))) {
			char path[sizeof("/dev/") + sizeof(entry->d_name)];

			snprintf(path, sizeof(path), "/dev/%s", entry->d_name);
			int fd = entry->d_name[0] == '.' ? -1 : open(path, O_RDWR | O_CLOEXEC);
			if (fd >= 0) {
				closedir(dir);
				return fd;
			}
		}
		if (dir)
			closedir(dir);
		nanosleep(&step, NULL);
	}
	die("no virtio port");
}

static void send_frame(int port, char type, const void *data, size_t size)
{
	char frame[FRAME_MAX];

	frame_head(frame, type, size);
	memcpy(frame + FRAME_HEAD, data, size);
	for (size_t sent = 0, whole = FRAME_HEAD + size; sent < whole;) {
		ssize_t n = write(port, frame + sent, whole - sent);

		if (n < 0 && errno != EINTR && errno != EAGAIN)
			die("virtio port");
		sent += n > 0 ? (size_t)n : 0;
	}
}

static _Noreturn void exec_command(const struct conf *conf, int output)
{
	sigset_t none;
	int input = open("/dev/null", O_RDONLY);

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	setsid();
	if (input < 0 || dup2(input, 0) < 0 || dup2(output, 1) < 0 || dup2(output, 2) < 0)
		die("descriptors");
	close(input);
	if (chdir(conf->cwd) < 0)
		dprintf(2, "vm: cannot enter %s: %s\n", conf->cwd, strerror(errno));
	for (size_t i = 0; i < conf->nenv; i++)
		putenv(conf->env[i]);
	execvp(conf->args[0], conf->args);
	int absent = errno == ENOENT;
	dprintf(2, "vm: cannot run %s: %s\n", conf->args[0], strerror(errno));
	_exit(absent ? 127 : 126);
}

/* Copies what is there to copy; false when the pipe had nothing. */
static int copy_output(int from, int port)
{
	char data[FRAME_DATA];
	ssize_t n = read(from, data, sizeof(data));

	if (n > 0)
		send_frame(port, FRAME_OUTPUT, data, (size_t)n);
	return n > 0;
}

/* Orphans end here too: everybody is reaped, only the command's end counts. */
static int reap(pid_t command, int *status)
{
	int ended = 0, one;

	for (pid_t pid; (pid = waitpid(-1, &one, WNOHANG)) > 0;) {
		if (pid == command) {
			*status = one;
			ended = 1;
		}
	}
	return ended;
}

/* A daemon that the command leaves behind keeps the pipe open, so the command's end is the end. */
static int serve(pid_t command, int output, int port, int signals)
{
	struct pollfd fds[] = {{.fd = output, .events = POLLIN}, {.fd = signals, .events = POLLIN}};
	struct signalfd_siginfo info;
	int status = 0;

	for (;;) {
		poll(fds, 2, -1);
		if (fds[0].revents & POLLIN)
			copy_output(output, port);
		else if (fds[0].revents & POLLHUP)
			fds[0].fd = -1;
		if (fds[1].revents && read(signals, &info, sizeof(info)) > 0 && reap(command, &status))
			break;
	}
	while (copy_output(output, port))
		;
	return status;
}

static int run_command(const struct conf *conf, int port)
{
	int ends[2];
	sigset_t chld;

	sigemptyset(&chld);
	sigaddset(&chld, SIGCHLD);
	sigprocmask(SIG_BLOCK, &chld, NULL);
	int signals = signalfd(-1, &chld, SFD_CLOEXEC);
	if (signals < 0 || pipe2(ends, O_CLOEXEC) < 0)
		die("pipe");
	pid_t pid = fork();
	if (pid < 0)
		die("fork");
	if (!pid)
		exec_command(conf, ends[1]);
	close(ends[1]);
	fcntl(ends[0], F_SETFL, O_NONBLOCK);
	return serve(pid, ends[0], port, signals);
}

/* Powering off at once could lose what the host has not read yet: it says when it has. */
static void report(int port, int status)
{
	struct pollfd ack = {.fd = port, .events = POLLIN};

	send_frame(port, FRAME_STATUS, &status, sizeof(status));
	poll(&ack, 1, ACK_WAIT_MS);
}

int main(void)
{
	struct conf conf = {.cwd = "/", .hostname = "vm"};

	umask(022);
	read_conf(&conf);
	enter_root(&conf);
	set_identity(&conf);
	int port = open_port();
	if (conf.settle)
		sleep(conf.settle);
	report(port, run_command(&conf, port));
	power_off();
}
