#!/usr/bin/python3
"""Baresip phones with Opus, G.722 and G.711 meet: who has a wide band hears it of the others, who has not hears all in a narrow one (MEDIA-1).

usage: baresip_wide.py

Each phone sends a tone below 4 kHz, and those with a wide band one above it too. The codecs are Debian's, baresip's of
libopus and of spandsp: nothing of ours is at that end.

GATEWAY_ACCESS      access number, 02153290005 unless said
GATEWAY_MEETING     meeting as ID:PASSWORD, 900100001:1234 unless said
"""

import os
import pathlib
import shutil
import sys
import tempfile
import time

import numpy

sys.dont_write_bytecode = True

import gateway_under_test
from baresip_phone import PORTS_PER_PHONE, Phone

ACCESS = os.environ.get("GATEWAY_ACCESS", "02153290005")
MEETING = os.environ.get("GATEWAY_MEETING", "900100001:1234").split(":")

# None is a multiple of another; the image at 8 kHz of one above 4 kHz is none of those below.
HERTZ = {"opus": (700, 5000), "g722": (1130, 5530), "pcma": (430,)}
SETTLE = 8.0
TALK = 5.0
HEARD_DBFS = -40.0
UNHEARD_DBFS = -55.0


def main():
    if sys.argv[1:]:
        sys.exit(__doc__)
    if not shutil.which("baresip"):
        sys.exit("baresip is not installed: run tests/setup")
    gateway = gateway_under_test.from_environment()
    with tempfile.TemporaryDirectory(prefix="baresip-") as folder:
        phones = {}
        try:
            for number, codec in enumerate(HERTZ):
                taken = [port for phone in phones.values() for port in range(phone.first, phone.first + PORTS_PER_PHONE)]
                phones[codec] = Phone(f"1380000010{number}", HERTZ[codec], pathlib.Path(folder) / codec, [*gateway.media, *taken], codec=codec)
            faults = meet(phones, gateway)
        finally:
            for phone in phones.values():
                phone.stop()
    print("\n".join(f"FAILED {fault}" for fault in faults) if faults else "ok     the wide band is heard by those who have it")
    sys.exit(1 if faults else 0)


def meet(phones, gateway):
    for codec, phone in phones.items():
        if not phone.join(f"sip:{ACCESS}@{gateway.host}:{gateway.port}", MEETING):
            return [f"{codec}: no answer; {phone.last_words()}"]
    time.sleep(SETTLE + TALK)
    faults = [f"{codec}: the call ended by itself" for codec, phone in phones.items() if not phone.in_call()]
    for phone in phones.values():
        phone.command("hangup")
    time.sleep(1)
    for codec, phone in phones.items():
        faults += hearing(codec, phone)
    return faults


def hearing(listener, phone):
    """Prints how loud each tone is, and each image of one at 8 kHz; returns what is not as it should be."""
    samples = numpy.array(phone.heard(), dtype=float)[-int(TALK * phone.rate):-phone.rate // 4]
    if len(samples) < (TALK - 1) * phone.rate:
        return [f"{listener} recorded {len(samples) / phone.rate:.1f} s only"]
    faults = []
    row = []
    for talker, tones in HERTZ.items():
        for hertz in tones:
            is_wide = hertz > 4000
            if is_wide and listener == "pcma":
                hertz = 8000 - hertz
            level = dbfs(samples, hertz, phone.rate)
            row.append(f"{talker} {hertz} Hz {level:6.1f}")
            is_wanted = talker != listener and not (is_wide and listener == "pcma")
            if is_wanted and level < HEARD_DBFS:
                faults.append(f"{listener} does not hear {hertz} Hz of {talker}: {level:.1f} dBFS")
            if not is_wanted and level > UNHEARD_DBFS:
                faults.append(f"{listener} hears {hertz} Hz of {talker}: {level:.1f} dBFS")
    print(f"       {listener:5}", ", ".join(row))
    return faults


def dbfs(samples, hertz, rate):
    """Of a tone in the middle one of all tenths of a second."""
    window = rate // 10
    shape = numpy.hanning(window) * numpy.exp(-2j * numpy.pi * hertz * numpy.arange(window) / rate)
    levels = [abs(samples[at:at + window] @ shape) * 4 / window / 32768 for at in range(0, len(samples) - window, window)]
    return 20 * numpy.log10(max(numpy.median(levels), 1e-9))


if __name__ == "__main__":
    main()
