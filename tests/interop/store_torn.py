#!/usr/bin/python3
"""What the store and the journal make of kill -9, a full disk and torn files (REL-4, REL-5): a line each, exit code 1 if one fails.

usage: store_torn.py [ROUNDS]    of kill -9, 20 unless said

Clients make and delete meetings as fast as they are answered, and calls end meanwhile, so that both files are being written. What
was acknowledged must be there after the next start. Root: the full disk is a small one of memory, in a mount namespace of its own.

GATEWAY_PROGRAM  the gateway, target/ci/gateway unless said
"""

import concurrent.futures
import contextlib
import errno
import http.client
import itertools
import json
import os
import pathlib
import random
import subprocess
import sys
import tempfile
import threading
import time
import urllib.parse

sys.dont_write_bytecode = True

import own_gateway

ROUNDS = 20
CLIENTS = 4
# One in so many meetings is deleted again.
DELETED = 5
DISK = "16m"
FULL_SECONDS = 4
CALLS = 30

NAMESPACE = "--in-namespace"


class Failed(Exception):
    pass


def expect(holds, words):
    if not holds:
        raise Failed(words)


def main():
    words = sys.argv[1:]
    if NAMESPACE not in words:
        if os.geteuid() != 0:
            sys.exit("run as root: a small disk is mounted, in a mount namespace of its own")
        os.execvp("unshare", ["unshare", "--mount", "--propagation", "private", sys.executable, __file__, NAMESPACE, *words])
    rounds = int(words[1]) if words[1:] else ROUNDS
    failed = 0
    tests = (("kill-9", lambda folder: killed(folder, rounds)), ("full-disk", full_disk), ("start-on-a-full-disk", start_on_a_full_disk),
             ("torn-snapshot", torn_snapshot), ("torn-journal", torn_journal))
    with concurrent.futures.ThreadPoolExecutor() as pool:
        for (name, _), (fault, told) in zip(tests, pool.map(fault_of, (test for _, test in tests))):
            print(f"FAILED {name}: {fault}" if fault else f"ok     {name}: {told}", flush=True)
            failed += bool(fault)
    sys.exit(1 if failed else 0)


def fault_of(test):
    with tempfile.TemporaryDirectory(prefix="store-") as folder:
        try:
            return None, test(pathlib.Path(folder))
        except (Failed, OSError, SystemExit) as fault:
            return f"{type(fault).__name__}: {fault}", ""


class Clients:
    """Make and delete meetings until they are stopped; remember what was acknowledged, and with what all else was answered."""

    numbers = itertools.count(920000000)

    def __init__(self, gateway, kept=None):
        self.gateway, self.kept, self.refused, self.over = gateway, kept if kept is not None else set(), {}, threading.Event()
        self.unsure, self.lock = set(), threading.Lock()
        self.threads = [threading.Thread(target=self.run, daemon=True) for _ in range(CLIENTS)]

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.over.set()
        for thread in self.threads:
            thread.join()

    def run(self):
        address = urllib.parse.urlsplit(self.gateway.at.http)
        connection = http.client.HTTPConnection(address.hostname, address.port, timeout=10)
        try:
            while not self.over.is_set():
                with self.lock:
                    meeting = str(next(self.numbers))
                made = self.ask(connection, "POST", "/v1/meetings", meeting, new(meeting))
                if made == 201:
                    self.kept.add(meeting)
                if made == 201 and int(meeting) % DELETED == 0:
                    self.unsure.add(meeting)
                    self.kept.discard(meeting)
                    if self.ask(connection, "DELETE", f"/v1/meetings/{meeting}", meeting) == 204:
                        self.unsure.discard(meeting)
                    else:
                        continue
        except (OSError, http.client.HTTPException):
            # Killed; what was asked for last is not known.
            pass

    def ask(self, connection, method, path, meeting, value=None):
        self.unsure.add(meeting)
        connection.request(method, path, value and json.dumps(value), {"Authorization": f"Bearer {own_gateway.TOKEN}", "Content-Type": "application/json"})
        answer = connection.getresponse()
        answer.read()
        self.unsure.discard(meeting)
        if answer.status >= 300:
            self.refused[answer.status] = self.refused.get(answer.status, 0) + 1
            self.unsure.add(meeting)
        return answer.status


