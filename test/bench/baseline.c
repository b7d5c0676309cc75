/*
 * What one cycle costs at the least: reads the same files of the same containers, dumps the same sockets and sends as
 * many samples as overlaywatch does, without deciding anything. Prints the CPU time of one cycle in milliseconds.
 *
 * usage: baseline SOCKET SAMPLES_A_CONTAINER CYCLES PID...
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

enum { most = 1000, datagram = 8192, listening = 1 << 10 };

static const char *files[] = {"net/dev", "net/igmp", "net/route", "net/snmp", "net/netstat", "net/sockstat", "net/sockstat6"};
static char buffer[1 << 20];
static int sockets[most];

static void die(const char *what) {
  perror(what);
  exit(1);
}

static unsigned long read_file(int pid, const char *name) {
  char path[64];
  snprintf(path, sizeof path, "/proc/%d/%s", pid, name);
  int file = open(path, O_RDONLY);
  if (file < 0) return 0;
  unsigned long sum = 0;
  ssize_t got, length = 0;
  while ((got = read(file, buffer + length, sizeof buffer - length)) > 0) length += got;
  close(file);
  for (char *at = buffer, *end = buffer + length; at < end;) {
    if (*at >= '0' && *at <= '9') sum += strtoul(at, &at, 10);
    else at++;
  }
  return sum;
}

static int diag_socket(int pid) {
  char path[64];
  snprintf(path, sizeof path, "/proc/%d/ns/net", pid);
  int ns = open(path, O_RDONLY);
  if (ns < 0 || setns(ns, CLONE_NEWNET) < 0) die(path);
  int s = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);
  if (s < 0) die("socket");
  close(ns);
  return s;
}

static int dump(int s, int family, unsigned states) {
  struct {
    struct nlmsghdr head;
    struct inet_diag_req_v2 request;
  } message = {
      .head = {.nlmsg_len = sizeof message, .nlmsg_type = SOCK_DIAG_BY_FAMILY, .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP},
      .request = {.sdiag_family = family, .sdiag_protocol = IPPROTO_TCP, .idiag_states = states},
  };
  if (send(s, &message, sizeof message, 0) < 0) die("send");
  int found = 0;
  for (;;) {
    ssize_t length = recv(s, buffer, sizeof buffer, 0);
    if (length < 0) die("recv");
    for (struct nlmsghdr *h = (void *)buffer; NLMSG_OK(h, length); h = NLMSG_NEXT(h, length)) {
      if (h->nlmsg_type == NLMSG_DONE) return found;
      if (h->nlmsg_type == NLMSG_ERROR) return -1;
      found++;
    }
  }
}

static double cpu(void) {
  struct rusage r;
  getrusage(RUSAGE_SELF, &r);
  return (r.ru_utime.tv_sec + r.ru_stime.tv_sec) * 1e3 + (r.ru_utime.tv_usec + r.ru_stime.tv_usec) / 1e3;
}

static void send_samples(int out, const struct sockaddr_un *to, int containers, int each, unsigned long value) {
  static char packet[datagram];
  int length = 0;
  for (int i = 0; i < containers * each; i++) {
    char line[512];
    int n = snprintf(line, sizeof line,
                     "overlaywatch.net.bytes_rcvd:%lu|c|#dd.internal.card:none,container_name:c%d,image_name:lab,short_image:lab,"
                     "image_tag:1,docker_image:lab:1,interface:eth0,docker_network:testnet\n",
                     value % 1000000, i / each);
    if (length + n > datagram) {
      sendto(out, packet, length, 0, (const void *)to, sizeof *to);
      length = 0;
    }
    memcpy(packet + length, line, n);
    length += n;
  }
  if (length > 0) sendto(out, packet, length, 0, (const void *)to, sizeof *to);
}

int main(int argc, char **argv) {
  if (argc < 5) return 2;
  struct sockaddr_un to = {.sun_family = AF_UNIX};
  strncpy(to.sun_path, argv[1], sizeof to.sun_path - 1);
  int each = atoi(argv[2]), cycles = atoi(argv[3]), containers = argc - 4;
  if (containers > most) return 2;
  int out = socket(AF_UNIX, SOCK_DGRAM, 0);
  for (int i = 0; i < containers; i++) sockets[i] = diag_socket(atoi(argv[4 + i]));
  double began = 0;
  for (int cycle = -1; cycle < cycles; cycle++) {
    if (cycle == 0) began = cpu();
    unsigned long sum = 0;
    for (int i = 0; i < containers; i++) {
      for (unsigned f = 0; f < sizeof files / sizeof *files; f++) sum += read_file(atoi(argv[4 + i]), files[f]);
      sum += dump(sockets[i], AF_INET, listening) + dump(sockets[i], AF_INET6, listening);
    }
    send_samples(out, &to, containers, each, sum);
    struct timespec pause = {.tv_nsec = 50000000};
    nanosleep(&pause, NULL);
  }
  printf("%.3f\n", (cpu() - began) / cycles);
  return 0;
}
