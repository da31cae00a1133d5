"""What a recording says: the prompts of conf/prompts found in it by normalised cross-correlation.

A correlation of 1 is the recording itself, at any volume.
"""

import dataclasses
import functools
import subprocess

import numpy

import g711
from own_gateway import ROOT

RATE = 8000
LEAST = 0.9
PIECE, LEAST_PIECES, LONGEST_HOLE, PIECES_HEARD = RATE // 4, 4, RATE, 0.75
# How much of a recording is wanted where it was broken off, or has no end.
BEGINNING = 0.6
# What is more than this is sound, as the root mean square of 20 ms of 16-bit samples; an idle line may hum.
QUIET = 40
FRAME = 160


@dataclasses.dataclass(frozen=True)
class Said:
    """A prompt that is wanted: `whole`, or broken off by a key, or music that is broken off."""

    name: str
    language: str = "zh"
    whole: bool = True

    def __str__(self):
        return f"{self.language}/{self.name}{'' if self.whole else '…'}"

    @property
    def sound(self):
        recording = recorded(self.name, self.language)
        return recording if self.whole else recording[:round(BEGINNING * RATE)]


@functools.cache
def shipped(name, language):
    """The recording at 8 kHz, as samples."""
    folder = ROOT / "conf/prompts"
    file = folder / "music.wav" if name == "music" else folder / language / f"{name}.wav"
    command = ["sox", file, "-t", "raw", "-e", "signed", "-b", "16", "-c", "1", "-r", str(RATE), "-"]
    return numpy.frombuffer(subprocess.run(command, capture_output=True, check=True).stdout, dtype="<i2").astype(float)


def lead(name, language):
    """Samples of silence that it begins with."""
    return int(numpy.nonzero(abs(shipped(name, language)) > QUIET)[0][0])


@functools.cache
def recorded(name, language):
    """It without the silence around it."""
    samples = shipped(name, language)
    return samples[lead(name, language):numpy.nonzero(abs(samples) > QUIET)[0][-1] + 1]


def of_rtp(timed, codec=g711.PCMA):
    """The samples from the first packet on, each where its timestamp puts it."""
    packets = [rtp for _, rtp in timed if rtp[1] & 0x7F == codec.payload_type]
    if not packets:
        return numpy.zeros(0)
    first = int.from_bytes(packets[0][4:8], "big")
    places = [(int.from_bytes(rtp[4:8], "big") - first) % 2 ** 32 for rtp in packets]
    samples = numpy.zeros(max(place for place in places if place < 2 ** 31) + FRAME * 3)
    table = numpy.array(codec.table, dtype=float)
    for place, rtp in zip(places, packets):
        if place < 2 ** 31:
            decoded = table[numpy.frombuffer(rtp[12:], dtype=numpy.uint8)]
            samples[place:place + len(decoded)] = decoded
    return samples


def correlation(sound, wanted):
    """Of `wanted` with the sound from each sample on."""
    if len(sound) < len(wanted):
        return numpy.zeros(1)
    size = 1 << (len(sound) + len(wanted)).bit_length()
    product = numpy.fft.irfft(numpy.fft.rfft(sound, size) * numpy.conj(numpy.fft.rfft(wanted, size)), size)[:len(sound) - len(wanted) + 1]
    energy = numpy.concatenate(([0.0], numpy.cumsum(sound ** 2)))
    window = energy[len(wanted):] - energy[:-len(wanted)]
    # Where the sound is far softer than the recording, nothing is said, and noise may look like anything.
    floor = 1e-4 * (wanted ** 2).sum()
    return numpy.where(window > floor, product / numpy.sqrt(numpy.maximum(window, floor) * (wanted ** 2).sum()), 0.0)


def find(sound, said, begin=0):
    """The sample at which it is said first from `begin` on, where it ends, and the correlation; without it the best that there is."""
    wanted = said.sound
    at, match = first(correlation(sound[begin:], wanted))
    if match >= LEAST:
        return begin + at, begin + at + len(wanted), match
    return in_pieces(sound, wanted, begin) or (begin + at, begin + at, match)


def first(matches):
    """The first good one, or else the best."""
    good = numpy.nonzero(matches >= LEAST)[0]
    around = slice(good[0], good[0] + RATE // 50) if len(good) else slice(0, len(matches))
    at = around.start + int(numpy.argmax(matches[around]))
    return at, float(matches[at])


def in_pieces(sound, wanted, begin):
    """With holes in it, as a machine that has no time for it makes them: most pieces, in order, each late by a hole at most."""
    size = min(PIECE, len(wanted) // LEAST_PIECES)
    pieces = [wanted[at:at + size] for at in range(0, len(wanted) - size + 1, size)]
    may_lack = int((1 - PIECES_HEARD) * len(pieces))
    for lacking in range(min(may_lack, len(pieces) - 1) + 1):
        at, match = first(correlation(sound[begin:], pieces[lacking]))
        if match >= LEAST:
            start = begin + at
            end, matches = follow(sound, pieces[lacking:], start)
            good = len(matches) >= PIECES_HEARD * len(pieces)
            return (max(begin, start - lacking * size), end + len(wanted) % size, sum(matches) / len(pieces)) if good else None
    return None


def follow(sound, pieces, at):
    """Where the last of the pieces ends, and how like those are that are there."""
    matches = []
    for piece in pieces:
        place, match = first(correlation(sound[at:at + LONGEST_HOLE + len(piece)], piece))
        at += place + len(piece) if match >= LEAST else len(piece)
        matches += [match] if match >= LEAST else []
    return at, matches


def in_order(sound, wanted):
    """Where each of `wanted` begins, in seconds, and how like it is; what is missing or out of order; which samples are theirs."""
    begin, places, faults, theirs = 0, [], [], numpy.zeros(len(sound), dtype=bool)
    for said in wanted:
        at, end, match = find(sound, said, begin)
        if end == at:
            faults.append(f"{said} is not heard after {begin / RATE:.2f} s: {match:.2f} at best, at {at / RATE:.2f} s")
            continue
        places.append((said, at / RATE, match))
        begin = end
        # What is broken off goes on until it is.
        theirs[at:end if said.whole else at + len(recorded(said.name, said.language))] = True
    return places, faults, theirs


def judge(sound, wanted):
    """The same, and whether anything is said besides."""
    places, faults, theirs = in_order(sound, wanted)
    if not faults:
        faults += [f"something else is heard at {at:.2f} s" for at in sounding(numpy.where(theirs, 0.0, sound))[:1]]
    return places, faults


def sounding(sound):
    """The seconds at which there is sound for more than 60 ms on end."""
    frames = sound[:len(sound) // FRAME * FRAME].reshape(-1, FRAME)
    loud = numpy.sqrt((frames ** 2).mean(axis=1)) > QUIET
    return [at * FRAME / RATE for at in range(len(loud) - 3) if loud[at:at + 4].all()]


def tone_dbfs(sound, hertz):
    """The level of a tone; a full-scale sine is 0 dBFS."""
    if not len(sound):
        return -200.0
    window = numpy.hanning(len(sound))
    line = (sound * window * numpy.exp(-2j * numpy.pi * hertz / RATE * numpy.arange(len(sound)))).sum()
    return 20 * numpy.log10(max(2 * abs(line) / window.sum() / 32768, 1e-10))
