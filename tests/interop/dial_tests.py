"""Tests that dial: SIPp calls a gateway of our own, and what each caller hears is compared with the recordings."""

import concurrent.futures
import json
import pathlib
import re
import sys
import tempfile
import threading

import heard
import rtp_script
import sipp_caller
import sipp_steps
from heard import Said

CHINESE, BOTH = "02153290005", "02153290029"
HOST, GUEST = "4321", "1234"

# DIAL-6, as call/src/outcome.rs has it.
CALL_REJECTED, NORMAL, BUSY, NOT_AUTHORIZED, TIMER = 21, 16, 17, 57, 102

SECONDS = 60


class Failed(Exception):
    pass


def expect(holds, words):
    if not holds:
        raise Failed(words)


class Tests:
    """By name, in their order. All run at once."""

    def __init__(self):
        self.by_name = {}

    def __call__(self, function):
        self.by_name[function.__name__.replace("_", "-")] = function
        return function

    def run(self, words, make_gateway, usage):
        """`make_gateway` gets a folder. Ends the process."""
        names = words or list(self.by_name)
        if unknown := [name for name in names if name not in self.by_name]:
            sys.exit(f"no test {', '.join(unknown)}\n{usage}")
        failed = 0
        with tempfile.TemporaryDirectory(prefix="dialled-") as folder, concurrent.futures.ThreadPoolExecutor(len(names)) as pool:
            with make_gateway(folder) as gateway:
                world = World(gateway, pathlib.Path(folder))
                for name, (fault, words) in zip(names, pool.map(lambda name: fault_of(self.by_name[name], world), names)):
                    print(f"FAILED {name}: {fault}" if fault else f"ok     {name}{words}", flush=True)
                    failed += bool(fault)
                for name, fault in (("gateway", gateway.end()), ("records", wrong_records(world)), ("log", leaks(gateway))):
                    print(f"FAILED {name}: {fault}" if fault else f"ok     {name}", flush=True)
                    failed += bool(fault)
        sys.exit(1 if failed else 0)


def fault_of(function, world):
    try:
        words = function(world)
        return None, f": {words}" if words else ""
    except Failed as fault:
        return str(fault), ""
    except Exception as error:
        return f"{type(error).__name__}: {error}", ""


def wrong_records(world):
    """REL-5: each call has a record, whose cause is that of the BYE; a caller that hung up has cleared normally."""
    files = sorted((world.gateway.folder / "state").glob("records-*.jsonl"))
    records = [json.loads(line)["record"] for file in files for line in file.read_text().splitlines()]
    for caller, calls in world.calls.items():
        causes = sorted(record["cause"] for record in records if record.get("caller") == caller)
        wanted = sorted(call.result().cause or NORMAL for call in calls)
        if causes != wanted:
            return f"{caller} was told {wanted}, and its records say {causes}"
    return None


def leaks(gateway):
    """SEC-3: a number is in the log by its first digits alone."""
    whole = re.findall(r"\b138\d{8}\b", gateway.log.read_text(errors="replace"))
    return f"callers' numbers: {whole[:3]}" if whole else None


class World:
    """The gateway, and a number, a meeting and a caller of its own for who asks."""

    def __init__(self, gateway, folder):
        self.gateway, self.folder = gateway, folder
        self.ports, self.lock, self.given = sipp_caller.Ports(gateway.at.media), threading.Lock(), 0
        self.pool = concurrent.futures.ThreadPoolExecutor(64)
        # By the number that the network asserts, or else that the caller claims.
        self.calls = {}

    def unique(self):
        with self.lock:
            self.given += 1
            return self.given

    def caller(self):
        return f"138{self.unique():08}"

    def free_id(self):
        return str(910000000 + self.unique())

    def unknown(self):
        """An ID that no meeting has."""
        return str(919000000 + self.unique())

    def meeting(self, **more):
        meeting = self.free_id()
        self.gateway.make_meeting(meeting, **more)
        return meeting

    def dial(self, script, number=CHINESE, steps=None, caller=None, headers=(), address="127.0.0.1"):
        """Without `steps` the caller waits for the BYE."""
        folder, caller = self.folder / f"call-{self.unique()}", caller or self.caller()
        call = self.pool.submit(sipp_caller.call, self.gateway.at, self.ports, folder, script, caller=caller, number=number, seconds=SECONDS, steps=steps,
                                headers=headers, address=address)
        known = re.search(r"sip:(\d+)@", "".join(headers)) or re.fullmatch(r"(\d+)", caller)
        if known:
            self.calls.setdefault(known[1], []).append(call)
        return call

    def wait(self, meeting, count, presence="in"):
        there = lambda participants: sum(one["presence"] == presence or presence in str(one["presence"]) for one in participants) >= count
        expect(self.gateway.wait_for(meeting, there), f"nobody is {presence} in {self.gateway.participants(meeting)}")


def keyed(meeting, password, lead=0.7):
    """Keys break into each prompt. `last_key` says when."""
    script = rtp_script.Script().silence(lead).digits(meeting + "#").silence(0.7).digits(password)
    script.last_key = script.seconds()
    return script.digits("#")


def leaving(seconds):
    return sipp_steps.pause(round(seconds * 1000)) + sipp_steps.bye()


def begun(name, language="zh"):
    return Said(name, language, whole=False)


# What every caller hears who keys at once.
KEYED = [begun("welcome"), begun("ask-password")]


def hears(call, wanted, cause):
    """What was heard where, whatever else was; Failed if it is not what is wanted."""
    ended = call.result()
    expect(not ended.fault, ended.fault)
    expect(ended.cause == cause, f"cause {ended.cause} in the BYE, not {cause}")
    sound = heard.of_rtp(ended.heard)
    expect(len(sound) > heard.RATE, f"{len(ended.heard)} packets came in all, {[rtp[:12].hex() for _, rtp in ended.heard[:4]]}")
    places, faults, _ = heard.in_order(sound, wanted)
    expect(not faults, f"{'; '.join(faults)}; heard: {told(places)}")
    return ended, sound, places


def judge(call, wanted, cause):
    """The same, and nothing else was heard."""
    ended, sound, places = hears(call, wanted, cause)
    _, faults = heard.judge(sound, wanted)
    expect(not faults, f"{'; '.join(faults)}; heard: {told(places)}")
    return ended, sound, places


def told(places):
    return ", ".join(f"{said} at {at:.2f} s ({match:.2f})" for said, at, match in places)


def ends(call, wanted, cause):
    _, _, places = judge(call, wanted, cause)
    return f"{told([place for place in places if place[0].whole])}, cause {cause}"


