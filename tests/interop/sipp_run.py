#!/usr/bin/python3
"""Runs SIPp scenarios against the gateway named by gateway_under_test.py; a line each, exit code 1 if one fails.

usage: sipp_run.py [--against-stand-ins] [--keep FOLDER] [NAME[/TRANSPORT] ...]

NAME is a file of sipp/ or a case of sipp_cases.py, TRANSPORT udp, tcp, udp6 or tcp6. Several run at once.
--against-stand-ins tests the files of sipp/ themselves: SIPp plays the gateway too (sipp/peer/).
--keep leaves scenario, messages and errors of each.
Needs root: SIPp plays media through a raw socket, and what comes back is read off the loopback interface.

GATEWAY_SIP6      an IPv6 listener, [::1]:PORT; without it udp6 and tcp6 are skipped
GATEWAY_ACCESS    access number, 02153290005 unless said
GATEWAY_MEETING   a meeting as ID:PASSWORD, 900100001:1234 unless said; each case joins one of its own
GATEWAY_UNROUTED  a number that has no route, 5550404 unless said
"""

import cmath
import concurrent.futures
import dataclasses
import functools
import json
import os
import pathlib
import random
import shutil
import sys
import tempfile
import threading
import time
import urllib.request

sys.dont_write_bytecode = True

import g711
import gateway_under_test
import keys_damaged
import rtp_script
import sipp_caller
import sipp_cases
import sipp_steps

SCENARIOS = pathlib.Path(__file__).resolve().parent / "sipp"
ACCESS = os.environ.get("GATEWAY_ACCESS", "02153290005")
MEETING, _, PASSWORD = os.environ.get("GATEWAY_MEETING", "900100001:1234").partition(":")
UNROUTED = os.environ.get("GATEWAY_UNROUTED", "5550404")
SIX = os.environ.get("GATEWAY_SIP6", "")

# Nearly all of them wait for a timer.
AT_ONCE = 24
ECHO_SHARE = 0.9
TALK_HERTZ, TALK_SHARE = 437, 0.9


@dataclasses.dataclass(frozen=True)
class Scenario:
    number: str
    seconds: int
    stand_in: str = ""
    transports: tuple = ("udp", "tcp")
    steps: object = ()
    options: tuple = ()
    caller: object = None
    media: object = None
    # A caller of its own each time: ten failures of one within 5 min lock it (DIAL-5).
    identity: str = ""


@dataclasses.dataclass(frozen=True)
class Run:
    """What a judge of media looks at."""

    sent: list
    heard: list
    was_joined: bool


def wrong_tries(_meeting):
    """Digits break into each prompt; the verdict, which may be delayed, is waited out."""
    script = rtp_script.Script().silence(1.5)
    for _ in range(3):
        script.digits("999999999#").silence(1.5).digits("0000#").silence(9)
    return script.silence(15)


def joining(meeting, event=rtp_script.TELEPHONE_EVENT):
    script = rtp_script.Script(event=event).silence(1.5).digits(meeting + "#").silence(1.5).digits(PASSWORD + "#")
    return script.silence(2).tone(440, 6)


def talking(_meeting):
    return rtp_script.Script().silence(1).tone(TALK_HERTZ, 3).silence(1)


def all_heard(run):
    """Prompts and the mix: a packet each 20 ms from the ACK on."""
    return len(run.heard) > 0.9 * 50 * 15, f"{len(run.heard)} RTP packets in 16 s"


def all_returned(run):
    """As much of the tone as was sent; not byte by byte, since a jitter buffer may shift it by less than a frame."""
    want, back = (sum(map(is_talk, packets)) for packets in (run.sent, run.heard))
    return back >= ECHO_SHARE * want, f"{back} of {want} frames came back"


def is_talk(packet):
    """Whether nearly all that it holds is the talkers' tone."""
    samples = g711.PCMA.decode(packet[12:])
    line = sum(sample * cmath.exp(-2j * cmath.pi * TALK_HERTZ * i / rtp_script.RATE) for i, sample in enumerate(samples))
    energy = sum(sample * sample for sample in samples)
    return energy > 1e6 * len(samples) and 2 * abs(line) ** 2 / len(samples) > TALK_SHARE * energy


