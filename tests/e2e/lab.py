"""Machines that really boot: user-mode Linux on copy-on-write disks, on a bridge of their own.

In:  a kernel directory (tests/build/kernel), image directories (tests/build/image), seeds that cloud-init reads from a disk.
Out: machines to power on, cut, wipe, look into.
Absent: what a machine is for. A run lives in network, mount and process namespaces of its own (see
`run`), so nothing here reaches another network and nothing outlives the run.
"""

import os
import shutil
import signal
import subprocess
import time

GATEWAY = "10.77.0.1/24"
"""The bridge's own address; it leads nowhere."""


def command(*words, **options):
    """Runs `words`, fails loudly; returns what they print."""
    return subprocess.run(words, check=True, text=True, stdout=subprocess.PIPE, **options).stdout


class Lab:
    """One network and one kernel for any number of machines; `folder` holds their disks and consoles."""

    def __init__(self, kernel, images, folder):
        """`images` are image directories by Kubernetes version."""
        self.images, self.folder, self.root = images, folder, os.path.join(kernel, "root")
        os.makedirs(folder, exist_ok=True)
        # the kernel is a program that brings its own loader; it sees the disks under fixed names
        binds = [("lab", folder), ("dev", "/dev"), ("dev/shm", "/dev/shm")]
        for name, source in binds + [(f"image-{version}", image) for version, image in images.items()]:
            os.makedirs(os.path.join(self.root, name), exist_ok=True)
            command("mount", "--bind", source, os.path.join(self.root, name))
        open(os.path.join(self.root, "linux"), "ab").close()
        command("mount", "--bind", os.path.join(kernel, "linux"), os.path.join(self.root, "linux"))
        command("mount", "-t", "proc", "proc", os.path.join(self.root, "proc"))
        command("ip", "link", "set", "lo", "up")
        command("ip", "link", "add", "lab", "type", "bridge")
        command("ip", "address", "add", GATEWAY, "dev", "lab")
        command("ip", "link", "set", "lab", "up")
        self.ports = 0

    def port(self):
        """Adds a port to the bridge and returns the name of its free end.

        The free end is one of a veth pair, for a raw packet socket: user-mode Linux's tap transport
        panics under SMP.
        """
        self.ports += 1
        near, far = f"port{self.ports}", f"nic{self.ports}"
        command("ip", "link", "add", near, "type", "veth", "peer", "name", far)
        command("ip", "link", "set", near, "master", "lab", "up")
        command("ip", "link", "set", far, "up")
        return far


class Machine:
    """One computer with one disk, one network card and one seed."""

    MEMORY = {"load-balancer": 768, "control-plane": 2560, "worker": 1536, "etcd": 1024}
    """MiB by role."""

    def __init__(self, lab, version, name, role, address, mac, seed, place):
        """`place` is its number among the cluster's machines: neighbours get different processors."""
        self.lab, self.version, self.name, self.role, self.address, self.mac = lab, version, name, role, address, mac
        self.folder = os.path.join(lab.folder, name)
        os.makedirs(self.folder, exist_ok=True)
        self.card = lab.port()
        # one processor, and always the same of the host's: each of a guest's system calls is two wake-ups between two
        # processes of the host, which cost several times as much across processors
        processors = sorted(os.sched_getaffinity(0))
        self.processor = processors[place % len(processors)]
        self.process = None
        self.insert(seed)

    def insert(self, seed):
        """Puts a copy of `seed` into the drive."""
        shutil.copyfile(seed, os.path.join(self.folder, "seed"))

    @property
    def is_on(self):
        return self.process is not None and self.process.poll() is None

    @property
    def console(self):
        """Everything the machine said on its console since the run began."""
        try:
            with open(os.path.join(self.folder, "console.log"), errors="replace") as log:
                return log.read()
        except FileNotFoundError:
            return ""

    def said(self):
        """The supervisor's own lines on the console, in order."""
        return [line.strip() for line in self.console.splitlines() if line.startswith(("kubespore ", "=== power on", "by-hand "))]

    def power_on(self):
        """Starts the machine from its disk, or from a new one when it has none."""
        assert not self.is_on, f"{self.name} is on"
        inside = f"/lab/{self.name}"
        shutil.rmtree(os.path.join(self.folder, "uml"), ignore_errors=True)
        with open(os.path.join(self.folder, "console.log"), "ab") as log:
            log.write(f"=== power on {time.strftime('%T')}\n".encode())
            log.flush()
            self.process = subprocess.Popen(
                ["taskset", "--cpu-list", str(self.processor), "chroot", self.lab.root, "/linux", f"umid={self.name}", f"uml_dir={inside}/uml",
                 f"mem={self.MEMORY[self.role]}M", "ncpus=1", "seccomp=on",
                 f"ubd0={inside}/root.cow,/image-{self.version}/base.raw", f"ubd1r={inside}/seed", "root=/dev/ubda", "rw",
                 f"vec0:transport=raw,ifname={self.card},mac={self.mac},depth=128",
                 "console=tty0", "con0=null,fd:1", "con=null", "ssl=null", "systemd.show_status=0", "panic=-1"],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True)

    def power_cut(self):
        """Pulls the plug: nothing is flushed, the disk stays as it is."""
        if self.process is None:
            return
        group = self.process.pid
        try:
            os.killpg(group, signal.SIGKILL)
        except ProcessLookupError:
            pass
        self.process.wait()
        # Its children are orphans now, and the run, the first process of its namespace, has to bury them: who is not
        # buried still counts as one of the group.
        deadline = time.monotonic() + 10
        while time.monotonic() < deadline:
            try:
                while os.waitpid(-group, os.WNOHANG) != (0, 0):
                    pass
            except ChildProcessError:
                pass
            try:
                os.killpg(group, 0)
            except ProcessLookupError:
                break
            time.sleep(0.05)
        self.process = None

    def wipe(self):
        """Forgets the disk: the next power-on is a first boot from the same seed."""
        assert not self.is_on, f"{self.name} is on"
        try:
            os.remove(os.path.join(self.folder, "root.cow"))
        except FileNotFoundError:
            pass

    def keep_disk(self):
        """Remembers the disk as it is now, for `restore_disk`."""
        assert not self.is_on, f"{self.name} is on"
        command("cp", "--sparse=always", os.path.join(self.folder, "root.cow"), os.path.join(self.folder, "kept.cow"))

    def restore_disk(self):
        """Makes the disk what it was at `keep_disk`."""
        assert not self.is_on, f"{self.name} is on"
        command("cp", "--sparse=always", os.path.join(self.folder, "kept.cow"), os.path.join(self.folder, "root.cow"))

    def ssh_options(self):
        """What ssh needs to reach any machine of the lab as root."""
        return ["-i", os.path.join(self.lab.images[self.version], "ssh_key"), "-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null",
                "-o", "LogLevel=ERROR", "-o", "ConnectTimeout=5", "-o", "BatchMode=yes"]

    def ssh(self, script, data=None, seconds=30):
        """Runs `script` as root on the machine; returns what it prints, or None when it fails or is out of reach."""
        try:
            done = subprocess.run(
                ["ssh", *self.ssh_options(), f"root@{self.address}", script],
                **({"stdin": subprocess.DEVNULL} if data is None else {"input": data}),
                stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, timeout=seconds)
        except subprocess.TimeoutExpired:
            return None
        return done.stdout if done.returncode == 0 else None
