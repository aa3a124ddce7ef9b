/* SPDX-License-Identifier: Apache-2.0 */
/* Calls that only some sockets have: SCTP's further addresses, vsock, protocols over TCP, descriptors of
 * peers. */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/tls.h>
#include <linux/vm_sockets.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#include "probe.h"

#define SCTP		  132 /* protocol and level */
#define SCTP_BINDX_ADD	  100
#define SCTP_CONNECTX_OLD 107
#define SCTP_CONNECTX	  110
#define OPTION_PASSPIDFD  76 /* newer than the headers that this may be built with */
#define OPTION_PEERPIDFD  77
#define MESSAGE_PIDFD	  4
#define PIDFD_GET_MNT	  _IO(0xff, 4)
#define PIDFD_GET_PID_NS  _IO(0xff, 5)

static struct sockaddr_in loopback(const char *port)
{
	return (struct sockaddr_in){.sin_family = AF_INET,
				    .sin_addr = {htonl(INADDR_LOOPBACK)},
				    .sin_port = htons((uint16_t)atoi(port))};
}

/* ---- SCTP: on a socket from before, or with FD -1 on one of its own ---- */

static int sctp_option(char **w, int option)
{
	struct sockaddr_in a = loopback(w[2]);
	int own = atoi(w[1]) < 0, fd = own ? socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, SCTP) : atoi(w[1]),
	    ret;

	if (fd < 0)
		return -errno;
	ret = done(setsockopt(fd, SCTP, option, &a, sizeof(a)));
	if (own)
		close(fd);
	return ret;
}

/* sctp-connectx FD PORT: the address is the option's value. */
static int do_connectx(char **w)
{
	return sctp_option(w, SCTP_CONNECTX);
}

static int do_connectx_old(char **w)
{
	return sctp_option(w, SCTP_CONNECTX_OLD);
}

static int do_bindx(char **w)
{
	return sctp_option(w, SCTP_BINDX_ADD);
}

/* connect-fd FD PORT */
static int do_connect_fd(char **w)
{
	struct sockaddr_in a = loopback(w[2]);

	return done(connect(atoi(w[1]), (struct sockaddr *)&a, sizeof(a)));
}

/* ---- vsock ---- */

/* vsock-connect FD CID PORT */
static int do_vsock_connect(char **w)
{
	struct sockaddr_vm a = {.svm_family = AF_VSOCK,
				.svm_cid = (unsigned)strtoul(w[2], NULL, 0),
				.svm_port = (unsigned)strtoul(w[3], NULL, 0)};
	int own = atoi(w[1]) < 0, fd = own ? socket(AF_VSOCK, SOCK_STREAM | SOCK_CLOEXEC, 0) : atoi(w[1]),
	    ret;

	if (fd < 0)
		return -errno;
	ret = done(connect(fd, (struct sockaddr *)&a, sizeof(a))) ?: done(send(fd, "x", 1, MSG_NOSIGNAL));
	if (own)
		close(fd);
	return ret;
}

/* ---- TLS by the kernel ---- */

static int tls = -1;

static int tls_keys(int fd)
{
	struct tls12_crypto_info_aes_gcm_128 info = {
		.info = {.version = TLS_1_2_VERSION, .cipher_type = TLS_CIPHER_AES_GCM_128}};

	return done(setsockopt(fd, SOL_TCP, TCP_ULP, "tls", sizeof("tls")))
		       ?: done(setsockopt(fd, SOL_TLS, TLS_TX, &info, sizeof(info)));
}

/* tls-open PORT: connected, and with keys to send; kept. */
static int do_tls_open(char **w)
{
	struct sockaddr_in a = loopback(w[1]);
	int err;

	if (tls >= 0)
		close(tls);
	tls = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (tls < 0)
		return -errno;
	err = done(connect(tls, (struct sockaddr *)&a, sizeof(a)));
	return err ?: tls_keys(tls);
}

