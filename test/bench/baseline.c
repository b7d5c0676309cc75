/*
 * What one cycle costs at the least: stats and reads the same files of the same containers and of this host, dumps the
 * same sockets and the tables of the overlay network, and sends as many samples as overlaywatch does, in datagrams of
 * the same size, without deciding anything. Prints the CPU time of one cycle in milliseconds.
 *
 * usage: baseline SOCKET SAMPLES CYCLES PAUSE_MS OVERLAY_NETNS PID...
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <linux/sock_diag.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

enum { most = 1000, datagram = 8192, tcp_listen = 10, tcp_established = 1, tcp_states = 12 };

static const unsigned listening = 1u << tcp_listen;
static const unsigned rest = ((1u << (tcp_states + 1)) - 2) & ~((1u << tcp_listen) | (1u << tcp_established));

/* By collector: interfaces; netstat, of which tcp needs snmp as well; tcp. */
static const char *files[] = {"net/dev", "net/igmp", "net/route", "net/snmp", "net/netstat", "net/sockstat", "net/sockstat6"};
enum { all_files = sizeof files / sizeof *files };
/* Of the host itself only its sockets are told. */
static const char *host_files[] = {"net/snmp", "net/sockstat", "net/sockstat6"};
enum { all_host_files = sizeof host_files / sizeof *host_files };

static char buffer[1 << 20];
static int sockets[most];

static void die(const char *what) {
  perror(what);
  exit(1);
}

static unsigned long numbers_in(const char *at, const char *end) {
  unsigned long sum = 0;
  while (at < end) {
    if (*at >= '0' && *at <= '9') sum += strtoul(at, (char **)&at, 10);
    else at++;
  }
  return sum;
}

static unsigned long read_file(const char *folder, const char *name) {
  char path[64];
  snprintf(path, sizeof path, "/proc/%s/%s", folder, name);
  int file = open(path, O_RDONLY | O_CLOEXEC);
  if (file < 0) {
    if (errno == ENOENT) return 0;
    die(path);
  }
  ssize_t got, length = 0;
  while ((got = read(file, buffer + length, sizeof buffer - 1 - length)) > 0) length += got;
  close(file);
  if (got < 0) die(path);
  buffer[length] = 0;
  return numbers_in(buffer, buffer + length);
}

/* The namespace that the container is in now. */
static unsigned long inode_of(const char *folder) {
  char path[64];
  struct stat found;
  snprintf(path, sizeof path, "/proc/%s/net/dev", folder);
  if (stat(path, &found) < 0) die(path);
  return found.st_ino;
}

static int socket_in(const char *path, int protocol) {
  int home = open("/proc/self/ns/net", O_RDONLY), there = open(path, O_RDONLY);
  if (home < 0 || there < 0 || setns(there, CLONE_NEWNET) < 0) die(path);
  int s = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, protocol);
  if (s < 0) die("socket");
  if (setns(home, CLONE_NEWNET) < 0) die("setns");
  close(there);
  close(home);
  return s;
}

static int diag_socket(const char *folder) {
  char path[64];
  snprintf(path, sizeof path, "/proc/%s/ns/net", folder);
  return socket_in(path, NETLINK_SOCK_DIAG);
}

/* Reads the answer to its end, and one number of each message. */
static unsigned long answer(int s) {
  unsigned long found = 0;
  for (;;) {
    ssize_t length = recv(s, buffer, sizeof buffer, 0);
    if (length < 0) die("recv");
    for (struct nlmsghdr *h = (void *)buffer; NLMSG_OK(h, length); h = NLMSG_NEXT(h, length)) {
      if (h->nlmsg_type == NLMSG_DONE) return found;
      if (h->nlmsg_type == NLMSG_ERROR) die("dump");
      found += ((struct inet_diag_msg *)NLMSG_DATA(h))->idiag_state;
    }
  }
}