def new(meeting):
    return {"id": meeting, "tenant": "demo", "host_password": "4321", "guest_password": "1234"}


def meetings(gateway):
    status, body = gateway.ask("GET", "/v1/meetings")
    expect(status == 200, f"the list of meetings: {status}")
    return {meeting["id"] for meeting in json.loads(body) if meeting["id"].startswith("92")}


def check_kept(gateway, kept, unsure):
    """All that was acknowledged is there, and nothing that nobody asked for or that was deleted for good."""
    there = meetings(gateway)
    lost, risen = kept - there, there - kept - unsure
    expect(not lost, f"{len(lost)} of {len(kept)} acknowledged meetings are lost: {sorted(lost)[:3]}")
    expect(not risen, f"{len(risen)} deleted meetings are back: {sorted(risen)[:3]}")


def check_records(gateway, at_least):
    """The chain holds; how many records there are."""
    verified = subprocess.run([own_gateway.program(), "verify-cdr", "--json", gateway.folder / "state"], capture_output=True, text=True)
    expect(verified.returncode == 0, f"verify-cdr: {verified.stdout}{verified.stderr}")
    records = json.loads(verified.stdout)["records"]
    expect(records >= at_least, f"{records} records, not {at_least}")
    return records


def calls(gateway, seconds, *words):
    """SIPp's callers, which hang up at once: a record each."""
    command = ["sipp", "-sn", "uac", "-s", "9001", "-i", "127.0.0.1", "-r", "60", "-d", "20", "-l", "40", "-nostdin", *words, f"{gateway.at.host}:{gateway.at.port}"]
    process = subprocess.Popen(command, cwd=gateway.folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    time.sleep(seconds)
    return process


def killed(folder, rounds):
    gateway, chance = own_gateway.OwnGateway(folder, rtp_ports=400), random.Random(7)
    kept, unsure, records, starts = set(), set(), 0, []
    for _ in range(rounds):
        began = time.monotonic()
        gateway.start()
        starts.append(time.monotonic() - began)
        with Clients(gateway, kept) as clients:
            sipp = calls(gateway, chance.uniform(0.3, 0.9))
            gateway.kill()
            sipp.kill()
            sipp.wait()
        unsure |= clients.unsure
        gateway.start()
        check_kept(gateway, kept, unsure)
        records = check_records(gateway, records)
        gateway.kill()
    expect(len(kept) > 20 * rounds and records > 2 * rounds, f"only {len(kept)} meetings and {records} records were written")
    return f"{rounds} kills, {len(kept)} acknowledged meetings and {records} records kept, ready again within {max(starts):.1f} s"


@contextlib.contextmanager
def small_disk(folder):
    state = folder / "state"
    state.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={DISK}", "tmpfs", state], check=True)
    try:
        yield state
    finally:
        subprocess.run(["umount", "--lazy", state], check=True)


def full_disk(folder):
    """What is acknowledged is kept, what can't be stored is refused, calls go on, and it writes again once there is room."""
    with small_disk(folder) as state, own_gateway.OwnGateway(folder) as gateway:
        return in_full(gateway, state)


def start_on_a_full_disk(folder):
    """It says why it can't, and loses nothing by it."""
    with small_disk(folder) as state:
        gateway, kept, unsure = written(folder)
        fill(state / "filler")
        try:
            gateway.start()
        except SystemExit as refusal:
            expect("No space left on device" in str(refusal), f"it says {refusal}")
        else:
            gateway.kill()
            raise Failed("it starts, though its starts can't be counted")
        (state / "filler").unlink()
        gateway.start()
        check_kept(gateway, kept, unsure)
        gateway.kill()
        return f"refused, and with room again {len(kept)} meetings are there"


def in_full(gateway, state):
    with Clients(gateway) as clients:
        time.sleep(1)
        before = len(clients.kept)
        fill(state / "filler")
        time.sleep(FULL_SECONDS)
        sipp = calls(gateway, 0, "-m", str(CALLS), "-timeout", "15", "-timeout_error")
        expect(sipp.wait() == 0, f"calls fail: SIPp exit code {sipp.returncode}")
        refused = sum(clients.refused.values())
        expect(refused, f"nothing was refused while the disk was full; {len(clients.kept) - before} meetings were made")
        expect(set(clients.refused) <= {503, 507}, f"refusals {clients.refused}")
        while_full = len(clients.kept)
        (state / "filler").unlink()
        time.sleep(FULL_SECONDS)
        again = len(clients.kept) - while_full
    expect(gateway.runs(), "it ended")
    check_kept(gateway, clients.kept, clients.unsure)
    gateway.kill()
    gateway.start()
    check_kept(gateway, clients.kept, clients.unsure)
    expect(again, "it stores nothing once there is room again")
    records = check_records(gateway, CALLS)
    return f"{before} meetings, then {refused} refused by {sorted(clients.refused)}, then {again} more once there was room; {CALLS} calls went on; {records} records"


def fill(path):
    with open(path, "wb", buffering=0) as file:
        for size in (1 << 16, 1 << 12, 1):
            try:
                while True:
                    file.write(bytes(size))
            except OSError as full:
                if full.errno != errno.ENOSPC:
                    raise


def written(folder):
    """A gateway that was killed after some writes, over two starts, and what it had acknowledged."""
    gateway, kept, unsure = own_gateway.OwnGateway(folder), set(), set()
    for _ in range(2):
        gateway.start()
        with Clients(gateway, kept) as clients:
            calls(gateway, 1, "-m", "20").wait()
            gateway.kill()
        unsure |= clients.unsure
    return gateway, kept, unsure


def torn_snapshot(folder):
    gateway, kept, unsure = written(folder)
    sled, words = gateway.folder / "state/sled", []
    for name, tear in (("cut", lambda data: data[:len(data) // 2]), ("garbled", lambda data: bytes(byte ^ 0x5A for byte in data)), ("empty", lambda _: b"")):
        snapshots = sorted(sled.glob("snap.*"))
        expect(snapshots, f"there is no snapshot in {sorted(file.name for file in sled.iterdir())}")
        for file in snapshots:
            file.write_bytes(tear(file.read_bytes()))
        gateway.start()
        check_kept(gateway, kept, unsure)
        gateway.kill()
        aside = sorted(file.name for file in (gateway.folder / "state").glob("torn-snap*"))
        words.append(f"{name}: {len(aside)} aside")
    expect("moved aside" in gateway.log.read_text(), f"it says nothing: {gateway.last_log()}")
    return f"{len(kept)} meetings kept; {', '.join(words)}"


def torn_journal(folder):
    gateway, _, _ = written(folder)
    gateway.start()
    file, words = max((gateway.folder / "state").glob("records-*.jsonl")), []
    records = check_records(gateway, 20)
    for name, tear in (("cut", lambda data: data[:-20]), ("begun", lambda data: data + b'{"previous":"'), ("noise", lambda data: data + bytes(range(128, 256)) * 8)):
        gateway.kill()
        file.write_bytes(tear(file.read_bytes()))
        gateway.start()
        left = check_records(gateway, records - 1 if name == "cut" else records)
        expect(file.with_suffix(".torn").exists(), "nothing was set aside")
        calls(gateway, 0.5, "-m", "3").wait()
        time.sleep(0.5)
        records = check_records(gateway, left + 3)
        words.append(f"{name}: {left} records, and 3 after it")
    gateway.kill()
    expect("moved aside" in gateway.log.read_text(), f"it says nothing: {gateway.last_log()}")
    return "; ".join(words)


main()