def in_longer_frames(run):
    """RFC 4566 §6: ptime says what its sender wants to receive."""
    sizes = {len(packet) - 12 for packet in run.heard}
    return sizes == {240}, f"payloads of {sorted(sizes)} bytes for ptime 30"


def is_still(run):
    return not run.heard, f"{len(run.heard)} RTP packets while held"


def is_heard(run):
    """Two seconds of a tone, and none of the two before it."""
    return 75 <= len(run.heard) <= 125, f"{len(run.heard)} RTP packets in 2 s"


def is_in(run):
    return run.was_joined, "seen in the meeting" if run.was_joined else "never seen in the meeting"


# By what a case's `media` says: what is played, and what must come of it.
MEDIA = {
    "": (None, None),
    "30 ms": (talking, in_longer_frames),
    "nothing": (None, is_still),
    "something": (None, is_heard),
    "joined": (None, is_in),
    "joined by 96": (lambda meeting: joining(meeting, 96), is_in),
    "joined by 101": (joining, is_in),
    **{f"keys {way}": (functools.partial(keys_damaged.joining, way, password=PASSWORD), is_in) for way in keys_damaged.WAYS},
    **{f"keys {way}": (functools.partial(keys_damaged.joining_with_info, way, password=PASSWORD), is_in) for way in keys_damaged.WITH_INFO},
    "keys held-long": (functools.partial(keys_damaged.joining_held, password=PASSWORD), is_in),
    "joined by 119": (lambda meeting: joining(meeting, 119), is_in),
}
NUMBERS = {"access": ACCESS}


def of_case(case):
    caller, judge = MEDIA[case.media]
    number = NUMBERS.get(case.number, case.number)
    return Scenario(number, case.seconds, transports=case.transports, steps=case.steps, options=case.options, caller=caller, media=judge)


RUNS = {
    "options": Scenario("ping", 5, "options"),
    "refused": Scenario(UNROUTED, 10, "refuse"),
    "cancel": Scenario("9003", 10, "ring"),
    "echo": Scenario("9001", 15, "answer", caller=talking, media=all_returned),
    "ivr": Scenario(ACCESS, 40, "answer", caller=joining, media=all_heard),
    "wrong": Scenario(ACCESS, 120, "hangup", caller=wrong_tries),
    **{name: of_case(case) for name, case in sipp_cases.CASES.items()},
}


def main():
    words = sys.argv[1:]
    stand_ins = "--against-stand-ins" in words
    words = [word for word in words if word != "--against-stand-ins"]
    keep = None
    if "--keep" in words:
        at = words.index("--keep")
        keep = pathlib.Path(words[at + 1])
        del words[at:at + 2]
    chosen = choose(words, stand_ins)
    if os.geteuid() != 0:
        sys.exit("run as root: SIPp plays media through a raw socket")
    if not shutil.which("sipp"):
        sys.exit("sipp is not installed: run tests/setup")
    gateway = gateway_under_test.from_environment()
    ports, failed = sipp_caller.Ports(gateway.media), 0
    with Meetings(gateway) as meetings, concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
        # The longest first: they decide when all is over.
        chosen.sort(key=lambda one: -RUNS[one[0]].seconds)
        running = {pool.submit(run, name, transport, gateway, ports, meetings, stand_ins, keep): (name, transport) for name, transport in chosen}
        for done in concurrent.futures.as_completed(running):
            failed += not tell(*running[done], *done.result())
    sys.exit(1 if failed else 0)


def choose(words, stand_ins):
    chosen = []
    for word in words or RUNS:
        name, _, transport = word.partition("/")
        if name not in RUNS or (transport and transport not in RUNS[name].transports):
            sys.exit(f"no scenario {word}\n{__doc__}")
        if stand_ins and not RUNS[name].stand_in:
            continue
        chosen += [(name, one) for one in RUNS[name].transports if transport in ("", one)]
    if not SIX and any(transport.endswith("6") for _, transport in chosen):
        print("SKIPPED six: GATEWAY_SIP6 is not set")
    return [(name, transport) for name, transport in chosen if SIX or not transport.endswith("6")]


