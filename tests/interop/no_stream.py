#!/usr/bin/python3
"""SIPp callers that send no media, against a gateway that gives them up within seconds (MEDIA-4); a line each, exit code 1 if one fails.

usage: no_stream.py [--keep FOLDER] [NAME[/TRANSPORT] ...]

The gateway is one of its own: its bounds of a silent stream would end the calls of others.
--keep leaves its log and records, and what SIPp sent and complained of.

GATEWAY_PROGRAM  the gateway, target/ci/gateway unless said
"""

import argparse
import dataclasses
import json
import pathlib
import socket
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True

import gateway_under_test
import own_gateway
from sipp_steps import bye, call, has, hung_up, lacks, pause, receive, reoffer, reply, scenario, sdp

CASE_SECONDS = 30

# Seconds after the stream stopped; the same four as in the configuration, scaled down.
WARN, PROBE, END, END_ANSWERED = 1, 2, 3, 6
# A request is sent again after T1: longer than it takes to give the call up.
T1 = "3s"

GIVEN_UP = has("Reason", 'Q\\.850;cause=102;text="无码流中断"')
ASKED = receive("OPTIONS", has("From", "tag="), has("To", "tag="), lacks("Content-Type"), timeout=PROBE * 1000 + 1500)


@dataclasses.dataclass(frozen=True)
class Case:
    """`listens`: whether the caller has a socket where it wants media. `record`: what the call's record says of it."""

    steps: object
    listens: bool = True
    record: object = None
    seconds: tuple = (0, CASE_SECONDS)


def stopped(way, reason):
    return {"way": way, "reason": reason}


CASES = {
    "gone": Case(call() + ASKED + hung_up(GIVEN_UP, timeout=3000), record=stopped("inbound", "nothing-at-all"), seconds=(END, END + 1)),
    "answers": Case(call() + ASKED + reply(200, "OK") + hung_up(GIVEN_UP, timeout=6000), record=stopped("inbound", "nothing-at-all"),
                    seconds=(END_ANSWERED, END_ANSWERED + 1)),
    # A peer that takes no OPTIONS is there all the same.
    "refuses": Case(call() + ASKED + reply(405, "Method Not Allowed") + hung_up(GIVEN_UP, timeout=6000), record=stopped("inbound", "nothing-at-all"),
                    seconds=(END_ANSWERED, END_ANSWERED + 1)),
    "unreachable": Case(call() + ASKED + hung_up(GIVEN_UP, timeout=3000), listens=False, record=stopped("both", "unreachable"),
                        seconds=(END, END + 1)),
    # RFC 3264 §8.4: who is on hold need not send.
    "holds": Case(call() + reoffer(2, content=sdp(version=2, direction="inactive")) + pause((END_ANSWERED + 2) * 1000) + bye()),
}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--keep", type=pathlib.Path)
    parser.add_argument("cases", nargs="*")
    wanted = parser.parse_args()
    chosen = [(name, transport) for name in CASES for transport in ("udp", "tcp")]
    chosen = [one for one in chosen if not wanted.cases or one[0] in wanted.cases or "/".join(one) in wanted.cases]
    if not chosen:
        sys.exit(f"no such case\n{__doc__}")
    with tempfile.TemporaryDirectory(prefix="no-stream-") as temporary:
        folder = (wanted.keep or pathlib.Path(temporary)).resolve()
        folder.mkdir(parents=True, exist_ok=True)
        bounds = {"warn": WARN, "probe": PROBE, "end": END, "end_answered": END_ANSWERED}
        settings = [f"sip.t1={T1}", *(f"no_stream.{name}={seconds}s" for name, seconds in bounds.items())]
        with own_gateway.OwnGateway(folder, settings) as gateway:
            calls = [Call(folder, gateway.at, *one) for one in chosen]
            faults = [one.outcome() for one in calls]
        records = records_of(gateway)
    failed = sum(not one.tell(fault, records) for one, fault in zip(calls, faults))
    sys.exit(1 if failed else 0)


def records_of(gateway):
    """Of legs; a file a month, so two where the month ends in between."""
    lines = [line for file in sorted((gateway.folder / "state").glob("records-*.jsonl")) for line in file.read_text().splitlines()]
    records = [json.loads(line)["record"] for line in lines]
    return [record for record in records if record["kind"] == "leg"]


class Call:
    """One run of SIPp; its number is its own, so that its record can be told from the others'."""

    taken = set()

    def __init__(self, folder, gateway, name, transport):
        self.name, self.transport, self.case = name, transport, CASES[name]
        self.port = self.free_port(gateway)
        self.number = f"138{self.port:08}"
        self.media = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.media.bind(("127.0.0.1", 0))
        steps = [step.replace("[media_port]", str(self.media.getsockname()[1])) if isinstance(step, str) else step for step in self.case.steps]
        if not self.case.listens:
            self.media.close()
        self.file = folder / f"{name}-{transport}.xml"
        self.file.write_text(scenario(name, steps))
        self.errors = folder / f"{name}-{transport}.errors"
        command = ["sipp", "-sf", self.file, "-i", "127.0.0.1", "-p", self.port, "-m", 1, "-l", 1, "-t", f"{transport[0]}1", "-nostdin", "-s", "9001",
                   "-key", "caller", self.number, "-timeout", CASE_SECONDS, "-timeout_error", "-trace_err", "-error_file", self.errors,
                   "-trace_msg", "-message_file", self.file.with_suffix(".messages"), f"{gateway.host}:{gateway.port}"]
        with open(self.file.with_suffix(".screen"), "w") as screen:
            self.process = subprocess.Popen(list(map(str, command)), cwd=folder, stdout=screen, stderr=screen)

    def free_port(self, gateway):
        while True:
            port = gateway_under_test.free_ports(2, gateway.media)
            if port not in self.taken:
                self.taken.add(port)
                return port

    def outcome(self):
        code = self.process.wait()
        self.media.close()
        if code == 0:
            return None
        errors = self.errors.read_text(errors="replace").strip() if self.errors.exists() else ""
        return f"SIPp exit code {code}: {errors[:1000]}"

    def tell(self, fault, records):
        fault = fault or self.wrong_record([record for record in records if record["caller"] == self.number])
        print(f"{'FAILED' if fault else 'ok    '} no-stream {self.name}/{self.transport}{f': {fault}' if fault else ''}", flush=True)
        return not fault

    def wrong_record(self, records):
        if len(records) != 1:
            return f"{len(records)} records"
        record, (least, most) = records[0], self.case.seconds
        lasted = (record["ended"] - record["answered"]) / 1e9
        told = record["no_stream"] and {key: record["no_stream"][key] for key in ("way", "reason")}
        if told != self.case.record:
            return f"its record says {told}"
        # The answer is sent a little before the ACK comes.
        return None if least <= lasted <= most else f"it lasted {lasted:.2f} s"


if __name__ == "__main__":
    main()