/* Links, rows of the bridges and devices, IPv4 neighbours, as host/rtnetlink asks for them. */
static unsigned long tables(const char *path) {
  static const struct { int type, size, family; } asked[] = {
      {RTM_GETLINK, sizeof(struct ifinfomsg), AF_UNSPEC},
      {RTM_GETNEIGH, sizeof(struct ndmsg), AF_BRIDGE},
      {RTM_GETNEIGH, sizeof(struct ndmsg), AF_INET},
  };
  int s = socket_in(path, NETLINK_ROUTE);
  unsigned long found = 0;
  for (size_t i = 0; i < sizeof asked / sizeof *asked; i++) {
    struct {
      struct nlmsghdr head;
      unsigned char body[16];
    } message = {
        .head = {.nlmsg_len = NLMSG_LENGTH(asked[i].size), .nlmsg_type = asked[i].type, .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP},
        .body = {asked[i].family},
    };
    if (send(s, &message, message.head.nlmsg_len, 0) < 0) die("send");
    found += answer(s);
  }
  close(s);
  return found;
}

/* Both families in one request, as host/sockets does it. */
static unsigned long dump(int s, unsigned states) {
  struct {
    struct nlmsghdr head;
    struct inet_diag_req request;
  } message = {
      .head = {.nlmsg_len = sizeof message, .nlmsg_type = TCPDIAG_GETSOCK, .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP},
      .request = {.idiag_family = AF_UNSPEC, .idiag_states = states},
  };
  if (send(s, &message, sizeof message, 0) < 0) die("send");
  return answer(s);
}

static double cpu(void) {
  struct rusage r;
  getrusage(RUSAGE_SELF, &r);
  return (r.ru_utime.tv_sec + r.ru_stime.tv_sec) * 1e3 + (r.ru_utime.tv_usec + r.ru_stime.tv_usec) / 1e3;
}

static void deliver(int out, const char *packet, int length) {
  while (send(out, packet, length, 0) < 0)
    if (errno != EINTR) die("send to the receiver");
}

/* Tags as a container of the lab has them. */
static void send_samples(int out, int samples, unsigned long value) {
  static char packet[datagram];
  int length = 0;
  for (int i = 0; i < samples; i++) {
    char line[512];
    int n = snprintf(line, sizeof line,
                     "overlaywatch.net.bytes_rcvd:%lu|c|#container_name:c%d,image_name:lab,short_image:lab,image_tag:1,"
                     "docker_image:lab:1,interface:eth0,docker_network:testnet,dd.internal.card:none\n",
                     value % 100, i % 60);
    if (length + n > datagram) {
      deliver(out, packet, length);
      length = 0;
    }
    memcpy(packet + length, line, n);
    length += n;
  }
  if (length > 0) deliver(out, packet, length);
}

static unsigned long one_cycle(const char *overlay, int containers, char **folders) {
  unsigned long sum = tables(overlay);
  for (int i = 0; i < containers; i++) {
    sum += inode_of(folders[i]);
    for (int f = 0; f < all_files; f++) sum += read_file(folders[i], files[f]);
    sum += dump(sockets[i], listening);
  }
  for (int f = 0; f < all_host_files; f++) sum += read_file("self", host_files[f]);
  return sum + dump(sockets[containers], listening) + dump(sockets[containers], rest);
}

int main(int argc, char **argv) {
  if (argc < 7) return 2;
  struct sockaddr_un to = {.sun_family = AF_UNIX};
  strncpy(to.sun_path, argv[1], sizeof to.sun_path - 1);
  int samples = atoi(argv[2]), cycles = atoi(argv[3]), pause = atoi(argv[4]), containers = argc - 6;
  char **folders = argv + 6;
  if (containers >= most || cycles < 1) return 2;
  int out = socket(AF_UNIX, SOCK_DGRAM, 0);
  if (connect(out, (void *)&to, sizeof to) < 0) die(argv[1]);
  for (int i = 0; i < containers; i++) sockets[i] = diag_socket(folders[i]);
  sockets[containers] = diag_socket("self");
  double began = 0;
  /* The first one is for the caches, and sends nothing. */
  for (int cycle = -1; cycle < cycles; cycle++) {
    if (cycle == 0) began = cpu();
    send_samples(out, cycle < 0 ? 0 : samples, one_cycle(argv[5], containers, folders));
    struct timespec time = {.tv_sec = pause / 1000, .tv_nsec = pause % 1000 * 1000000L};
    nanosleep(&time, NULL);
  }
  printf("%.4f\n", (cpu() - began) / cycles);
  return 0;
}
