"""How speech sounds from one codec to another between two calls, by PESQ (ITU-T P.862 and P.862.2); a line for each pair, exit code 1 if
one fails.

usage: pesq_codecs.py [CODEC-CODEC ...]

Runs in the virtual environment that tests/setup makes. What one peer says is encoded, and what the other hears decoded, by libopus,
spandsp and Python's own G.711; between them target/ci/bridged_sound carries it through two ports of the media plane. It must
score within 0.1 of the two codecs in series by the same libraries alone. The libraries are a test's tools, loaded at run time.

BRIDGED_SOUND  the program, target/ci/bridged_sound unless said
"""

import audioop
import ctypes
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

ROOT = pathlib.Path(__file__).resolve().parents[2]
PROGRAM = os.environ.get("BRIDGED_SOUND", ROOT / "target/ci/bridged_sound")
RECORDINGS = {"en": "en/help-host.wav", "zh": "zh/help-host.wav"}
MARGIN = 0.1
BACKGROUND_DBOV = -55
FRAMES_A_SECOND = 50
# opus_defines.h
OPUS_APPLICATION_VOIP, OPUS_SET_BITRATE, OPUS_SET_COMPLEXITY = 2048, 4002, 4010
OPUS_BITRATE, OPUS_COMPLEXITY, LONGEST_OPUS = 24_000, 5, 1_275
G722_RATE = 64_000


class G711:
    rate = 8000

    def __init__(self, encode, decode):
        self.encode_all, self.decode_all = encode, decode

    def encode(self, samples):
        return [self.encode_all(frame.tobytes(), 2) for frame in frames(samples, self.rate)]

    def decode(self, packets):
        return as_samples(b"".join(self.decode_all(packet, 2) for packet in packets))


class L16:
    def __init__(self, rate):
        self.rate = rate

    def encode(self, samples):
        return [frame.astype(">i2").tobytes() for frame in frames(samples, self.rate)]

    def decode(self, packets):
        return numpy.frombuffer(b"".join(packets), dtype=">i2").astype(numpy.int16)


class G722:
    rate = 16000

    def __init__(self):
        self.library = ctypes.CDLL("libspandsp.so.2")
        for name in ("g722_encode_init", "g722_decode_init"):
            getattr(self.library, name).restype = ctypes.c_void_p

    def encode(self, samples):
        encoder = ctypes.c_void_p(self.library.g722_encode_init(None, G722_RATE, 0))
        packets = []
        for frame in frames(samples, self.rate):
            octets = (ctypes.c_uint8 * len(frame))()
            sound = (ctypes.c_int16 * len(frame))(*frame.tolist())
            packets.append(bytes(octets[: self.library.g722_encode(encoder, octets, sound, len(frame))]))
        return packets

    def decode(self, packets):
        decoder = ctypes.c_void_p(self.library.g722_decode_init(None, G722_RATE, 0))
        heard = []
        for packet in packets:
            sound = (ctypes.c_int16 * (2 * len(packet)))()
            length = self.library.g722_decode(decoder, sound, (ctypes.c_uint8 * len(packet))(*packet), len(packet))
            heard += sound[:length]
        return numpy.array(heard, dtype=numpy.int16)


class Opus:
    rate = 16000

    def __init__(self):
        self.library = ctypes.CDLL("libopus.so.0")
        for name in ("opus_encoder_create", "opus_decoder_create"):
            getattr(self.library, name).restype = ctypes.c_void_p

    def encode(self, samples):
        error = ctypes.c_int()
        encoder = ctypes.c_void_p(self.library.opus_encoder_create(self.rate, 1, OPUS_APPLICATION_VOIP, ctypes.byref(error)))
        for setting, value in ((OPUS_SET_BITRATE, OPUS_BITRATE), (OPUS_SET_COMPLEXITY, OPUS_COMPLEXITY)):
            self.library.opus_encoder_ctl(encoder, setting, ctypes.c_int(value))
        packets = []
        for frame in frames(samples, self.rate):
            octets = (ctypes.c_uint8 * LONGEST_OPUS)()
            sound = (ctypes.c_int16 * len(frame))(*frame.tolist())
            packets.append(bytes(octets[: self.library.opus_encode(encoder, sound, len(frame), octets, LONGEST_OPUS)]))
        return packets

    def decode(self, packets):
        error = ctypes.c_int()
        decoder = ctypes.c_void_p(self.library.opus_decoder_create(self.rate, 1, ctypes.byref(error)))
        heard = []
        for packet in packets:
            sound = (ctypes.c_int16 * self.rate)()
            length = self.library.opus_decode(decoder, packet, len(packet), sound, self.rate, 0)
            heard += sound[:length]
        return numpy.array(heard, dtype=numpy.int16)


def main():
    codecs = {
        "pcmu": G711(audioop.lin2ulaw, audioop.ulaw2lin),
        "pcma": G711(audioop.lin2alaw, audioop.alaw2lin),
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


def frames(samples, rate):
    length = rate // FRAMES_A_SECOND
    return samples[: len(samples) // length * length].reshape(-1, length)


def as_samples(octets):
    return numpy.frombuffer(octets, dtype=numpy.int16)


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
