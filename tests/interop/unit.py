#!/usr/bin/python3
"""What the service manager sees of the gateway: readiness, the watchdog of sd_notify(3), and how confined the unit is; a line
each, exit code 1 if one fails.

The script is the service manager: it has the socket that sd_notify writes to, and stops single threads by ptrace(2) as a
fault would.

GATEWAY_PROGRAM  the gateway, target/ci/gateway unless said
"""

import ctypes
import os
import pathlib
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time

sys.dont_write_bytecode = True

import own_gateway

UNIT = own_gateway.ROOT / "systemd/gateway.service"
DROP_IN = own_gateway.ROOT / "systemd/drop-ins/shared-sockets.conf"
MOST_EXPOSED = 1.5
MOST_EXPOSED_SHARING = 1.7
# What systemd would wait; the gateway feeds twice in that time.
WATCHDOG_SECONDS = 2
# A worker is stuck after 3 s without a wake-up (server::health::watchdog).
STUCK_SECONDS = 3
PTRACE_SEIZE, PTRACE_INTERRUPT, PTRACE_DETACH = 0x4206, 0x4207, 17
WALL = 0x40000000


def main():
    failed = 0
    for name, fault in [("confined", confined(UNIT, MOST_EXPOSED)), ("confined, shared sockets", shared_sockets()), *watchdog()]:
        failed += fault is not None
        print(f"{'FAILED' if fault else 'ok    '} unit {name}{f': {fault}' if fault else ''}", flush=True)
    sys.exit(1 if failed else 0)


def shared_sockets():
    """The unit with the drop-in that gives it capabilities."""
    with tempfile.TemporaryDirectory(prefix="unit-") as folder:
        unit = pathlib.Path(folder) / UNIT.name
        drop_ins = pathlib.Path(f"{unit}.d")
        drop_ins.mkdir()
        shutil.copy(UNIT, unit)
        shutil.copy(DROP_IN, drop_ins)
        return confined(unit, MOST_EXPOSED_SHARING)


def confined(unit, most):
    """systemd's own judgement of a unit."""
    if shutil.which("systemd-analyze") is None:
        return "systemd-analyze is missing: run tests/setup"
    told = subprocess.run(["systemd-analyze", "security", "--offline=true", unit], capture_output=True, text=True, timeout=60)
    level = re.search(r"Overall exposure level for \S+: ([0-9.]+)", told.stdout)
    if level is None:
        return f"systemd-analyze: {told.stdout[-300:]} {told.stderr[-300:]}"
    return None if float(level[1]) <= most else f"exposure {level[1]}, not {most} at most"


def watchdog():
    with tempfile.TemporaryDirectory(prefix="unit-") as temporary:
        folder = pathlib.Path(temporary)
        manager = Manager(folder / "notify")
        with own_gateway.OwnGateway(folder) as gateway:
            yield "ready", None if manager.hears("READY=1", 5) else "it never said READY=1"
            yield "fed", manager.is_fed()
            for thread in ("media-0", "shard"):
                yield f"stuck/{thread}", stuck(manager, gateway, thread)
        yield "stopping", None if manager.hears("STOPPING=1", 1) else "it never said STOPPING=1"


def stuck(manager, gateway, thread):
    """Nothing is fed while one thread is stopped, and it is again once that goes on."""
    stopped = Thread(gateway.process.pid, thread)
    if stopped.fault:
        return stopped.fault
    try:
        time.sleep(STUCK_SECONDS + 0.5)
        manager.forget()
        if manager.hears("WATCHDOG=1", 2 * WATCHDOG_SECONDS):
            return f"it is fed though {thread} is stopped"
    finally:
        stopped.go_on()
    return manager.is_fed()


class Manager:
    """The end of sd_notify's socket that is the service manager's."""

    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(str(path))
        os.environ.update(NOTIFY_SOCKET=str(path), WATCHDOG_USEC=str(WATCHDOG_SECONDS * 1_000_000))
        os.environ.pop("WATCHDOG_PID", None)

    def hears(self, wanted, seconds):
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            self.socket.settimeout(left)
            try:
                if wanted in self.socket.recv(4096).decode().splitlines():
                    return True
            except socket.timeout:
                return False
        return False

    def is_fed(self):
        """Three times on end, each well before systemd would lose patience."""
        self.forget()
        times = []
        for _ in range(3):
            if not self.hears("WATCHDOG=1", 2 * WATCHDOG_SECONDS):
                return "it is not fed"
            times.append(time.monotonic())
        gaps = [later - before for before, later in zip(times, times[1:])]
        return None if max(gaps) < WATCHDOG_SECONDS else f"fed every {max(gaps):.2f} s"

    def forget(self):
        self.socket.setblocking(False)
        try:
            while True:
                self.socket.recv(4096)
        except BlockingIOError:
            pass


class Thread:
    """A thread of another process, stopped while its others run."""

    def __init__(self, process, name):
        self.libc, self.fault = ctypes.CDLL(None, use_errno=True), None
        self.libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]
        tasks = pathlib.Path(f"/proc/{process}/task").iterdir()
        self.id = next((int(task.name) for task in tasks if (task / "comm").read_text().strip() == name), None)
        if self.id is None:
            self.fault = f"there is no thread {name}"
        elif self.libc.ptrace(PTRACE_SEIZE, self.id, None, None) != 0:
            self.fault = f"ptrace: {os.strerror(ctypes.get_errno())}"
        else:
            self.libc.ptrace(PTRACE_INTERRUPT, self.id, None, None)
            os.waitpid(self.id, WALL)

    def go_on(self):
        self.libc.ptrace(PTRACE_DETACH, self.id, None, None)


if __name__ == "__main__":
    main()
