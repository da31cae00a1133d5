"""How speech sounds from one codec to another between two calls, by PESQ (ITU-T P.862 and P.862.2); a line for each pair, exit code 1 if
one fails.

usage: pesq_codecs.py [CODEC-CODEC ...]

Runs in the virtual environment that tests/setup makes. What one peer says is encoded, and what the other hears decoded, by libopus,
spandsp and Python's own G.711; between them target/ci/bridged_sound carries it through two ports of the media plane. It must
score within 0.1 of the two codecs in series by the same libraries alone. The libraries are a test's tools, loaded at run time.

BRIDGED_SOUND  the program, target/ci/bridged_sound unless said
"""

import os
import pathlib
import struct
import subprocess
import sys
import tempfile
import wave

sys.dont_write_bytecode = True

import numpy
import pesq

from foreign_codecs import G711, G722, L16, Opus, as_samples

ROOT = pathlib.Path(__file__).resolve().parents[2]
PROGRAM = os.environ.get("BRIDGED_SOUND", ROOT / "target/ci/bridged_sound")
RECORDINGS = {"en": "en/help-host.wav", "zh": "zh/help-host.wav"}
MARGIN = 0.1
BACKGROUND_DBOV = -55


def main():
    codecs = {
        "pcmu": G711.u_law(),
        "pcma": G711.a_law(),
        "g722": G722(),
        "opus": Opus(),
        "l16": L16(16000),
        "l16-narrow": L16(8000),
    }
    wanted = sys.argv[1:] or [f"{one}-to-{other}" for one in codecs for other in codecs if one != other]
    failed = 0
    for language, file in RECORDINGS.items():
        said = {rate: recording(file, rate) for rate in (8000, 16000)}
        for pair in wanted:
            (one, other), names = (codecs[name] for name in pair.split("-to-")), pair.split("-to-")
            # What is encoded to Opus ends with a narrow band where it began with one.
            rate = min(one.rate, other.rate)
            packets = one.encode(twice(said[one.rate]))
            ours = last(resample(other.decode(carry(names, packets)), other.rate, rate), said[rate])
            series = other.decode(other.encode(resample(one.decode(packets), one.rate, other.rate)))
            theirs = last(resample(series, other.rate, rate), said[rate])
            ours, theirs = (score(said[rate], heard, rate) for heard in (ours, theirs))
            is_good = ours >= theirs - MARGIN
            failed += not is_good
            verdict = "ok    " if is_good else "FAILED"
            print(f"{verdict} pesq {pair} {language}: {ours:.2f}, in series {theirs:.2f}", flush=True)
    sys.exit(1 if failed else 0)


def carry(names, packets):
    """What comes out of the gateway."""
    stream = b"".join(struct.pack("<H", len(packet)) + packet for packet in packets)
    left = subprocess.run([PROGRAM, *names], input=stream, check=True, capture_output=True).stdout
    came = []
    while left:
        (length,) = struct.unpack_from("<H", left)
        came.append(left[2 : 2 + length])
        left = left[2 + length :]
    return came


def score(said, heard, rate):
    return pesq.pesq(rate, said, heard, "wb" if rate == 16000 else "nb")


def twice(samples):
    """Until it was said once the jitter buffer gets to know the path."""
    return numpy.concatenate([samples, samples])


def last(heard, said):
    """Of what was said twice the second half, and what comes late of it."""
    return heard[len(said) :]


def resample(samples, rate, wanted):
    if rate == wanted:
        return samples
    raw = ["-t", "raw", "-e", "signed", "-b", "16", "-c", "1"]
    command = ["sox", "-D", *raw, "-r", str(rate), "-", *raw, "-r", str(wanted), "-"]
    return as_samples(subprocess.run(command, input=samples.tobytes(), check=True, capture_output=True).stdout)


def recording(file, rate):
    """Over the background of an office; the same each time."""
    with tempfile.NamedTemporaryFile(suffix=".wav") as narrow:
        source = ROOT / "conf/prompts" / file
        subprocess.run(["sox", "-D", source, "-r", str(rate), "-b", "16", narrow.name, "norm", "-6"], check=True)
        with wave.open(narrow.name) as sound:
            samples = as_samples(sound.readframes(sound.getnframes()))
    sound = numpy.pad(samples.astype(float), rate // 4)
    noise = numpy.random.default_rng(1).normal(0, 32768 * 10 ** (BACKGROUND_DBOV / 20), len(sound))
    return numpy.clip(sound + noise, -32768, 32767).astype(numpy.int16)


main()
