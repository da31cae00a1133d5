#!/usr/bin/python3
"""Runs the SIPp scenarios against the gateway named by gateway_under_test.py; a line each, exit code 1 if one fails.

usage: sipp_run.py [--against-stand-ins] [SCENARIO ...]

--against-stand-ins tests the scenarios themselves: SIPp plays the gateway too (sipp/peer/).
Needs root: SIPp plays media through a raw socket, and the echo is read off the loopback interface.

GATEWAY_ACCESS    access number, 02153290005 unless said
GATEWAY_MEETING   a meeting as ID:PASSWORD, 900100001:1234 unless said
GATEWAY_UNROUTED  a number that has no route, 5550404 unless said
"""

import dataclasses
import os
import pathlib
import random
import shutil
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time

sys.dont_write_bytecode = True

import gateway_under_test
import rtp_script

SCENARIOS = pathlib.Path(__file__).resolve().parent / "sipp"
ACCESS = os.environ.get("GATEWAY_ACCESS", "02153290005")
MEETING, _, PASSWORD = os.environ.get("GATEWAY_MEETING", "900100001:1234").partition(":")
UNROUTED = os.environ.get("GATEWAY_UNROUTED", "5550404")

PACKET_OUTGOING = 4
ECHO_SHARE = 0.9


@dataclasses.dataclass(frozen=True)
class Scenario:
    number: str
    stand_in: str
    seconds: int
    caller: object = None
    media: object = None
    identity: str = "13800000001"


def wrong_tries():
    """Digits break into each prompt; the verdict, which may be delayed, is waited out."""
    script = rtp_script.Script().silence(1.5)
    for _ in range(3):
        script.digits("999999999#").silence(1.5).digits("0000#").silence(9)
    return script.silence(15)


def joining():
    script = rtp_script.Script().silence(1.5).digits(MEETING + "#").silence(1.5).digits(PASSWORD + "#")
    return script.silence(2).tone(440, 6)


def all_heard(sent, heard):
    """Prompts and the mix: a packet each 20 ms from the ACK on."""
    return len(heard) > 0.9 * 50 * 15, f"{len(heard)} RTP packets in 16 s"


def all_returned(sent, heard):
    """The frames of the tone are all different for 400 ms, so a match is an echo and no accident."""
    tone = {packet[12:] for packet in sent} - {rtp_script.SILENCE}
    back = sum(packet[12:] in tone for packet in heard)
    want = sum(packet[12:] in tone for packet in sent)
    return back >= ECHO_SHARE * want, f"{back} of {want} frames came back"


RUNS = {
    "options": Scenario("ping", "options", 5),
    "refused": Scenario(UNROUTED, "refuse", 10),
    "cancel": Scenario("9003", "ring", 10),
    "echo": Scenario("9001", "answer", 15, lambda: rtp_script.Script().silence(1).tone(437, 3).silence(1), all_returned),
    "ivr": Scenario(ACCESS, "answer", 40, joining, all_heard),
    # A caller of its own each time: ten failures of one within 5 min lock it (DIAL-5).
    "wrong": Scenario(ACCESS, "hangup", 120, wrong_tries, identity=f"139{random.randrange(10 ** 8):08}"),
}


def main():
    names = sys.argv[1:]
    stand_ins = "--against-stand-ins" in names
    names = [name for name in names if name != "--against-stand-ins"] or list(RUNS)
    if unknown := [name for name in names if name not in RUNS]:
        sys.exit(f"no scenario {', '.join(unknown)}\n{__doc__}")
    if os.geteuid() != 0:
        sys.exit("run as root: SIPp plays media through a raw socket")
    if not shutil.which("sipp"):
        sys.exit("sipp is not installed: run tests/setup")
    gateway = gateway_under_test.from_environment()
    failed = 0
    for name in names:
        with tempfile.TemporaryDirectory(prefix="sipp-") as folder:
            ok, words = run(name, RUNS[name], gateway, pathlib.Path(folder), stand_ins)
        print(f"{'ok    ' if ok else 'FAILED'} {name}: {words}", flush=True)
        failed += not ok
    sys.exit(1 if failed else 0)


def run(name, scenario, gateway, folder, stand_in):
    shutil.copy(SCENARIOS / f"{name}.xml", folder)
    sent = []
    if scenario.caller:
        script = scenario.caller()
        script.write(folder / "caller.pcap")
        sent = script.packets
    port = gateway_under_test.free_ports(8, gateway.media)
    target = (gateway.host, gateway.port)
    peer = None
    if stand_in:
        target = ("127.0.0.1", gateway_under_test.free_ports(8, range(port, port + 8)))
        peer = start(SCENARIOS / "peer" / f"{scenario.stand_in}.xml", folder, target[1], target[1] + 2, scenario, ["-rtp_echo"])
        time.sleep(0.5)
    began = time.monotonic()
    with Listener(port + 2) as listener:
        caller = start(folder / f"{name}.xml", folder, port, port + 2, scenario, ["-s", scenario.number, "-key", "caller", scenario.identity, "%s:%d" % target])
        code = caller.wait()
    took = time.monotonic() - began
    if peer and peer.wait() != 0:
        return False, f"the stand-in failed: {last_words(folder)}"
    if code != 0:
        return False, f"SIPp exit code {code}: {last_words(folder)}"
    if scenario.media and not (stand_in and scenario.media is all_heard):
        ok, words = scenario.media(sent, listener.packets)
        return ok, f"{words}, {took:.1f} s"
    return True, f"{took:.1f} s"


def start(file, folder, sip_port, media_port, scenario, more):
    stem = file.stem + str(sip_port)
    command = ["sipp", "-sf", file, "-i", "127.0.0.1", "-p", sip_port, "-mi", "127.0.0.1", "-mp", media_port, "-m", 1, "-l", 1,
               "-nostdin", "-timeout", scenario.seconds, "-timeout_error", "-trace_err", "-error_file", folder / f"{stem}.errors",
               "-trace_msg", "-message_file", folder / f"{stem}.messages", *more]
    with open(folder / f"{stem}.screen", "w") as screen:
        return subprocess.Popen(list(map(str, command)), cwd=folder, stdout=screen, stderr=screen)


def last_words(folder):
    """What SIPp complained of, and the last message it saw."""
    errors = "".join(file.read_text(errors="replace") for file in folder.glob("*.errors")).strip().splitlines()
    messages = "".join(file.read_text(errors="replace") for file in folder.glob("*.messages")).strip().splitlines()
    return "\n    ".join(["", *errors[:12], "last messages:", *messages[-40:]])


class Listener(threading.Thread):
    """Reads RTP to one port off the loopback interface: SIPp does not keep what it hears."""

    def __init__(self, port):
        super().__init__(daemon=True)
        self.port, self.packets, self.ended = port, [], False
        self.socket = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(0x0800))
        self.socket.bind(("lo", 0x0800))
        self.socket.settimeout(0.2)

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.ended = True
        self.join()
        self.socket.close()

    def run(self):
        while not self.ended:
            try:
                packet, address = self.socket.recvfrom(2048)
            except TimeoutError:
                continue
            # On loopback each packet passes twice: out and in.
            if address[2] == PACKET_OUTGOING or packet[9] != socket.IPPROTO_UDP:
                continue
            header = (packet[0] & 0x0F) * 4
            if struct.unpack_from("!H", packet, header + 2)[0] == self.port and packet[header + 8] >> 6 == 2:
                self.packets.append(packet[header + 8:])


main()
