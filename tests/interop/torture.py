#!/usr/bin/python3
"""Replays the torture messages of RFC 4475 and RFC 5118 to a gateway that has nothing but a loopback interface.

usage: torture.py [--keep FOLDER] [CASE ...]
       torture.py --why-not

A line for each case that fails, then a line for each transport; exit code 1 if one fails. --keep leaves log and captures.
--why-not says why it would skip, if it would, and does nothing.
The messages name hosts that others own, so gateway and sender run in a network namespace of their own, which needs root.

GATEWAY_TEST_DATA  folder with rfc4475, rfc5118 and verdicts.toml, which says what may be answered
GATEWAY_PROGRAM    the gateway, target/ci/gateway unless said
"""

import argparse
import collections
import dataclasses
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import tomllib
import urllib.error
import urllib.request

sys.dont_write_bytecode = True

HERE = pathlib.Path(__file__).resolve()
ROOT = HERE.parents[2]
SIP, HTTP, RTP = ("127.0.0.1", 5060), "127.0.0.1:8080", "10000-10999"
SENDER, SENDER_PORT = "127.0.0.2", 15060
CALLED = b"P-Called-Party-ID: <sip:9001@example.com>\r\n"

# In a namespace that has lo only, and an empty resolv.conf: no name is asked for, wherever a server might listen.
ALONE = ["unshare", "--net", "--mount", "sh", "-c", 'mount --bind /dev/null /etc/resolv.conf && ip link set lo up && exec "$@"', "sh"]

READY_SECONDS = 15
ANSWER_SECONDS = 3
# For what must not be answered, and for a second answer.
SILENT_SECONDS, AFTER_SECONDS = 0.4, 0.1
# A TCP sender that does not end its message is closed after 64*T1; T1 is 50 ms here.
CLOSE_SECONDS = 5

# What fails for a reason we know: it prints `known`, and fails once it passes, until it is struck off.
KNOWN = {}
# tshark stops at a CSeq whose method has more than 32 letters.
TSHARK_CANNOT = 'sip.Call-ID contains "intmeth"'

# Of these bodies Content-Length cuts off the end; verdicts.toml: with the right one, 400 is wrong.
CUT_BODIES = ("rfc5118/ipv6-in-sdp.dat", "rfc5118/mult-ip-in-sdp.dat", "rfc5118/ipv4-mapped-ipv6.dat")
# RFC 3261 §18.3: where a stream does not say how long its message is, nothing more can be read of it.
BROKEN_STREAMS = {
    "rfc4475/clerr.dat": ["400", "closed"],
    "rfc4475/ncl.dat": ["400", "error", "closed"],
    "rfc4475/mcl01.dat": ["400", "error", "closed"],
    "rfc4475/inv2543.dat": ["400", "error", "closed"],
}


@dataclasses.dataclass(frozen=True)
class Answer:
    """A response, as far as the judge looks at it."""

    raw: bytes
    port: int = 0

    @property
    def head(self):
        return re.sub(rb"\r\n[ \t]+", b" ", self.raw.partition(b"\r\n\r\n")[0])

    @property
    def body(self):
        return self.raw.partition(b"\r\n\r\n")[2]

    @property
    def status(self):
        found = re.match(rb"SIP/2\.0 (\d{3}) ", self.raw)
        return int(found[1]) if found else 0

    def all(self, name):
        return [line.partition(b":")[2].strip() for line in self.head.split(b"\r\n")[1:] if line.partition(b":")[0].strip().lower() == name.lower()]

    def first(self, name):
        return next(iter(self.all(name)), b"")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--keep", type=pathlib.Path)
    parser.add_argument("--why-not", action="store_true")
    parser.add_argument("cases", nargs="*")
    wanted = parser.parse_args()
    data = os.environ.get("GATEWAY_TEST_DATA")
    reason = why_not(data)
    if wanted.why_not or reason:
        print(reason or "" if wanted.why_not else f"SKIPPED torture: {reason}")
        return
    if [name for _, name in socket.if_nameindex()] != ["lo"]:
        os.execvp(ALONE[0], [*ALONE, sys.executable, str(HERE), *sys.argv[1:]])
    cases = tomllib.loads(pathlib.Path(data, "verdicts.toml").read_text())
    excluded = cases["meta"]["policy_excludes"]
    chosen = [case for case in cases["case"] if not wanted.cases or pathlib.Path(case["file"]).stem in wanted.cases]
    failed = sum(replay_all(kind, chosen, excluded, pathlib.Path(data), wanted.keep) for kind in (Udp, Tcp))
    sys.exit(1 if failed else 0)


