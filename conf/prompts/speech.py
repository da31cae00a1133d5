"""Speaks one prompt of text.toml as 16 kHz mono samples. Shared by make-prompts and check-prompts."""

import array
import collections
import hashlib
import io
import math
import pathlib
import re
import struct
import subprocess
import sys
import tomllib
import wave

HERE = pathlib.Path(__file__).resolve().parent
LANGUAGES = ("zh", "en")
RATE = 16000

# Raise when the processing below changes: every prompt is then made again.
RECIPE = 1

ACTIVE_DBFS = -20.0
CEILING_DBFS = -3.2
FRAME = RATE // 50
LEAD = RATE * 20 // 1000
TAIL = RATE * 120 // 1000
LOOK_AHEAD = RATE * 4 // 1000
JOIN_PAUSE = RATE * 250 // 1000


def load_table():
    with open(HERE / "text.toml", "rb") as file:
        return tomllib.load(file)


def faults(table):
    """What is wrong with the table itself, a line each."""
    found = []
    for name, entry in table["prompt"].items():
        if not re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", name):
            found.append(f"{name}: a name is lower-case words joined by hyphens")
        for key in ("zh", "pinyin", "en"):
            if not str(entry.get(key, "")).strip():
                found.append(f"{name}: no {key}")
        for key in entry.keys() - {"zh", "pinyin", "en", "both"}:
            found.append(f"{name}: unknown key {key}")
        written = len(re.findall(r"[\u4e00-\u9fff0-9]", entry.get("zh", "")))
        syllables = re.findall(r"[^\s,.]+", entry.get("pinyin", ""))
        for syllable in syllables:
            if not re.fullmatch(r"[a-zü]+[1-5]", syllable):
                found.append(f"{name}: {syllable} is not a syllable with its tone")
        if written != len(syllables):
            found.append(f"{name}: {written} characters but {len(syllables)} syllables")
    return found


def parts(table, name, language):
    """The (espeak-ng options, text) pieces that make up a prompt's recording."""
    entry = table["prompt"][name]
    spoken = {"zh": entry["pinyin"], "en": entry["en"]}
    chosen = LANGUAGES if entry.get("both") else (language,)
    return [(options(table["voice"][piece], name), " ".join(spoken[piece].split())) for piece in chosen]


def options(voice, name):
    speed = voice["digit_speed" if name.startswith("digit-") else "speed"]
    return ["-v", voice["name"], "-s", str(speed), "-p", str(voice["pitch"])]


def fingerprint(table, name, language):
    """Changes when the recording would."""
    return hashlib.sha256(repr((RECIPE, parts(table, name, language))).encode()).hexdigest()[:16]


def speak(table, name, language):
    """The finished recording, as 16-bit samples."""
    joined = []
    for voice, text in parts(table, name, language):
        if joined:
            joined.extend([0.0] * JOIN_PAUSE)
        joined.extend(level(trim(synthesise(voice, text))))
    return to_pcm(joined)


def synthesise(voice, text):
    spoken = run(["espeak-ng", *voice, "--stdout", text])
    # The high-pass takes espeak-ng's direct-current offset; -D, for dither would make each run differ.
    raw = run(["sox", "-D", "-t", "wav", "--ignore-length", "-", "-t", "raw", "-e", "float", "-b", "32", "-L", "-c", "1", "-"]
              + ["gain", "-6", "rate", "-h", str(RATE), "highpass", "70"], spoken)
    samples = array.array("f", raw)
    if sys.byteorder == "big":
        samples.byteswap()
    return samples.tolist()


def run(command, stdin=b""):
    try:
        return subprocess.run(command, input=stdin, stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=True).stdout
    except FileNotFoundError:
        sys.exit(f"{command[0]} is not installed: run tests/setup")
    except subprocess.CalledProcessError as error:
        sys.exit(f"{' '.join(command)}: {error.stderr.decode(errors='replace').strip()}")


def trim(samples):
    """Cuts silence to LEAD before and TAIL after; what is 45 dB under the peak is silence."""
    floor = max(map(abs, samples)) * 10 ** (-45 / 20)
    first = next(i for i, sample in enumerate(samples) if abs(sample) > floor)
    last = next(i for i in range(len(samples) - 1, -1, -1) if abs(samples[i]) > floor)
    kept = samples[max(0, first - LEAD):last + 1 + TAIL]
    lead, tail = min(first, LEAD), len(kept) - 1 - (last - max(0, first - LEAD))
    for i in range(lead):
        kept[i] *= i / lead
    for i in range(1, tail + 1):
        kept[-i] *= (i - 1) / tail
    return kept


def active_rms(samples):
    """The level of the frames that hold voice: those within 30 dB of the loudest."""
    energies = [sum(x * x for x in samples[i:i + FRAME]) / FRAME for i in range(0, len(samples) - FRAME + 1, FRAME)]
    voiced = [energy for energy in energies if energy > max(energies) / 1000]
    return math.sqrt(sum(voiced) / len(voiced))


def level(samples):
    gain = 10 ** (ACTIVE_DBFS / 20) / active_rms(samples)
    return limit([sample * gain for sample in samples])


def limit(samples):
    """Keeps peaks under the ceiling, turning the gain down LOOK_AHEAD before a peak and up again after it."""
    ceiling = 10 ** (CEILING_DBFS / 20)
    if max(map(abs, samples)) <= ceiling:
        return samples
    needed = [min(1.0, ceiling / max(abs(sample), 1e-9)) for sample in samples]
    # The mean of minima that all reach over a sample is never above what this sample needs.
    lowest = sliding(needed, min_window)
    return [sample * gain for sample, gain in zip(samples, sliding(lowest, mean_window))]


def sliding(values, window):
    padded = [1.0] * LOOK_AHEAD + values + [1.0] * LOOK_AHEAD
    return window(padded, 2 * LOOK_AHEAD + 1)


def min_window(values, width):
    kept, out = collections.deque(), []
    for i, value in enumerate(values):
        while kept and values[kept[-1]] >= value:
            kept.pop()
        kept.append(i)
        if kept[0] <= i - width:
            kept.popleft()
        if i >= width - 1:
            out.append(values[kept[0]])
    return out


def mean_window(values, width):
    total, out = sum(values[:width - 1]), []
    for i in range(width - 1, len(values)):
        total += values[i]
        out.append(total / width)
        total -= values[i - width + 1]
    return out


def to_pcm(samples):
    return array.array("h", (max(-32768, min(32767, round(sample * 32767))) for sample in samples))


def encode(pcm):
    """A wav file of 16-bit mono samples: a 44-byte header and the data."""
    data = struct.pack(f"<{len(pcm)}h", *pcm)
    out = io.BytesIO()
    with wave.open(out, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes(data)
    return out.getvalue()


def decode(content):
    """The samples of a wav file; ValueError if it is not 16 kHz mono 16-bit."""
    try:
        with wave.open(io.BytesIO(content)) as file:
            if (file.getframerate(), file.getnchannels(), file.getsampwidth()) != (RATE, 1, 2):
                raise ValueError("not 16 kHz mono 16-bit")
            data = file.readframes(file.getnframes())
    except (wave.Error, EOFError) as error:
        raise ValueError(f"no wav file: {error}") from error
    return array.array("h", struct.unpack(f"<{len(data) // 2}h", data))