/* tls-send: over what is open. */
static int do_tls_send(char **w)
{
	(void)w;
	return done(send(tls, "x", 1, MSG_NOSIGNAL));
}

/* tls-reconnect PORT: to somebody else, with the protocol that it has on it. */
static int do_tls_reconnect(char **w)
{
	const struct sockaddr none = {.sa_family = AF_UNSPEC};
	struct sockaddr_in a = loopback(w[1]);

	if (connect(tls, &none, sizeof(none)))
		return -errno;
	return done(connect(tls, (struct sockaddr *)&a, sizeof(a)));
}

/* ---- descriptors of processes, from sockets ---- */

static int unix_connect(const char *name)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	int err, fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;

	strncpy(a.sun_path, name, sizeof(a.sun_path) - 1);
	setsockopt(fd, SOL_SOCKET, OPTION_PASSPIDFD, &on, sizeof(on));
	if (!connect(fd, (struct sockaddr *)&a, sizeof(a)))
		return fd;
	err = -errno;
	close(fd);
	return err;
}

static int pidfd_of_peer(int sock)
{
	int fd = -1;
	socklen_t len = sizeof(fd);

	return getsockopt(sock, SOL_SOCKET, OPTION_PEERPIDFD, &fd, &len) ? -errno : fd;
}

static int pidfd_of_message(int sock)
{
	char room[256] __attribute__((aligned(8))), byte;
	struct iovec iov = {&byte, 1};
	struct msghdr m = {
		.msg_iov = &iov, .msg_iovlen = 1, .msg_control = room, .msg_controllen = sizeof(room)};
	struct cmsghdr *c;
	int fd;

	if (recvmsg(sock, &m, 0) < 0)
		return -errno;
	for (c = CMSG_FIRSTHDR(&m); c; c = CMSG_NXTHDR(&m, c))
		if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == MESSAGE_PIDFD)
			return memcpy(&fd, CMSG_DATA(c), sizeof(fd)), fd;
	return -ENOPROTOOPT; /* as the other call says it */
}

static int pidfd_use(int fd, const char *what)
{
	if (!strcmp(what, "signal"))
		return done(syscall(SYS_pidfd_send_signal, fd, 0, NULL, 0));
	if (!strcmp(what, "getfd"))
		return done_fd((int)syscall(SYS_pidfd_getfd, fd, 0, 0));
	if (!strcmp(what, "mount-namespace"))
		return done_fd(ioctl(fd, PIDFD_GET_MNT, 0));
	if (!strcmp(what, "pid-namespace"))
		return done_fd(ioctl(fd, PIDFD_GET_PID_NS, 0));
	return strcmp(what, "have") ? -EINVAL : 0;
}

static int pidfd_try(char **w, int (*get)(int sock))
{
	int sock = unix_connect(w[1]), fd, ret;

	if (sock < 0)
		return sock;
	fd = get(sock);
	close(sock);
	if (fd < 0)
		return fd;
	ret = pidfd_use(fd, w[2]);
	close(fd);
	return ret;
}

/* peer-pidfd SOCKET USE */
static int do_peer_pidfd(char **w)
{
	return pidfd_try(w, pidfd_of_peer);
}

/* scm-pidfd SOCKET USE */
static int do_scm_pidfd(char **w)
{
	return pidfd_try(w, pidfd_of_message);
}

const struct operation kind_operations[] = {
	{"sctp-connectx", 2, do_connectx},
	{"sctp-connectx-old", 2, do_connectx_old},
	{"sctp-bindx", 2, do_bindx},
	{"connect-fd", 2, do_connect_fd},
	{"vsock-connect", 3, do_vsock_connect},
	{"tls-open", 1, do_tls_open},
	{"tls-send", 0, do_tls_send},
	{"tls-reconnect", 1, do_tls_reconnect},
	{"peer-pidfd", 2, do_peer_pidfd},
	{"scm-pidfd", 2, do_scm_pidfd},
	{0},
};
