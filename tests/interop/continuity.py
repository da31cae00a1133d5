"""Whether a stream of RTP goes on over a change: its packets in time, its numbers, its sound."""

import numpy

from foreign_codecs import FRAMES_A_SECOND

# MEDIA-1.
LONGEST_GAP = 0.06
TICK = 1 / FRAMES_A_SECOND
# How far a timestamp may be from the time that went by: of a packet, and of what the jitter buffer does at a change.
TIMESTAMP_SECONDS = 0.08
# A tone is heard in 20 ms where it is not so much below its usual level.
FADED_DB = 10


def longest_gap(times, begin, end):
    """Between two packets, of those from `begin` to `end`."""
    times = numpy.array([at for at in times if begin <= at <= end])
    return float(numpy.max(numpy.diff(times))) if len(times) > 1 else end - begin


def numbers_of(packets, clocks):
    """What is wrong with the numbers; `clocks` by payload type."""
    faults = []
    if len({packet.ssrc for packet in packets}) != 1:
        faults.append(f"{len({packet.ssrc for packet in packets})} sources")
    for before, packet in zip(packets, packets[1:]):
        steps = (packet.sequence - before.sequence) & 0xFFFF
        if steps != 1:
            faults.append(f"sequence number {before.sequence}, then {packet.sequence}")
        clock = clocks[before.payload_type]
        ahead = (((packet.timestamp - before.timestamp + 2**31) & 0xFFFF_FFFF) - 2**31) / clock
        is_change = before.payload_type != packet.payload_type
        if ahead <= 0 or (abs(ahead - (packet.at - before.at)) > TIMESTAMP_SECONDS and not is_change):
            faults.append(f"timestamp {1000 * ahead:.0f} ms ahead after {1000 * (packet.at - before.at):.0f} ms")
    return faults


def longest_silence(samples, hertz, rate):
    """Of a tone that should sound all the time, in seconds: frames of 20 ms that are well below the usual one."""
    length = rate // FRAMES_A_SECOND
    count = len(samples) // length
    shape = numpy.hanning(length) * numpy.exp(-2j * numpy.pi * hertz * numpy.arange(length) / rate)
    levels = abs(samples[:count * length].reshape(count, length).astype(float) @ shape) * 4 / length / 32768
    levels = 20 * numpy.log10(numpy.maximum(levels, 1e-9))
    longest = run = 0
    for is_low in levels < numpy.median(levels) - FADED_DB:
        run = run + 1 if is_low else 0
        longest = max(longest, run)
    return longest * TICK, float(numpy.median(levels))


def tone(hertz, rate, seconds=1, amplitude=9000):
    return numpy.round(amplitude * numpy.sin(2 * numpy.pi * hertz * numpy.arange(rate * seconds) / rate)).astype(numpy.int16)
