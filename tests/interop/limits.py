#!/usr/bin/python3
"""SIPp callers beyond the limits of a trunk (OUT-6), and of a gateway that has too much to do (REL-1); a line each, exit code 1 if
one fails.

usage: limits.py [--keep FOLDER] [NAME[/TRANSPORT] ...]

Each case has a gateway of its own, with limits that would be in the way of others.
--keep leaves its log, and what SIPp sent and complained of.

GATEWAY_PROGRAM  the gateway, target/ci/gateway unless said
"""

import argparse
import json
import pathlib
import re
import sys
import tempfile
import time

sys.dont_write_bytecode = True

import own_gateway
import sipp_caller
from sipp_steps import acknowledge, ask, bye, call, cancel, has, invite, lacks, mark, maybe, pause, receive, refused, scenario

ECHO, RINGS = "9001", "9003"
CALL_SECONDS = 20
NO_CIRCUIT = (has("Reason", "Q\\.850 *; *cause=34"), lacks("Retry-After"))
CONGESTION = (has("Reason", "Q\\.850 *; *cause=42"), has("Retry-After", " [1-5]"))


def channels(world):
    """Two get in, the third does not, and one more does after each way of giving a channel back."""
    long = world.dial("long", call() + pause(9000) + bye())
    short = world.dial("short", call() + pause(1500) + bye())
    yield world.waits_for(2)
    yield world.dial("third", invite() + refused(503, *NO_CIRCUIT)).fault()
    yield short.fault()
    yield world.dial("after-bye", call() + pause(300) + bye()).fault()
    ringing = world.dial("ringing", invite() + maybe("100") + receive("180") + pause(1000) + cancel(), number=RINGS)
    yield world.waits_for(2)
    yield world.dial("fifth", invite() + refused(503, *NO_CIRCUIT)).fault()
    yield ringing.fault()
    yield world.dial("after-cancel", call() + pause(300) + bye()).fault()
    yield long.fault()
    yield world.waits_for(0)
    yield world.refused(channels=2, rate=0)


def rate(world):
    """A second's worth gets in at once, and what a second is worth gets in after one."""
    either = (invite() + maybe("100") + receive("503", *CONGESTION, optional=True, label="refused") + receive("200") + acknowledge()
              + pause(1500) + bye()[:1] + receive("200", label="over") + mark("refused") + NOT_TAKEN + mark("over"))
    burst = world.dial("burst", either, "-m", 12, "-l", 12, "-r", 200, "-rp", 1000)
    yield burst.fault()
    refusals = burst.received("SIP/2.0 503")
    # A machine that is slow to send them gives the bucket time to fill.
    if not 6 <= refusals <= 7:
        yield f"{refusals} of 12 at once were refused"
    yield world.dial("later", call() + pause(300) + bye()).fault()
    yield world.waits_for(0)
    yield world.refused(channels=0, rate=refusals)


def load(world):
    """Where the ports of the range run short, INVITEs get 503 while calls that are there go on and OPTIONS is answered; and all get in
    once there are ports again."""
    long = [world.dial(f"long-{number}", call() + pause(5000) + bye()) for number in range(3)]
    yield world.waits_for_share(0)
    for number in range(3):
        yield world.dial(f"held-back-{number}", invite() + refused(503, has("Retry-After", " [1-5]"))).fault()
    yield world.dial("options", ask("OPTIONS", 1, 200, inside=False)).fault()
    for one in long:
        yield one.fault()
    if (refusals := world.gateway.metric("gateway_sip_events_total", kind="limit_met", detail="Load")) != 3:
        yield f"{refusals:g} refusals in the metrics, not 3"
    yield world.waits_for_share(100, seconds=10)
    yield world.dial("after", call() + pause(300) + bye()).fault()


# Of the INVITE's transaction; the To tag is the refusal's.
NOT_TAKEN = refused(503)[-1:]
CASES = {
    "channels": (channels, ("trunk.0.channels=2",)),
    "rate": (rate, ("trunk.0.calls_per_second=5",)),
    # Of the hundred pairs of the gateway's range.
    "load": (load, ("admission.ports_high_percent=3", "admission.ports_low_percent=2")),
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
    failed = 0
    with tempfile.TemporaryDirectory(prefix="limits-") as temporary:
        for name, transport in chosen:
            folder = (wanted.keep or pathlib.Path(temporary)).resolve() / f"{name}-{transport}"
            folder.mkdir(parents=True, exist_ok=True)
            fault = outcome(folder, name, transport)
            failed += fault is not None
            print(f"{'FAILED' if fault else 'ok    '} limits {name}/{transport}{f': {fault}' if fault else ''}", flush=True)
    sys.exit(1 if failed else 0)


def outcome(folder, name, transport):
    steps, settings = CASES[name]
    with own_gateway.OwnGateway(folder, settings) as gateway:
        return next((fault for fault in steps(World(folder, gateway, transport)) if fault), None)


class World:
    """Callers of one gateway."""

    def __init__(self, folder, gateway, transport):
        self.folder, self.gateway, self.transport = folder, gateway, transport
        self.ports = sipp_caller.Ports(gateway.at.media)

    def dial(self, name, steps, *options, number=ECHO):
        return Call(self, name, steps, options, number)

    def trunk(self):
        _, body = self.gateway.ask("GET", "/v1/status")
        return next(gate for gate in json.loads(body)["load"]["gates"] if gate.get("trunk"))

    def waits_for(self, in_use, seconds=5):
        """Until the trunk has so many calls."""
        until = time.monotonic() + seconds
        while (trunk := self.trunk())["in_use"] != in_use:
            if time.monotonic() > until:
                return f"{trunk['in_use']} calls, not {in_use}"
            time.sleep(0.05)
        return None

    def waits_for_share(self, percent, seconds=5):
        """Until so many of a hundred new calls are taken."""
        until = time.monotonic() + seconds
        while True:
            admission = json.loads(self.gateway.ask("GET", "/v1/status")[1])["load"]["admission"]
            if admission["admitted_percent"] == percent:
                return None
            if time.monotonic() > until:
                return f"{admission} and not {percent} %"
            time.sleep(0.05)

    def refused(self, **wanted):
        """What status and metrics say of it."""
        counted = {limit: self.gateway.metric("gateway_calls_refused_total", trunk="local", limit=limit) for limit in wanted}
        told = self.trunk()["refused"]
        return None if counted == wanted == told else f"refused: metrics {counted}, status {told}, not {wanted}"


class Call:
    """One run of SIPp."""

    def __init__(self, world, name, steps, options, number):
        self.folder = world.folder / name
        self.folder.mkdir(exist_ok=True)
        file = self.folder / f"{name}.xml"
        file.write_text(scenario(name, steps))
        more = ["-s", number, "-key", "caller", "2001", *options, world.gateway.at.sip(world.transport)]
        self.process = sipp_caller.start(file, self.folder, world.ports.take(), world.transport, CALL_SECONDS, more)

    def fault(self):
        code = self.process.wait()
        return None if code == 0 else f"{self.folder.name}: SIPp exit code {code}: {sipp_caller.last_words(self.folder)}"

    def received(self, line):
        text = "".join(file.read_text(errors="replace") for file in self.folder.glob("*.messages"))
        return len(re.findall(rf"message received [^\n]*\n\s*{re.escape(line)}", text))


if __name__ == "__main__":
    main()
