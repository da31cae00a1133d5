#!/usr/bin/python3
"""The keys of a meeting, pressed on two baresip phones (DIAL-8): a line each, exit code 1 if one fails.

usage: phone_keys.py

A host and a guest press; what each hears is compared with the recordings, what the API says with what was pressed, and whether the
guest is heard with whether it is muted. SIPp callers find the meeting locked, and its end. Needs root and numpy.
"""

import concurrent.futures
import pathlib
import shutil
import sys
import tempfile
import time

sys.dont_write_bytecode = True

import numpy

import heard
import own_gateway
from baresip_phone import PORTS_PER_PHONE, Phone
from dial_tests import CALL_REJECTED, CHINESE, GUEST, HOST, KEYED, NORMAL, Failed, World, expect, hears, keyed, told
from heard import Said

HERTZ = 590
HEARD, UNHEARD = (-36.0, 0.0), (-200.0, -50.0)
# The tone is taken out of what is compared with the recordings, so wide.
NOTCH_HERTZ = 40
PROMPT_SECONDS = 3.5


def main():
    if sys.argv[1:]:
        sys.exit(__doc__)
    if not shutil.which("baresip"):
        sys.exit("baresip is not installed: run tests/setup")
    failed = 0
    with tempfile.TemporaryDirectory(prefix="phones-") as folder:
        folder = pathlib.Path(folder)
        gateway = own_gateway.OwnGateway(folder)
        with gateway, Meeting(World(gateway, folder), folder) as meeting:
            for name, step in steps(meeting):
                try:
                    words = step()
                    print(f"ok     {name}{': ' + words if words else ''}", flush=True)
                except Failed as fault:
                    failed += 1
                    print(f"FAILED {name}: {fault}", flush=True)
            if fault := gateway.end():
                failed += 1
                print(f"FAILED gateway: {fault}")
    sys.exit(1 if failed else 0)


class Meeting:
    """A host and a guest on the phone, and when each key was pressed."""

    def __init__(self, world, folder):
        self.world, self.gateway, self.folder = world, world.gateway, folder
        self.id = world.meeting()
        self.phones, self.spans = {}, {}

    def __enter__(self):
        taken = []
        for name, user, hertz in (("host", "13800009001", 0), ("guest", "13800009002", HERTZ)):
            self.phones[name] = phone = Phone(user, hertz, self.folder / name, [*self.gateway.at.media, *taken])
            taken += range(phone.first, phone.first + PORTS_PER_PHONE)
        return self

    def __exit__(self, *_):
        for phone in self.phones.values():
            phone.stop()

    def join(self):
        with concurrent.futures.ThreadPoolExecutor() as pool:
            list(pool.map(self.dial, ("host", "guest"), (HOST, GUEST), (0, 3)))
        expect(self.gateway.wait_for(self.id, lambda there: len(there) == 2), f"in are {self.gateway.participants(self.id)}")
        time.sleep(PROMPT_SECONDS)

    def dial(self, name, password, after):
        time.sleep(after)
        phone = self.phones[name]
        expect(phone.dial(f"sip:{CHINESE}@{self.gateway.at.host}:{self.gateway.at.port}"), f"{name}: no answer; {phone.last_words()}")
        phone.began = time.monotonic()
        time.sleep(0.7)
        phone.press(self.id + "#")
        time.sleep(0.7)
        phone.press(password + "#")

    def press(self, name, keys, seconds=PROMPT_SECONDS):
        self.phones[name].press(keys)
        time.sleep(seconds)

    def one(self, name):
        """The participant as the API shows it."""
        return next(one for one in self.gateway.participants(self.id) if one["role"].lower() == name)

    def mark(self, name, level):
        """A second of what the host hears, here and now, and whether the guest should be."""
        time.sleep(1)
        end = time.monotonic() - self.phones["host"].began
        self.spans[name] = (end - 1, end - 0.2, level)

    def recording(self, name):
        return numpy.array(self.phones[name].heard(), dtype=float)

    def judge(self, name, wanted):
        sound = without(self.recording(name), HERTZ)
        places, faults, _ = heard.in_order(sound, [Without(said) for said in wanted])
        expect(not faults, f"{name}: {'; '.join(faults)}; heard: {told(places)}")
        return told(places)

    def hears_guest(self):
        sound, words = self.recording("host"), []
        for name, (begin, end, (least, most)) in self.spans.items():
            level = heard.tone_dbfs(sound[round(begin * heard.RATE):round(end * heard.RATE)], HERTZ)
            expect(least <= level <= most, f"the guest's tone has {level:.0f} dBFS {name}")
            words.append(f"{level:.0f} dBFS {name}")
        return ", ".join(words)


