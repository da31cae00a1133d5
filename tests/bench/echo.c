/*
 * A plain UDP echo, the yardstick of the media bench: what a packet in and out costs on this machine when
 * nothing is done with it. One socket a caller, level-triggered epoll, one recvfrom and one sendto a packet.
 * Keep it as it is: the figures of different days compare only if this does not change.
 *
 *   cc -O2 -o echo echo.c
 *   echo ADDRESS FIRST_PORT COUNT
 *
 * Binds COUNT ports from FIRST_PORT on, prints "ready", runs until stdin closes or SIGTERM or SIGINT comes, then
 * prints one line: packets, user and system CPU seconds, and microseconds of both a packet.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

enum { EVENTS = 64, DATAGRAM = 2048 };

static void fail(const char *what)
{
	perror(what);
	exit(1);
}

/* Each caller is a descriptor and epoll takes a few more. */
static void allow_descriptors(rlim_t count)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
		fail("getrlimit");
	if (limit.rlim_cur >= count)
		return;
	limit.rlim_cur = count;
	if (limit.rlim_max < count)
		limit.rlim_max = count;
	if (setrlimit(RLIMIT_NOFILE, &limit) < 0)
		fail("setrlimit");
}

static void watch(int poll, int fd)
{
	struct epoll_event event = { .events = EPOLLIN, .data.fd = fd };

	if (epoll_ctl(poll, EPOLL_CTL_ADD, fd, &event) < 0)
		fail("epoll_ctl");
}

static void open_port(int poll, struct in_addr address, in_port_t port)
{
	struct sockaddr_in here = { .sin_family = AF_INET, .sin_port = htons(port), .sin_addr = address };
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);

	if (fd < 0)
		fail("socket");
	if (bind(fd, (struct sockaddr *)&here, sizeof here) < 0)
		fail("bind");
	watch(poll, fd);
}

/* 1 if a packet came and went back. */
static unsigned long echo(int fd)
{
	static char packet[DATAGRAM];
	struct sockaddr_in from;
	socklen_t length = sizeof from;
	ssize_t size = recvfrom(fd, packet, sizeof packet, 0, (struct sockaddr *)&from, &length);

	if (size < 0)
		return 0;
	return sendto(fd, packet, (size_t)size, 0, (struct sockaddr *)&from, length) == size;
}

/* Stdin is a pipe whose writer is the bench: readable without a byte means that the bench is gone. */
static int stdin_closed(void)
{
	char ignored[64];

	return read(STDIN_FILENO, ignored, sizeof ignored) <= 0;
}

/* The signal's work is done by ending the wait. */
static void wake(int number)
{
	(void)number;
}

static double seconds(struct timeval time)
{
	return (double)time.tv_sec + (double)time.tv_usec / 1e6;
}

int main(int argc, char **argv)
{
	struct in_addr address;
	struct epoll_event events[EVENTS];
	struct rusage usage;
	unsigned long packets = 0, first, count;
	sigset_t stops, normal;
	int poll, over = 0;

	if (argc != 4 || inet_pton(AF_INET, argv[1], &address) != 1) {
		fprintf(stderr, "usage: echo ADDRESS FIRST_PORT COUNT\n");
		return 2;
	}
	first = strtoul(argv[2], NULL, 10);
	count = strtoul(argv[3], NULL, 10);
	if (first < 1 || count < 1 || first + count > 65536) {
		fprintf(stderr, "echo: ports are 1 to 65535\n");
		return 2;
	}

	/* Blocked but in epoll_pwait, so that none is lost between a look and a wait. */
	sigemptyset(&stops);
	sigaddset(&stops, SIGTERM);
	sigaddset(&stops, SIGINT);
	sigprocmask(SIG_BLOCK, &stops, &normal);
	signal(SIGTERM, wake);
	signal(SIGINT, wake);

	allow_descriptors(count + 16);
	poll = epoll_create1(0);
	if (poll < 0)
		fail("epoll_create1");
	watch(poll, STDIN_FILENO);
	for (unsigned long i = 0; i < count; i++)
		open_port(poll, address, (in_port_t)(first + i));
	printf("ready\n");
	fflush(stdout);

	while (!over) {
		int ready = epoll_pwait(poll, events, EVENTS, -1, &normal);

		if (ready < 0 && errno == EINTR)
			break;
		if (ready < 0)
			fail("epoll_pwait");
		for (int i = 0; i < ready; i++) {
			if (events[i].data.fd == STDIN_FILENO)
				over = stdin_closed();
			else
				packets += echo(events[i].data.fd);
		}
	}

	getrusage(RUSAGE_SELF, &usage);
	double user = seconds(usage.ru_utime), system = seconds(usage.ru_stime);
	printf("packets %lu user %.3f system %.3f us_per_packet %.3f\n", packets, user, system,
	       packets ? (user + system) * 1e6 / (double)packets : 0.0);
	return 0;
}