def why_not(data):
    if not data:
        return "GATEWAY_TEST_DATA does not say where the messages are"
    if not pathlib.Path(data, "verdicts.toml").exists():
        return f"no verdicts.toml in {data}"
    if os.geteuid() != 0:
        return "not root: no network namespace"
    if missing := [tool for tool in ("unshare", "ip") if not shutil.which(tool)]:
        return f"{missing[0]} is not installed: run tests/setup"
    tried = subprocess.run([*ALONE, "true"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    return f"no network namespace: {tried.stdout.strip()}" if tried.returncode else None


def replay_all(kind, cases, excluded, data, keep):
    name, outcomes = kind.__name__.lower(), collections.Counter()
    with tempfile.TemporaryDirectory(prefix="torture-") as temporary:
        folder = pathlib.Path(keep or temporary) / name
        folder.mkdir(parents=True, exist_ok=True)
        capture = start_capture(folder)
        with Gateway(folder) as gateway:
            seen = set()
            for case in cases:
                message = prepared(case, data, name.upper().encode(), seen)
                faults = replay(kind, case, message, excluded)
                faults += gateway.faults()
                outcomes[tell(name, case, faults)] += 1
                if not gateway.runs():
                    print(f"FAILED {name}: the gateway ended, see {folder}/gateway.log", flush=True)
                    break
        bad = gateway.ended_badly()
        bad += check_capture(capture, f"{name} answers")
    summary = f"torture {name}: {outcomes['passed']} passed, {outcomes['failed']} failed, {outcomes['known']} known"
    print(summary if outcomes["failed"] or bad else f"ok     {summary}", flush=True)
    return outcomes["failed"] + bad


def tell(name, case, faults):
    """What is known to fail and doesn't is not as expected either."""
    why = KNOWN.get(case["file"])
    if why and faults:
        print(f"known  {name} {case['file']}: {why}", flush=True)
        return "known"
    if why:
        faults = [f"passes: strike it off KNOWN ({why})"]
    if faults:
        print(f"FAILED {name} {case['file']}: want {', '.join(allowed(case, name))}; {'; '.join(faults)}", flush=True)
    return "failed" if faults else "passed"


def start_capture(folder):
    if not shutil.which("tshark"):
        return None
    capture = folder / "torture.pcap"
    subprocess.run([sys.executable, HERE.with_name("tshark_check.py"), "start", capture, str(SIP[1])], check=True)
    return capture


def check_capture(capture, label):
    if capture is None:
        print("SKIPPED tshark: tshark is not installed")
        return 0
    check = HERE.with_name("tshark_check.py")
    subprocess.run([sys.executable, check, "stop", capture], check=True)
    command = [sys.executable, check, "check", capture, "--sip", f"{SIP[0]}:{SIP[1]}", "--rtp", "none", "--label", label, "--except", TSHARK_CANNOT]
    return 1 if subprocess.run(command).returncode else 0


# What is sent.

def prepared(case, data, transport, seen):
    """The message with the transport that carries it in its top Via, and no branch or Call-ID of an earlier case."""
    message = (data / case["file"]).read_bytes()
    if case["file"] in CUT_BODIES:
        head, _, body = message.partition(b"\r\n\r\n")
        message = re.sub(rb"(?im)^Content-Length:.*\r$", b"Content-Length: %d\r" % len(body), head + b"\r\n", count=1) + b"\r\n" + body
    message = re.sub(rb"(?im)(^(?:via|v)\s*:\s*SIP\s*/\s*[\d.]+\s*/\s*)\w+", lambda found: found[1] + transport, message, count=1)
    for pattern in (rb"(?i)branch\s*=\s*(z9hG4bK[^\s;,]+)", rb"(?im)^(?:call-id|i)\s*:\s*(\S+)"):
        found = re.search(pattern, message)
        if found and found[1] in seen:
            message = message.replace(found[1], found[1] + b"-" + pathlib.Path(case["file"]).stem.encode())
        if found:
            seen.add(found[1])
    if case["kind"] == "request INVITE":
        # verdicts.toml: assume that the server knows who is called. The gateway's own trunk says it in this header.
        head, gap, body = message.partition(b"\r\n\r\n")
        message = head + b"\r\n" + CALLED + b"\r\n" + body if gap else message
    return message


def via_of(message):
    """The top Via's sent-by port, and whether it has rport (RFC 3581)."""
    head = re.sub(rb"\r\n[ \t]+", b" ", message.partition(b"\r\n\r\n")[0])
    found = re.search(rb"(?im)^(?:via|v)\s*:\s*SIP\s*/\s*[\d.]+\s*/\s*\w+\s+(\[[^\]]*\]|[^\s:;,]+)\s*(?::\s*(\d+))?([^,\r\n]*)", head)
    if not found:
        return 5060, False
    return int(found[2] or 5060), bool(re.search(rb"(?i);\s*rport\b", found[3]))


# What carries it.

class Udp:
    """A socket that sends, and one at the port of the Via: where the answer must come is told apart."""

    def __init__(self, message):
        port, rport = via_of(message)
        self.due = SENDER_PORT if rport else port
        self.sockets = [bound(SENDER_PORT)] + ([bound(port)] if port != SENDER_PORT else [])
        self.closed = False

    def send(self, message):
        self.sockets[0].sendto(message, SIP)

    def receive(self, seconds):
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            for one in self.sockets:
                one.settimeout(min(left, 0.01))
                try:
                    return Answer(one.recv(65535), one.getsockname()[1])
                except TimeoutError:
                    continue
        return None

    def close(self):
        for one in self.sockets:
            one.close()


class Tcp:
    """A connection from a port that no Via names; answers come back by it (RFC 3261 §18.2.2)."""

    def __init__(self, _message):
        self.socket = socket.create_connection(SIP, timeout=ANSWER_SECONDS, source_address=(SENDER, 0))
        self.due = self.socket.getsockname()[1]
        self.buffer, self.closed = b"", False

    def send(self, message):
        try:
            self.socket.sendall(message)
        except OSError:
            self.closed = True

    def receive(self, seconds):
        end = time.monotonic() + seconds
        while True:
            head, gap, rest = self.buffer.partition(b"\r\n\r\n")
            length = int((re.search(rb"(?im)^(?:Content-Length|l)\s*:\s*(\d+)", head) or [0, 0])[1])
            if gap and len(rest) >= length:
                self.buffer = rest[length:]
                return Answer(head + gap + rest[:length], self.due)
            left = end - time.monotonic()
            if left <= 0 or self.closed:
                return None
            self.socket.settimeout(left)
            try:
                read = self.socket.recv(65535)
            except TimeoutError:
                return None
            except OSError:
                read = b""
            self.buffer += read
            self.closed = not read

    def close(self):
        self.socket.close()


def bound(port, address=SENDER):
    one = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    one.bind((address, port))
    return one


# What is asked, and judged.

def replay(kind, case, message, excluded):
    wire = kind(message)
    name = kind.__name__.lower()
    try:
        wire.send(message)
        if case["kind"].startswith("response"):
            came = wire.receive(SILENT_SECONDS)
            return [f"a response was answered {came.status}"] if came else []
        finals = final_answers(wire, case, message, name)
        faults = verdict(case, name, finals, wire, excluded)
        for answer in finals:
            faults += wrong_answer(case, message, answer, wire)
            faults += leave(wire, message, answer)
        if name == "udp" and len(finals) > 1:
            faults.append(f"{len(finals)} final answers to one datagram")
        return faults
    finally:
        wire.close()


def final_answers(wire, case, message, name):
    """All final answers, less those that come again."""
    finals, is_silent = [], "ignore" in allowed(case, name)
    patience = CLOSE_SECONDS if "closed" in allowed(case, name) else SILENT_SECONDS * 3 if is_silent else ANSWER_SECONDS
    while (answer := wire.receive(AFTER_SECONDS if finals else patience)) is not None:
        if answer.status >= 200 or answer.status == 0:
            if answer.raw in [known.raw for known in finals]:
                continue
            finals.append(answer)
            acknowledge(wire, message, answer)
    return finals


def allowed(case, transport):
    if transport == "tcp" and case["file"] in BROKEN_STREAMS:
        return BROKEN_STREAMS[case["file"]]
    outcome = case.get("outcome_without_registrar", case["outcome"])
    return [one for one in outcome if not (one == "400" and case["file"] in CUT_BODIES)]


def verdict(case, transport, finals, wire, excluded):
    want = allowed(case, transport)
    if not finals:
        silent = "closed" if wire.closed else "ignore"
        return [] if silent in want or (wire.closed and "ignore" in want) else ["closed without an answer" if wire.closed else "no answer"]
    status = finals[0].status
    fits = {
        "accept": 200 <= status < 300,
        "error": 400 <= status < 700,
        "3xx-6xx": 300 <= status < 700 and status not in excluded,
    }
    if any(fits.get(one, one == str(status)) for one in want):
        return []
    return [f"came {finals[0].raw.splitlines()[0].decode(errors='replace')}"]


def wrong_answer(case, message, answer, wire):
    """What RFC 3261 §8.2.6 asks of each answer, and a fact or two of the case's `must`."""
    faults = []
    if not answer.status:
        return [f"no SIP/2.0 response: {answer.raw[:40]!r}"]
    if answer.port != wire.due:
        faults.append(f"answered to port {answer.port}, due at {wire.due}")
    if f"received={SENDER}".encode() not in answer.first(b"Via"):
        faults.append("top Via without received")
    if count_vias(message) != sum(1 + value.count(b"SIP/2.0/") - 1 if b"SIP/2.0/" in value else 1 for value in map(squeezed, answer.all(b"Via"))):
        faults.append(f"{count_vias(message)} Vias asked, {len(answer.all(b'Via'))} lines answered")
    to = answer.first(b"To")
    if to and not re.search(rb"(?i);\s*tag\s*=", to) and case["parses"] is True:
        faults.append("To without tag")
    if must := MUST.get(case["file"]):
        words, holds = must
        if not holds(answer):
            faults.append(f"{answer.status} without {words}")
    return faults


def squeezed(value):
    return re.sub(rb"\s*/\s*", b"/", value)


def count_vias(message):
    head = squeezed(re.sub(rb"\r\n[ \t]+", b" ", message.partition(b"\r\n\r\n")[0]))
    return sum(max(1, len(re.findall(rb"SIP/\d\.0/", value))) for value in re.findall(rb"(?im)^(?:via|v)\s*:([^\r\n]*)", head))


def listing(header, *words):
    return lambda answer: all(word in b", ".join(answer.all(header)) for word in words)


def video_is_refused(answer):
    return answer.status != 200 or (b"m=audio" in answer.body and (b"m=video 0 " in answer.body or b"m=video" not in answer.body))


MUST = {
    "rfc4475/intmeth.dat": ("Allow", listing(b"Allow", b"INVITE")),
    "rfc4475/esc02.dat": ("Allow", listing(b"Allow", b"INVITE")),
    "rfc4475/bext01.dat": ("both in Unsupported", listing(b"Unsupported", b"nothingSupportsThis", b"nothingSupportsThisEither")),
    "rfc4475/invut.dat": ("Accept", listing(b"Accept", b"application/sdp")),
    "rfc4475/sdp01.dat": ("an empty body", lambda answer: not answer.body),
    "rfc4475/regaut01.dat": ("Allow", listing(b"Allow", b"INVITE")),
    "rfc4475/esc01.dat": ("audio, and video at port 0", video_is_refused),
    "rfc4475/longreq.dat": ("audio, and video at port 0", video_is_refused),
    "rfc4475/baddate.dat": ("audio, and video at port 0", video_is_refused),
}


def acknowledge(wire, message, answer):
    if b"INVITE" not in answer.first(b"CSeq"):
        return
    number = answer.first(b"CSeq").split()[0]
    target, via = uri_of(message), answer.first(b"Via")
    if 200 <= answer.status < 300:
        target = contact_of(answer)
        via = b"SIP/2.0/%s %s:%d;branch=z9hG4bKack%d" % (type(wire).__name__.upper().encode(), SENDER.encode(), wire.due, time.monotonic_ns())
    wire.send(within(b"ACK", target, via, answer, number))


def leave(wire, message, answer):
    """BYE after a 2xx to an INVITE, and its 200."""
    if b"INVITE" not in answer.first(b"CSeq") or not 200 <= answer.status < 300:
        return []
    number = b"%d" % (int(answer.first(b"CSeq").split()[0]) + 1)
    via = b"SIP/2.0/%s %s:%d;branch=z9hG4bKbye%d" % (type(wire).__name__.upper().encode(), SENDER.encode(), wire.due, time.monotonic_ns())
    wire.send(within(b"BYE", contact_of(answer), via, answer, number))
    end = time.monotonic() + ANSWER_SECONDS
    while (came := wire.receive(end - time.monotonic())) is not None:
        if b"BYE" in came.first(b"CSeq"):
            return [] if came.status == 200 else [f"BYE was answered {came.status}"]
    return ["BYE was not answered"]


def within(method, target, via, answer, number):
    lines = [
        b"%s %s SIP/2.0" % (method, target), b"Via: " + via, b"From: " + answer.first(b"From"), b"To: " + answer.first(b"To"),
        b"Call-ID: " + answer.first(b"Call-ID"), b"CSeq: %s %s" % (number, method), b"Max-Forwards: 70", b"Content-Length: 0", b"", b"",
    ]
    return b"\r\n".join(lines)


def uri_of(message):
    words = message.split(b"\r\n")[0].split()
    return words[1] if len(words) > 2 else b"sip:9001@127.0.0.1"


def contact_of(answer):
    found = re.search(rb"<([^>]+)>", answer.first(b"Contact"))
    return found[1] if found else b"sip:9001@127.0.0.1"


class Gateway:
    def __init__(self, folder):
        self.folder, self.asked = folder, 0

    def __enter__(self):
        program = os.environ.get("GATEWAY_PROGRAM") or ROOT / os.environ.get("CARGO_TARGET_DIR", "target") / "ci/gateway"
        settings = [
            "listener.0.address=%s:%d" % SIP, "listener.1.address=%s:%d" % SIP, "listener.2.address=%s:%d" % (SIP[0], SIP[1] + 1), f"http.address={HTTP}", f"media.range.0.ports={RTP}",
            f"state={self.folder}/state", "sip.t1=50ms", "media.quarantine=1s", "trunk.0.called_number=p-called-party-id",
            *(f"listener.{number}.registrar=off" for number in range(3)),
        ]
        command = [program, "run", "--config", ROOT / "conf/demo.toml"]
        for setting in settings:
            command += ["--set", setting]
        with open(self.folder / "gateway.log", "w") as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=log, stdin=subprocess.DEVNULL)
        end = time.monotonic() + READY_SECONDS
        while not self.get("/readyz"):
            if time.monotonic() > end or not self.runs():
                self.process.kill()
                sys.exit(f"FAILED torture: the gateway is not ready: {(self.folder / 'gateway.log').read_text()}")
            time.sleep(0.05)
        return self

    def __exit__(self, *_):
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def runs(self):
        return self.process.poll() is None

    def get(self, path):
        request = urllib.request.Request(f"http://{HTTP}{path}", headers={"Authorization": "Bearer demo-token"})
        try:
            with urllib.request.urlopen(request, timeout=2) as answer:
                return answer.read()
        except (urllib.error.URLError, OSError):
            return None

    def faults(self):
        """After each message the process runs, answers a clean OPTIONS, and has no call left."""
        if not self.runs():
            return ["the gateway ended"]
        faults = [f"a clean OPTIONS by {kind.__name__.upper()} was answered {came}" for kind in (Udp, Tcp) if (came := self.ping(kind)) != 200]
        end = time.monotonic() + ANSWER_SECONDS
        while calls := json.loads(self.get("/v1/status") or b'{"load":{"calls":-1}}')["load"]["calls"]:
            if time.monotonic() > end:
                return faults + [f"{calls} calls are left over"]
            time.sleep(0.02)
        return faults

    def ping(self, kind):
        self.asked += 1
        message = (
            f"OPTIONS sip:{SIP[0]} SIP/2.0\r\nVia: SIP/2.0/{kind.__name__.upper()} {SENDER}:{SENDER_PORT};branch=z9hG4bKping{self.asked}\r\n"
            f"From: <sip:judge@{SENDER}>;tag=1\r\nTo: <sip:{SIP[0]}>\r\nCall-ID: ping-{self.asked}@{SENDER}\r\nCSeq: 1 OPTIONS\r\n"
            "Max-Forwards: 70\r\nContent-Length: 0\r\n\r\n"
        ).encode()
        wire = kind(message)
        try:
            wire.send(message)
            answer = wire.receive(ANSWER_SECONDS)
            return answer.status if answer else 0
        finally:
            wire.close()

    def ended_badly(self):
        log = (self.folder / "gateway.log").read_text(errors="replace")
        if self.process.returncode == 0 and "panicked at" not in log:
            return 0
        print(f"FAILED torture: exit code {self.process.returncode} after SIGTERM\n{log[-2000:]}")
        return 1


if __name__ == "__main__":
    main()