def tell(name, transport, ok, words):
    """Whether it is as expected; what is known to fail and doesn't is not."""
    why = sipp_cases.KNOWN.get(f"{name}/{transport}") or sipp_cases.KNOWN.get(name)
    if why and not ok:
        print(f"known  {name}/{transport}: {why}", flush=True)
        return True
    if why:
        ok, words = False, f"passes: strike it off KNOWN ({why})"
    print(f"{'ok    ' if ok else 'FAILED'} {name}/{transport}: {words}", flush=True)
    return ok


def run(name, transport, gateway, ports, meetings, stand_in, keep):
    with tempfile.TemporaryDirectory(prefix="sipp-") as temporary:
        folder = pathlib.Path(keep, f"{name}-{transport}") if keep else pathlib.Path(temporary)
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        try:
            return run_in(folder, name, transport, gateway, ports, meetings, stand_in)
        except Exception as error:
            return False, f"{type(error).__name__}: {error}"


def run_in(folder, name, transport, gateway, ports, meetings, stand_in):
    scenario = RUNS[name]
    meeting = meetings.take() if scenario.number == ACCESS else ""
    file = folder / f"{name}.xml"
    if scenario.steps:
        steps = scenario.steps(meeting) if callable(scenario.steps) else scenario.steps
        file.write_text(sipp_steps.scenario(name, steps))
    else:
        shutil.copy(SCENARIOS / file.name, folder)
    sent = []
    if scenario.caller:
        script = scenario.caller(meeting)
        script.write(folder / "caller.pcap")
        sent = script.packets
    scenario = dataclasses.replace(scenario, identity=scenario.identity or f"139{random.randrange(10 ** 8):08}")
    port, target, peer = ports.take(), gateway.sip(transport, SIX), None
    if stand_in:
        theirs = ports.take()
        target = f"127.0.0.1:{theirs}"
        peer = sipp_caller.start(SCENARIOS / "peer" / f"{scenario.stand_in}.xml", folder, theirs, transport, scenario.seconds, ["-rtp_echo"])
        time.sleep(0.5)
    began = time.monotonic()
    with sipp_caller.Listener(port + 2, gateway, wanted=scenario.media is not None) as listener:
        more = ["-s", scenario.number, "-key", "caller", scenario.identity, *scenario.options, target]
        code = sipp_caller.start(file, folder, port, transport, scenario.seconds, more).wait()
    took = time.monotonic() - began
    if peer and peer.wait() != 0:
        return False, f"the stand-in failed: {sipp_caller.last_words(folder)}"
    if code != 0:
        return False, f"SIPp exit code {code}: {sipp_caller.last_words(folder)}"
    if scenario.media and not (stand_in and scenario.media is all_heard):
        ok, words = scenario.media(Run(sent, listener.packets, meeting in meetings.joined))
        return ok, f"{words}, {took:.1f} s"
    return True, f"{took:.1f} s"


class Meetings(threading.Thread):
    """A meeting for each run, and in which of them anybody was seen."""

    def __init__(self, gateway):
        super().__init__(daemon=True)
        self.free = iter([str(int(MEETING) + 9 + step) for step in range(190)])
        self.joined, self.over = set(), threading.Event()
        self.request = urllib.request.Request(f"{gateway.http}/v1/meetings", headers={"Authorization": f"Bearer {gateway.token}"})

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.over.set()
        self.join()

    def take(self):
        return next(self.free)

    def run(self):
        while not self.over.wait(0.3):
            try:
                with urllib.request.urlopen(self.request, timeout=2) as answer:
                    self.joined.update(meeting["id"] for meeting in json.load(answer) if meeting["participants"])
            except OSError:
                continue


main()
