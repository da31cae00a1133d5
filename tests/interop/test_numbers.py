#!/usr/bin/python3
"""baresip calls the numbers that a line is tested with (MEDIA-8): a line each, exit code 1 if one fails.

usage: test_numbers.py

Keys are pressed at the one, and each must be read back, in both languages and in order; the other must say that nothing was lost, in
both directions, and how long the way is, since baresip reports by RTCP. What the phone heard is compared with the recordings. The
gateway is probed too, by its own program from outside: its verdict, and what it says of a port where nobody is.
"""

import json
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time

sys.dont_write_bytecode = True

import numpy

import gateway_under_test
import heard
import own_gateway
from baresip_phone import PORTS_PER_PHONE, Phone
from dial_tests import Failed, expect, told
from heard import Said

KEYS = "2580*71"
NAMES = {"*": "digit-star"}
# Both greetings, which a key would cut short.
GREETING_SECONDS = 9.5
# A key in both languages.
READ_SECONDS = 2.2
# Greetings, ten seconds of listening, and the figures in both languages.
QUALITY_SECONDS = 60
TONE = 430
LANGUAGES = ("zh", "en")


def main():
    if sys.argv[1:]:
        sys.exit(__doc__)
    if not shutil.which("baresip"):
        sys.exit("baresip is not installed: run tests/setup")
    failed = 0
    with tempfile.TemporaryDirectory(prefix="test-numbers-") as folder:
        folder = pathlib.Path(folder)
        (folder / "gateway").mkdir()
        gateway = own_gateway.OwnGateway(folder / "gateway")
        with gateway:
            for name, test in (("keys-are-read-back", keys), ("figures-are-read-back", figures), ("probed-from-outside", probed)):
                try:
                    print(f"ok     {name}: {test(gateway, folder / name)}", flush=True)
                except Failed as fault:
                    failed += 1
                    print(f"FAILED {name}: {fault}", flush=True)
            if fault := gateway.end():
                failed += 1
                print(f"FAILED gateway: {fault}")
    sys.exit(1 if failed else 0)


def call(gateway, folder, number, during):
    """What a phone heard that called a number, from its answer to the gateway's BYE."""
    phone = Phone("13800007001", TONE, folder, [*gateway.at.media, gateway.at.media.stop])
    try:
        expect(phone.dial(f"sip:{number}@{gateway.at.host}:{gateway.at.port}"), f"no answer; {phone.last_words()}")
        during(phone)
        until = time.monotonic() + QUALITY_SECONDS
        while phone.in_call():
            expect(time.monotonic() < until, "the gateway does not hang up")
            time.sleep(0.1)
        time.sleep(0.5)
        return without_tone(numpy.array(phone.heard(), dtype=float))
    finally:
        phone.stop()


def without_tone(sound):
    """Without the phone's own, which it hears again while it is listened to."""
    lines = numpy.fft.rfft(sound)
    lines[abs(numpy.fft.rfftfreq(len(sound), 1 / heard.RATE) - TONE) < 3] = 0
    return numpy.fft.irfft(lines, len(sound))


def judge(sound, wanted):
    places, faults, _ = heard.in_order(sound, wanted)
    expect(not faults, f"{'; '.join(faults)}; heard: {told(places)}")
    return places


def keys(gateway, folder):
    def press(phone):
        time.sleep(GREETING_SECONDS)
        for key in KEYS:
            phone.press(key)
            time.sleep(READ_SECONDS)
        phone.press("#")

    sound = call(gateway, folder, "9005", press)
    names = [NAMES.get(key, f"digit-{key}") for key in KEYS]
    wanted = [Said(name, language) for name in ("digits-begin", *names, "goodbye") for language in LANGUAGES]
    return f"{len(judge(sound, wanted))} recordings in their order, {KEYS} among them"


def figures(gateway, folder):
    sound = call(gateway, folder, "9004", lambda phone: None)
    zero = ["digit-0", "digit-point", "digit-0"]
    wanted = [Said("quality-begin", language) for language in LANGUAGES]
    for language in LANGUAGES:
        names = ["quality-loss-there", *zero, "quality-jitter", "quality-loss-back", *zero, "quality-delay", "goodbye"]
        wanted += [Said(name, language) for name in names]
    return f"{len(judge(sound, wanted))} recordings in their order: nothing lost, there and back"


def probed(gateway, _):
    code, report = probe(f"{gateway.at.host}:{gateway.at.port}", "--packets", "100", "--video", "1")
    legs = {leg["what"]: leg for leg in report["legs"]}
    expect(code == 0 and report["standing"] == "good", f"exit code {code}: {report}")
    expect(set(legs) == {"signalling", "stream", "media", "video"}, f"only {list(legs)}")
    expect(all(leg["measured"]["lost_percent"] == 0 for leg in legs.values() if leg["what"] != "video"), f"{report}")
    expect(legs["media"]["address"].endswith(f":{gateway.at.media.stop}"), f"media is probed at {legs['media']['address']}")
    nobody = gateway_under_test.free_ports(2, gateway.at.media)
    code, report = probe(f"127.0.0.1:{nobody}")
    expect(code == 2 and report["standing"] == "unknown", f"nobody is there: exit code {code}, {report}")
    return f"round trip {legs['media']['measured']['round_trip']['median_ms']:.2f} ms; nobody at another port"


def probe(*words):
    done = subprocess.run([own_gateway.program(), "probe", "--json", *words], capture_output=True, text=True, timeout=60)
    expect(done.stdout, f"exit code {done.returncode}: {done.stderr}")
    return done.returncode, json.loads(done.stdout)


if __name__ == "__main__":
    main()
