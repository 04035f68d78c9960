#!/bin/bash
# A systemd of the tests' own, as the first process of its own namespaces, on a copy of this machine's files that is
# thrown away with it. machine.sh FOLDER SHARED: FOLDER is empty and the script's own, SHARED is seen by both sides.
# Nothing of this machine is changed: its /dev, /proc/sys and /sys are not within reach in there.
set -e
export folder=$1 shared=$2
mkdir "$folder/cgroups" "$folder/layers" "$folder/root"

# A branch of the control groups for it; the mount that makes it is not kept.
mount -t cgroup2 none "$folder/cgroups"
branch=$folder/cgroups/stratctl-test-$$
mkdir "$branch"
echo $$ > "$branch/cgroup.procs"
umount "$folder/cgroups"

exec unshare --fork --kill-child --pid --mount --cgroup --uts --ipc --propagation private bash -ec '
mount -t tmpfs -o size=512m layers "$folder/layers"
mkdir "$folder/layers/upper" "$folder/layers/work"
root=$folder/root
mount -t overlay -o "lowerdir=/,upperdir=$folder/layers/upper,workdir=$folder/layers/work" machine "$root"

mount -t proc proc "$root/proc"
mount --bind "$root/proc/sys" "$root/proc/sys"
mount -o remount,ro,bind "$root/proc/sys"
mount -t sysfs -o ro sysfs "$root/sys"
mount -t cgroup2 cgroup "$root/sys/fs/cgroup"
mount -t tmpfs -o mode=755 run "$root/run"
mount -t tmpfs tmp "$root/tmp"
mount -t tmpfs -o mode=755 dev "$root/dev"
for device in null zero full random urandom tty; do
  touch "$root/dev/$device"
  mount --bind "/dev/$device" "$root/dev/$device"
done
mkdir "$root/dev/shm" "$root/dev/pts"
mount -t tmpfs shm "$root/dev/shm"
mount -t devpts -o newinstance,ptmxmode=0666,mode=620 pts "$root/dev/pts"
ln -s pts/ptmx "$root/dev/ptmx"
ln -s /proc/self/fd "$root/dev/fd"
touch "$root/dev/console"
mount --bind /dev/null "$root/dev/console"

# What the tests bring: the node that runs them, the checkout, and a folder for both sides.
mkdir -p "$root/opt/stratctl-test/shared" "$root/opt/stratctl-test/checkout"
touch "$root/opt/stratctl-test/node"
mount --bind "$NODE" "$root/opt/stratctl-test/node"
mount --bind "$CHECKOUT" "$root/opt/stratctl-test/checkout"
mount -o remount,ro,bind "$root/opt/stratctl-test/checkout"
mount --bind "$shared" "$root/opt/stratctl-test/shared"

units=$root/etc/systemd/system
rm -rf "$units" "$root/etc/machine-id" "$root/etc/stratctl" "$root/var/lib/stratctl" "$root/var/lib/private"
mkdir -p "$units"
echo 0123456789abcdef0123456789abcdef > "$root/etc/machine-id"
# Units that would set up hardware, which is not there.
for unit in sysctl tmpfiles-setup-dev binfmt modules-load timesyncd udevd udev-trigger; do
  ln -s /dev/null "$units/systemd-$unit.service"
done
printf "[Unit]\nDescription=The tests\n" > "$units/tests.target"
# A user with a systemd of his own, without PAM and logind, which would start it elsewhere.
echo "desk:x:4711:4711::/srv/desk:/bin/sh" >> "$root/etc/passwd"
echo "desk:x:4711:" >> "$root/etc/group"
mkdir -p "$root/srv/desk"
chmod 700 "$root/srv/desk"
chown 4711:4711 "$root/srv/desk"
cat > "$units/desk.service" <<UNIT
[Service]
Type=notify
User=desk
RuntimeDirectory=desk
RuntimeDirectoryMode=0700
Environment=XDG_RUNTIME_DIR=/run/desk
Delegate=yes
KillMode=mixed
ExecStart=/lib/systemd/systemd --user
UNIT

cd "$root"
mkdir .before
pivot_root . .before
cd /
umount -l /.before
rmdir /.before
mount --make-rshared /
exec env -i container=test PATH=/usr/bin:/usr/sbin /lib/systemd/systemd --system --unit=tests.target --log-target=journal --show-status=false
'