class Without:
    """A recording as it sounds without the guest's tone."""

    def __init__(self, said):
        self.name, self.language, self.whole, self.words = said.name, said.language, said.whole, str(said)
        self.sound = without(said.sound, HERTZ)

    def __str__(self):
        return self.words


def without(sound, hertz):
    lines = numpy.fft.rfft(sound)
    frequencies = numpy.fft.rfftfreq(len(sound), 1 / heard.RATE)
    lines[abs(frequencies - hertz) < NOTCH_HERTZ] = 0
    return numpy.fft.irfft(lines, len(sound))


def steps(meeting):
    """In their order; each is judged where it is done, and what was heard once the phones have hung up."""
    world = meeting.world

    def mutes_itself():
        meeting.mark("before it mutes itself", HEARD)
        meeting.press("guest", "*6")
        expect(meeting.one("guest")["voice"].lower() == "muted", f"the API says {meeting.one('guest')}")
        meeting.mark("once it has muted itself", UNHEARD)
        meeting.press("guest", "*6")
        expect(meeting.one("guest")["voice"].lower() == "heard", f"the API says {meeting.one('guest')}")
        meeting.mark("once it has unmuted itself", HEARD)

    def raises_its_hand():
        meeting.press("guest", "*9")
        expect(meeting.one("guest")["hand"].lower() == "raised", f"the API says {meeting.one('guest')}")

    def asks_for_help():
        meeting.press("guest", "*0", 0)
        meeting.press("host", "*0", 17)

    def may_not_lock():
        meeting.press("guest", "*5")
        expect('"open"' in meeting.gateway.ask("GET", f"/v1/meetings/{meeting.id}")[1], "the guest has locked the meeting")

    def locks():
        meeting.press("host", "*5")
        return told(hears(world.dial(keyed(meeting.id, GUEST).silence(10)), [*KEYED, Said("meeting-locked")], CALL_REJECTED)[2][2:])

    def unlocks():
        meeting.press("host", "*5")
        meeting.third = world.dial(keyed(meeting.id, GUEST).silence(40))
        expect(meeting.gateway.wait_for(meeting.id, lambda there: len(there) == 3), f"in are {meeting.gateway.participants(meeting.id)}")

    def mutes_all():
        meeting.press("host", "*7")
        voices = sorted((one["role"].lower(), one["voice"].lower()) for one in meeting.gateway.participants(meeting.id))
        expect(voices == [("guest", "muted"), ("guest", "muted"), ("host", "heard")], f"the API says {voices}")
        meeting.mark("once the host has muted all", UNHEARD)

    def ends_for_all():
        meeting.press("host", "*8")
        expect(meeting.gateway.participants(meeting.id) == [], f"in are {meeting.gateway.participants(meeting.id)}")
        words = told(hears(meeting.third, [*KEYED, Said("joined-as-guest"), Said("muted"), Said("meeting-ended")], NORMAL)[2][2:])
        left = [name for name, phone in meeting.phones.items() if phone.in_call()]
        expect(not left, f"still in their calls: {left}")
        return f"{words}, cause {NORMAL}"

    return [
        ("host-and-guest-join", meeting.join),
        ("star-6-mutes-and-unmutes", mutes_itself),
        ("star-9-raises-the-hand", raises_its_hand),
        ("star-0-helps", asks_for_help),
        ("star-5-is-the-hosts", may_not_lock),
        ("star-5-locks", locks),
        ("star-5-unlocks", unlocks),
        ("star-7-mutes-all", mutes_all),
        ("star-8-ends-for-all", ends_for_all),
        ("the-host-hears-the-guest-unless-muted", meeting.hears_guest),
        ("the-guest-hears-what-it-did", lambda: meeting.judge("guest", map(Said, ["joined-as-guest", "muted", "unmuted", "hand-raised", "help", "host-only", "muted",
                                                                                   "meeting-ended"]))),
        ("the-host-hears-what-it-did", lambda: meeting.judge("host", map(Said, ["joined-as-host", "help", "help-host", "locked", "unlocked", "all-muted",
                                                                                 "meeting-ended"]))),
    ]


if __name__ == "__main__":
    main()
