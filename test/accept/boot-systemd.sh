#!/bin/sh
# Boots systemd on a lab host, in mount, process, IPC and cgroup namespaces of its own: folder for what it mounts, this tree.
# /etc, /run, /var/lib and /usr/lib are its own too; Docker and journald are the lab host's.
set -eu
keep=$1 tree=$2
mount -t tmpfs -o mode=755 none "$keep"
cd "$keep"
mkdir docker journal upper work etc
touch docker.sock
mount --rbind /run/docker docker
mount --bind /run/docker.sock docker.sock
mount --bind /run/systemd/journal journal
cp -p /run/docker.pid docker.pid
cp -a /etc/. etc/
mount --bind etc /etc
mount -t overlay none -o "lowerdir=/usr/lib,upperdir=$keep/upper,workdir=$keep/work" /usr/lib
mount -t tmpfs -o mode=755 none /var/lib
umount -R -l /run
mount -t tmpfs -o mode=755 none /run
mkdir -p /run/docker /run/systemd/journal /usr/lib/overlaywatch
touch /run/docker.sock
cp -p docker.pid /run/docker.pid
mount --rbind docker /run/docker
mount --bind docker.sock /run/docker.sock
mount --bind journal /run/systemd/journal
mount --bind "$tree" /usr/lib/overlaywatch
# Shipped units and what they need, and nothing else of this machine.
rm -rf /etc/systemd/system /etc/overlaywatch
mkdir -p /etc/systemd/system
for one in basic sysinit sockets local-fs paths timers slices shutdown umount multi-user final network-online network; do
  cp "/lib/systemd/system/$one.target" /etc/systemd/system/
done
cp "$tree"/assets/systemd/*.service "$tree"/assets/systemd/*.socket /etc/systemd/system/
systemd-sysusers "$tree/assets/systemd/sysusers.d/overlaywatch.conf"
systemd-tmpfiles --create "$tree/assets/systemd/tmpfiles.d/overlaywatch.conf"
umount -R /sys/fs/cgroup
mount -t tmpfs -o mode=755 none /sys/fs/cgroup
mkdir /sys/fs/cgroup/systemd /sys/fs/cgroup/unified
mount -t cgroup2 cgroup2 /sys/fs/cgroup/unified
mount -t cgroup -o none,name=systemd cgroup /sys/fs/cgroup/systemd
# A service's credentials are mounted by a child of systemd's, and have to be seen by it.
mount --make-rshared /
exec env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin container=other SYSTEMD_UNIT_PATH=/etc/systemd/system SYSTEMD_GENERATOR_PATH= \
  /lib/systemd/systemd --system --unit=multi-user.target --log-target=console
