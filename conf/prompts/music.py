"""The music on hold: a loop of 21 s, computed. Eight bars of broken chords at 90 beats a minute."""

import math

import speech

BAR = speech.RATE * 8 // 3 // 16 * 16
STEP = BAR // 8
PEAK = 10 ** (-9 / 20)

# Semitones from A4, low to high, one chord a bar: C, A minor, F, G, C, E minor, F, G.
# All within the telephone band.
CHORDS = [
    (-9, -5, -2, 3),
    (-12, -9, -5, 0),
    (-16, -12, -9, -4),
    (-14, -10, -7, -2),
    (-9, -5, -2, 3),
    (-17, -10, -5, -2),
    (-16, -12, -9, -4),
    (-14, -10, -7, -2),
]
FIGURE = (0, 1, 2, 3, 2, 1, 2, 1)
MELODY = [(10, 7), (7, 3), (5, 8), (2, 5), (3, 10), (7, 2), (8, 5), (5, 2)]

# Overtone, its share, and how much faster than the ground tone it dies.
OVERTONES = ((1, 1.0, 1.0), (2, 0.30, 1.8), (3, 0.12, 2.6), (5, 0.03, 4.0))


def compose():
    """The loop as 16-bit samples. Notes that ring past the end go on at the start, so it has no seam."""
    loop = [0.0] * (BAR * len(CHORDS))
    for bar, (chord, tune) in enumerate(zip(CHORDS, MELODY)):
        for step, voice in enumerate(FIGURE):
            strike(loop, bar * BAR + step * STEP, chord[voice], 0.5 if step else 0.65, 2.4)
        for half, note in enumerate(tune):
            strike(loop, bar * BAR + half * BAR // 2 + STEP // 16, note, 0.42, 3.0)
    loudest = max(map(abs, loop))
    return speech.to_pcm([sample * PEAK / loudest for sample in loop])


def strike(loop, start, semitone, strength, seconds):
    """Adds one struck note: 8 ms to rise, then dying away, faded out over its last tenth."""
    length = int(seconds * speech.RATE)
    attack, release = speech.RATE * 8 // 1000, length // 10
    for overtone, share, haste in OVERTONES:
        turn = 2 * math.pi * 440 * 2 ** (semitone / 12) * overtone / speech.RATE
        decay = math.exp(-3.2 * haste / length * 1.3)
        envelope = strength * share
        for i in range(length):
            edge = min(1.0, i / attack, (length - i) / release)
            loop[(start + i) % len(loop)] += envelope * edge * math.sin(turn * i)
            envelope *= decay


def fingerprint():
    return speech.hashlib.sha256(open(__file__, "rb").read()).hexdigest()[:16]
