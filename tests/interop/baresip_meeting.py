#!/usr/bin/python3
"""Three baresip phones dial in: A and B meet, C sits in another meeting. Who hears whom is read from the sound.

usage: baresip_meeting.py [--stand-in]

Each phone sends a tone of its own, and records what it hears. At the end A must hear B's tone and not its own
or C's, B A's and not its own or C's, C neither (MEET-7, ISO-1). Then A presses *6, and B must hear nobody (DIAL-8). The gateway must show what it measures of both
directions, by what baresip says in RTCP too (MEDIA-7). --stand-in tests this script: A calls B directly.

GATEWAY_ACCESS      access number, 02153290005 unless said
GATEWAY_MEETING     meeting of A and B as ID:PASSWORD, 900100001:1234 unless said
GATEWAY_MEETING_2   meeting of C, 900100002:1234 unless said
"""

import json
import math
import os
import pathlib
import shutil
import sys
import tempfile
import time
import urllib.request

sys.dont_write_bytecode = True

import gateway_under_test
from baresip_phone import PORTS_PER_PHONE, RATE, Phone

ACCESS = os.environ.get("GATEWAY_ACCESS", "02153290005")
MEETING = os.environ.get("GATEWAY_MEETING", "900100001:1234").split(":")
MEETING_2 = os.environ.get("GATEWAY_MEETING_2", "900100002:1234").split(":")

# None is a multiple or a mirror image of another, nor a DTMF or call-progress frequency.
HERTZ = {"A": 430, "B": 590, "C": 1040}

# A verdict and its announcement, and entry tones, are over after SETTLE.
SETTLE = 8.0
TALK = 5.0

WINDOW = RATE // 10
HEARD_DBFS = -36.0
UNHEARD_DBFS = -50.0

def main():
    stand_in = sys.argv[1:] == ["--stand-in"]
    if sys.argv[1:] and not stand_in:
        sys.exit(__doc__)
    if not shutil.which("baresip"):
        sys.exit("baresip is not installed: run tests/setup")
    gateway = gateway_under_test.from_environment()
    with tempfile.TemporaryDirectory(prefix="baresip-") as folder:
        phones = {}
        try:
            for name in "AB" if stand_in else "ABC":
                ports = [range(phone.first, phone.first + PORTS_PER_PHONE) for phone in phones.values()]
                avoid = [*gateway.media, *(port for taken in ports for port in taken)]
                user = f"1380000000{'ABC'.index(name) + 1}"
                phones[name] = Phone(user, HERTZ[name], pathlib.Path(folder) / name, avoid, answers=stand_in and name == "B")
            faults = call_each_other(phones) if stand_in else meet(phones, gateway)
        finally:
            for phone in phones.values():
                phone.stop()
    print("\n".join(f"FAILED {fault}" for fault in faults) if faults else "ok     who should hear whom does, and nobody else")
    sys.exit(1 if faults else 0)


def meet(phones, gateway):
    where = f"sip:{ACCESS}@{gateway.host}:{gateway.port}"
    for name, meeting in {"A": MEETING, "B": MEETING, "C": MEETING_2}.items():
        phone = phones[name]
        if not phone.join(where, meeting):
            return [f"{name}: no answer to {where}; {phone.last_words()}"]
    time.sleep(SETTLE + TALK)
    muted_at = time.monotonic()
    phones["A"].press("*6")
    time.sleep(SETTLE + TALK)
    after = time.monotonic() - muted_at
    faults = [f"{name}: the call ended by itself" for name, phone in phones.items() if not phone.in_call()]
    faults += badly_measured(gateway)
    for phone in phones.values():
        phone.command("hangup")
    time.sleep(1)
    recordings = {name: phone.heard() for name, phone in phones.items()}
    before = {name: samples[:-int(after * RATE)] for name, samples in recordings.items()}
    faults += hearing(before, {"A": "B", "B": "A", "C": ""})
    print("       A has muted itself")
    return faults + hearing(recordings, {"A": "B", "B": "", "C": ""})


def badly_measured(gateway):
    """On loopback nothing is lost, and little time passes."""
    request = urllib.request.Request(f"{gateway.http}/v1/calls", headers={"Authorization": f"Bearer {gateway.token}"})
    with urllib.request.urlopen(request, timeout=5) as answer:
        calls = json.load(answer)
    faults = [] if len(calls) >= 3 else [f"the gateway shows {len(calls)} calls"]
    for call in calls:
        for way in ("inbound", "outbound"):
            shown = call[way]
            figures = [shown[name] for name in ("loss_percent", "jitter_ms", "delay_estimated_ms", "mos")]
            print(f"       {call['caller']} {way}: loss {figures[0]} %, jitter {figures[1]} ms, delay {figures[2]} ms, MOS {figures[3]}, {shown['signal']}")
            if None in figures or figures[0] > 1 or figures[2] > 100 or figures[3]["score"] < 4.2 or shown["signal"] != "green":
                faults.append(f"call {call['call']}, {way}: {shown}")
    return faults


def call_each_other(phones):
    if not phones["A"].dial(f"sip:{phones['B'].user}@127.0.0.1:{phones['B'].first}"):
        return [f"A: no answer; {phones['A'].last_words()}"]
    time.sleep(1)
    phones["A"].press(MEETING[0] + "#")
    time.sleep(TALK + 1)
    phones["A"].command("hangup")
    time.sleep(1)
    faults = hearing({name: phone.heard() for name, phone in phones.items()}, {"A": "B", "B": "A"})
    pressed = "".join(phones["B"].digits())
    return faults + ([] if pressed == MEETING[0] + "#" else [f"B got the digits {pressed!r}"])


def hearing(recordings, wanted):
    """Prints the level of each tone in each recording's last TALK seconds; returns what is not as wanted."""
    faults = []
    for listener, samples in recordings.items():
        if len(samples) < (TALK - 1) * RATE:
            faults.append(f"{listener} recorded {len(samples) / RATE:.1f} s only")
            continue
        samples = samples[-int(TALK * RATE):][:-RATE // 4]
        row = []
        for talker, hertz in HERTZ.items():
            levels = sorted(tone_dbfs(samples[i:i + WINDOW], hertz) for i in range(0, len(samples) - WINDOW + 1, WINDOW))
            # Heard: most of the time. Not heard: not for one tenth of a second.
            middle, loudest = levels[len(levels) // 2], levels[-1]
            row.append(f"{talker} {middle:6.1f} (at most {loudest:6.1f})")
            if talker in wanted[listener] and middle < HEARD_DBFS:
                faults.append(f"{listener} does not hear {talker}: {middle:.1f} dBFS")
            if talker not in wanted[listener] and loudest > UNHEARD_DBFS:
                faults.append(f"{listener} hears {talker}: {loudest:.1f} dBFS")
        print(f"       {listener} hears, in dBFS: {', '.join(row)}")
    return faults


def tone_dbfs(samples, hertz):
    """One line of the Fourier transform, under a Hann window; a full-scale sine is 0 dBFS."""
    turn = 2 * math.pi * hertz / RATE
    real = imaginary = 0.0
    for i, sample in enumerate(samples):
        weighted = sample * (1 - math.cos(2 * math.pi * i / len(samples)))
        real += weighted * math.cos(turn * i)
        imaginary += weighted * math.sin(turn * i)
    amplitude = 2 * math.hypot(real, imaginary) / len(samples) / 32768
    return 20 * math.log10(max(amplitude, 1e-6))


if __name__ == "__main__":
    main()
