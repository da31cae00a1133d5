"""How speech sounds through a whole meeting, by PESQ (ITU-T P.862, narrow band); a line each, exit code 1 if one fails.

usage: pesq_meeting.py [NAME ...]

Runs in the virtual environment that tests/setup makes. target/ci/meeting_sound carries recordings of conf/prompts through a
meeting of the simulator, over A-law; what another phone hears is scored against what was said. What is lost is also made up
by appendix_i.py, which knows nothing of ours.

MEETING_SOUND  the program, target/ci/meeting_sound unless said
"""

import dataclasses
import os
import pathlib
import subprocess
import sys
import tempfile
import wave

sys.dont_write_bytecode = True

import numpy
import pesq

import appendix_i

ROOT = pathlib.Path(__file__).resolve().parents[2]
PROGRAM = os.environ.get("MEETING_SOUND", ROOT / "target/ci/meeting_sound")
RECORDINGS = {"en": "en/help-host.wav", "zh": "zh/help-host.wav"}
RATE, PACKET = 8000, 160
# An office's. What speaks in espeak-ng's digital silence is A-law's own noise: its score would be that of the codec.
BACKGROUND_DBOV = -55
CLEAN = 4.2
LOSS, JITTER_MS = 5, 30
SEEDS = range(1, 7)
DRIFT_PPM, DRIFT_SECONDS = 200, 600

tests = {}


@dataclasses.dataclass(frozen=True)
class Heard:
    score: float
    lost: frozenset
    counted: dict


def test(function):
    tests[function.__name__.replace("_", "-")] = function
    return function


@test
def clean(said):
    heard = carry(said)
    expect(heard.score >= CLEAN, f"{heard.score:.2f} < {CLEAN}")
    return f"{heard.score:.2f}"


@test
def jitter(said):
    heard = carry(said, jitter=JITTER_MS)
    expect(heard.score >= CLEAN, f"{heard.score:.2f} < {CLEAN}")
    # As it begins, nobody knows of it yet.
    expect(heard.counted["gaps"] <= 2 and not heard.counted["discarded"], f"{heard.counted}")
    return f"{heard.score:.2f}, {heard.counted['depth_ms']:.0f} ms deep, with {JITTER_MS} ms of jitter"


@test
def loss_and_jitter(said):
    ours, theirs = [], []
    for seed in SEEDS:
        heard = carry(said, loss=LOSS, jitter=JITTER_MS, seed=seed)
        ours.append(heard.score)
        frames = PACKET // appendix_i.FRAME
        theirs.append(score(said, appendix_i.conceal(a_law(said), lambda frame: frame // frames in heard.lost)))
    ours, theirs = numpy.mean(ours), numpy.mean(theirs)
    expect(ours >= theirs, f"{ours:.2f} < {theirs:.2f}, that of G.711 Appendix I")
    return f"{ours:.2f}, and {theirs:.2f} by G.711 Appendix I, with {LOSS} % lost and {JITTER_MS} ms of jitter"


@test
def fast_clock(said):
    return drift(said, DRIFT_PPM)


@test
def slow_clock(said):
    return drift(said, -DRIFT_PPM)


def drift(said, ppm):
    heard = carry(said, ppm=ppm, seconds=DRIFT_SECONDS)
    faults = {name: heard.counted[name] for name in ("lost", "discarded", "gaps")}
    expect(not any(faults.values()), f"{faults}")
    expect(heard.score >= CLEAN, f"{heard.score:.2f} < {CLEAN}")
    return f"{heard.score:.2f} after {DRIFT_SECONDS} s at {ppm} ppm, nothing dropped, no gap"


def carry(said, **settings):
    """What another phone hears of it in a meeting."""
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        write(folder / "said.wav", said)
        command = [PROGRAM, folder / "said.wav", folder / "heard.wav", folder / "lost"]
        command += [f"{name}={value}" for name, value in settings.items()]
        told = subprocess.run(command, check=True, capture_output=True, text=True).stdout
        counted = {name: float(value) for name, value in (pair.split("=") for pair in told.split())}
        lost = frozenset(int(number) for number in (folder / "lost").read_text().split())
        return Heard(score(said, read(folder / "heard.wav")), lost, counted)


def score(said, heard):
    return pesq.pesq(RATE, said, heard, "nb")


def a_law(sound):
    """What G.711's A-law leaves of it: 16 steps in each octave above 512, all alike below."""
    sound = sound.astype(int)
    size = numpy.minimum(numpy.abs(sound), 32767)
    step = numpy.where(size < 512, 16, 2 ** (numpy.log2(numpy.maximum(size, 1)).astype(int) - 4).clip(0))
    return (numpy.where(sound < 0, -1, 1) * (size // step * step + step // 2)).astype(numpy.int16)


def recording(file):
    """At 8 kHz, over the background of an office; the same each time."""
    with tempfile.NamedTemporaryFile(suffix=".wav") as narrow:
        source = ROOT / "conf/prompts" / file
        subprocess.run(["sox", "-D", source, "-r", str(RATE), "-b", "16", narrow.name, "norm", "-6"], check=True)
        # A clock that drifts moves what is heard against what was said: by less than this. Longer pauses the mix leaves out.
        sound = numpy.pad(read(narrow.name).astype(float), RATE // 4)
    noise = numpy.random.default_rng(1).normal(0, 32768 * 10 ** (BACKGROUND_DBOV / 20), len(sound))
    return numpy.clip(sound + noise, -32768, 32767).astype(numpy.int16)


def read(file):
    with wave.open(str(file)) as sound:
        return numpy.frombuffer(sound.readframes(sound.getnframes()), dtype=numpy.int16)


def write(file, samples):
    with wave.open(str(file), "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(2)
        sound.setframerate(RATE)
        sound.writeframes(samples.tobytes())


def expect(holds, what):
    if not holds:
        raise AssertionError(what)


def main():
    wanted = sys.argv[1:] or list(tests)
    failed = 0
    for language, file in RECORDINGS.items():
        said = recording(file)
        for name in wanted:
            try:
                print(f"ok     {name} {language}: {tests[name](said)}", flush=True)
            except (AssertionError, subprocess.CalledProcessError, pesq.PesqError) as error:
                failed += 1
                print(f"FAILED {name} {language}: {error}", flush=True)
    sys.exit(1 if failed else 0)


main()
