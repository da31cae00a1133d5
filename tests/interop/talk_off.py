#!/usr/bin/python3
"""Speaks to the detector of keys for hours, by espeak-ng; it must hear none (DIAL-7). A line a language, exit code 1 if one fails.

usage: talk_off.py [SECONDS]    of speech in each language, 3600 unless said

Sentences are drawn by chance, the same at each run, and spoken by voice after voice, at many speeds, pitches and levels. Behind
each voice come real keys, which must be heard: a deaf detector does not pass.

DTMF_EAR  the detector, target/ci/dtmf_ear unless said
"""

import concurrent.futures
import itertools
import math
import os
import random
import subprocess
import sys

sys.dont_write_bytecode = True

EAR = os.environ.get("DTMF_EAR", "target/ci/dtmf_ear")
KEYS = "1590*#"
RATES = (8000, 16000)
SENTENCES = 60
AT_ONCE = 2

# The loudest syllable, in dB below full scale: a shout, a telephone's, a soft voice's.
PEAKS = (-1, -6, -12)
VARIANTS = ("", "+m1", "+m3", "+m5", "+m7", "+f1", "+f2", "+f3", "+f4", "+f5", "+croak", "+klatt", "+klatt3", "+whisper")
ENGLISH_VOICES = ("en-us", "en-gb", "en-gb-scotland", "en-gb-x-rp", "en-us-nyc", "en-029")

ENGLISH = """
the of and to in is you that it he was for on are as with his they at be this have from or one had by word but not what all were
we when your can said there use an each which she do how their if will up other about out many then them these so some her would
make like him into time has look two more write go see number no way could people my than first water been call who oil its now
find long down day did get come made may part meeting agenda minutes quarter budget schedule telephone password conference
please hello goodbye yes thanks Monday Tuesday Wednesday zero three four five six seven eight nine ten eleven hundred thousand
queue aisle ooze eerie oui way yowl royal mirror whistle hoot beep tooth cheese sheep shoe zoo measure judge church vision
""".split()

INITIALS = "b p m f d t n l g k h j q x zh ch sh r z c s".split()
FINALS = {
    "jqx": "i ia ie iao iu ian in iang ing iong u ue uan un".split(),
    "bpm": "a o ai ei ao an en ang eng i ie iao ian in ing u".split(),
    "f": "a o ei ou an en ang eng u".split(),
    "gkh": "a e ai ei ao ou an en ang eng ong u ua uo uai ui uan un uang".split(),
    "dtnl": "a e ai ei ao ou an ang eng ong i ie iao iu ian ing u uo uan un".split(),
    "zcsr": "e i ao ou an en ang eng ong u uo uan un ui".split(),
}
ALONE = "a ai an ang ao e en er o ou yi ya ye yao you yan yin yang ying yong yu yue yuan yun wu wa wo wai wei wan wen wang weng".split()


def main():
    seconds = float(sys.argv[1]) if sys.argv[1:] else 3600
    if not os.access(EAR, os.X_OK):
        sys.exit(f"{EAR} is missing: make test builds it")
    keys = {rate: subprocess.run([EAR, "say", str(rate), KEYS], capture_output=True, check=True).stdout for rate in RATES}
    failed = 0
    for language in ("en", "zh"):
        spoken, faults = speak(language, seconds, keys)
        words = f"{spoken:.0f} s of speech at each of {len(RATES)} rates, and no key heard in it"
        print(f"FAILED talk-off/{language}: {'; '.join(faults[:5])}" if faults else f"ok     talk-off/{language}: {words}", flush=True)
        failed += bool(faults)
    sys.exit(1 if failed else 0)


def speak(language, seconds, keys):
    """How much was spoken, and what was heard that should not have been."""
    spoken, faults = 0.0, []
    with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
        for first in itertools.count(step=AT_ONCE):
            for length, found in pool.map(lambda turn: one_voice(language, turn, keys), range(first, first + AT_ONCE)):
                spoken += length
                faults += found
            if spoken >= seconds:
                return spoken, faults


def one_voice(language, turn, keys):
    chance = random.Random(f"{language} {turn}")
    variant = VARIANTS[turn % len(VARIANTS)]
    voice = (chance.choice(ENGLISH_VOICES) if language == "en" else "cmn-latn-pinyin") + variant
    settings = ["-s", str(chance.randrange(110, 260)), "-p", str(chance.randrange(10, 95)), "-a", "100"]
    text = " ".join(sentence(language, chance) for _ in range(SENTENCES))
    recording = subprocess.run(["espeak-ng", "-v", voice, *settings, "--stdin", "--stdout"], input=text.encode(), capture_output=True, check=True).stdout
    peak, length, faults = PEAKS[turn % len(PEAKS)], math.inf, []
    for rate in RATES:
        samples = resample(recording, rate, peak)
        length = min(length, len(samples) / 2 / rate)
        heard = listen(samples + bytes(rate) + keys[rate], rate)
        before = [f"{key} at {when:.2f} s" for when, key in heard if when < len(samples) / 2 / rate]
        after = "".join(key for when, key in heard if when >= len(samples) / 2 / rate)
        where = f"turn {turn}, {voice} {' '.join(settings)}, {peak} dB, {rate} Hz"
        faults += [f"{where}: heard {', '.join(before)}"] if before else []
        faults += [f"{where}: heard {after!r} of the keys {KEYS!r}"] if after != KEYS else []
    return length, faults


def sentence(language, chance):
    if language == "en":
        return " ".join(chance.choices(ENGLISH, k=chance.randrange(4, 14))).capitalize() + chance.choice(".,?!")
    return " ".join(syllable(chance) for _ in range(chance.randrange(4, 14))) + chance.choice(".,?!")


def syllable(chance):
    initial = chance.choice([*INITIALS, ""])
    finals = next((finals for initials, finals in FINALS.items() if initial and initial[0] in initials), ALONE)
    return f"{initial}{chance.choice(finals)}{chance.randrange(1, 6)}"


def resample(recording, rate, peak):
    """16-bit samples of one channel. espeak-ng's own rate is 22,050 Hz."""
    command = ["sox", "-R", "-t", "wav", "--ignore-length", "-", "-t", "raw", "-e", "signed", "-b", "16", "-c", "1", "-r", str(rate), "-", "norm", str(peak)]
    return subprocess.run(command, input=recording, capture_output=True, check=True).stdout


def listen(samples, rate):
    lines = subprocess.run([EAR, "hear", str(rate)], input=samples, capture_output=True, check=True).stdout.decode().splitlines()
    pairs = [line.split() for line in lines]
    if not pairs or pairs[-1][0] != "end" or float(pairs[-1][1]) < len(samples) / 2 / rate - 0.05:
        raise SystemExit("the detector did not listen to the end")
    return [(float(when), key) for when, key in pairs[:-1]]


main()
