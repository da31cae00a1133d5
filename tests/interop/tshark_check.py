#!/usr/bin/python3
"""Has tshark read what the gateway sent: no malformed packet, no expert error in SIP, SDP, RTP or RTCP, and each packet
marked as its kind is by default (RFC 2474): sound EF, signaling CS3.

usage: tshark_check.py start FILE.pcap PORT ...
       tshark_check.py stop FILE.pcap
       tshark_check.py check FILE.pcap --sip [ADDRESS:]PORT [--sip ...] --rtp LOW-HIGH|none [--label TEXT] [--except FILTER]

start captures the loopback interface in the background and returns once packets are taken; a PORT may be LOW-HIGH.
check looks only at packets from the ports given, and fails too if none of them is SIP, or RTP unless `none` is expected.
FILTER is a display filter: packets that tshark itself can't read.
"""

import argparse
import collections
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import time

# PI_ERROR in epan/proto.h
EXPERT_ERROR = 0x00800000
FIELDS = ("frame.number", "frame.protocols", "_ws.malformed", "_ws.expert.severity", "_ws.expert.message", "ip.dsfield.dscp", "ipv6.tclass.dscp")
DSCP = {"rtp": "46", "rtcp": "46", "sip": "24"}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    actions = parser.add_subparsers(dest="action", required=True)
    for name in ("start", "stop", "check"):
        action = actions.add_parser(name)
        action.add_argument("capture", type=pathlib.Path)
        if name == "start":
            action.add_argument("ports", nargs="+")
        if name == "check":
            action.add_argument("--sip", action="append", required=True)
            action.add_argument("--rtp", required=True)
            action.add_argument("--label", default="all that was sent")
            action.add_argument("--except", dest="but")
    wanted = parser.parse_args()
    if not shutil.which("tshark"):
        sys.exit("tshark is not installed: run tests/setup")
    if wanted.action == "start":
        start(wanted.capture, wanted.ports)
    elif wanted.action == "stop":
        stop(wanted.capture)
    else:
        check(wanted.capture, wanted.sip, wanted.rtp, wanted.label, wanted.but)


def start(capture, ports):
    """dumpcap, which tshark would start anyway, keeps no state and drops less."""
    only = " or ".join(f"portrange {port}" if "-" in port else f"port {port}" for port in ports)
    capture.unlink(missing_ok=True)
    with open(beside(capture, ".log"), "w") as log:
        child = subprocess.Popen(["dumpcap", "-q", "-P", "-i", "lo", "-B", "16", "-f", f"(udp or tcp) and ({only})", "-w", capture],
                                 stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True)
    for _ in range(100):
        if capture.exists() and capture.stat().st_size >= 24:
            beside(capture, ".pid").write_text(str(child.pid))
            return
        if child.poll() is not None:
            break
        time.sleep(0.05)
    child.kill()
    sys.exit(f"no capture: {beside(capture, '.log').read_text().strip()}")


def stop(capture):
    pid = int(beside(capture, ".pid").read_text())
    # What is in flight is written out first.
    time.sleep(0.5)
    os.kill(pid, signal.SIGINT)
    while pathlib.Path(f"/proc/{pid}").exists() and running(pid):
        time.sleep(0.05)
    beside(capture, ".pid").unlink()
    beside(capture, ".log").unlink()


def running(pid):
    try:
        return pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


def beside(capture, suffix):
    return capture.with_name(capture.name + suffix)


def check(capture, sip, rtp, label, but):
    ours = [from_listener(listener) for listener in sip]
    # We refuse fax, yet tshark takes what goes to the port of such an offer for T.38.
    command = ["tshark", "-n", "-r", capture, "--disable-protocol", "t38", "-T", "fields", "-E", "separator=/t", "-E", "occurrence=a"]
    if rtp != "none":
        low, _, high = rtp.partition("-")
        ours.append(f"udp.srcport in {{{low}..{high}}}")
        # RTCP among them is told by its packet type.
        command += ["-d", f"udp.port=={low}-{high},rtp"]
    wanted = f"({' or '.join(ours)})"
    command += ["-Y", f"{wanted} and not ({but})" if but else wanted]
    for listener in sip:
        port = listener.rpartition(":")[2]
        command += ["-d", f"udp.port=={port},sip", "-d", f"tcp.port=={port},sip"]
    for field in FIELDS:
        command += ["-e", field]
    read = subprocess.run(list(map(str, command)), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    if read.returncode != 0:
        sys.exit(f"tshark: {read.stderr.strip()}")
    kinds, faults = collections.Counter(), []
    for line in read.stdout.splitlines():
        frame, protocols, malformed, severities, message, four, six = line.split("\t")
        kinds.update(kind for kind in ("sip", "sdp", "rtp", "rtcp", "rtpevent") if kind in protocols.split(":"))
        if malformed or any(int(severity) >= EXPERT_ERROR for severity in severities.split(",") if severity):
            faults.append(f"FAILED frame {frame}, {protocols}: {message or 'malformed'}")
        # What ICMP quotes is no packet of its own.
        marks = {DSCP[kind] for kind in protocols.split(":") if kind in DSCP} if "icmp" not in protocols else set()
        if marks and (four or six) not in marks:
            faults.append(f"FAILED frame {frame}, {protocols}: DSCP {four or six}, must be {' or '.join(marks)}")
    for kind in ("sip",) if rtp == "none" else ("sip", "rtp"):
        if not kinds[kind]:
            faults.append(f"FAILED no {kind.upper()} from the gateway in {capture}")
    print("\n".join(faults[:40]) if faults else f"ok     tshark reads {label}: " + ", ".join(f"{count} {kind.upper()}" for kind, count in sorted(kinds.items())))
    sys.exit(1 if faults else 0)


def from_listener(listener):
    address, _, port = listener.rpartition(":")
    from_port = f"(udp.srcport == {port} or tcp.srcport == {port})"
    return f"({from_port} and ip.src == {address})" if address else from_port


if __name__ == "__main__":
    main()
