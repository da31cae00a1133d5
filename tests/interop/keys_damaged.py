"""How keys may reach us (DIAL-7): each way that a caller sends meeting ID and password, whole or damaged on its way.

A way is a function of Script and keys. One press must be one key by each of them.
"""

import dataclasses
import random

import g711
from rtp_script import Press, Script, keys_in_sound

# What a press has on its way; each yields the packets that arrive, and when.


def first_lost(packets):
    """With it the marker."""
    return packets[1:]


def ends_lost(packets):
    return packets[:-3]


def only_one_end(packets):
    return packets[-1:]


def only_updates(packets):
    return packets[2:3]


def neighbors_swapped(packets):
    """The second comes before the first, the fourth before the third."""
    swapped = list(packets)
    for at in range(0, len(packets) - 1, 2):
        first, second = packets[at], packets[at + 1]
        swapped[at], swapped[at + 1] = moved(first, second.at), moved(second, first.at)
    return swapped


def backward(packets):
    """The ends come first, the marker last."""
    times = [packet.at for packet in packets]
    return [moved(packet, at) for packet, at in zip(packets, reversed(times))]


def ends_late(packets):
    """They come into the next press, or behind it."""
    return packets[:-3] + [moved(packet, packet.at + 260) for packet in packets[-3:]]


def repeated(packets):
    return [packet for packet in packets for _ in range(3)]


def repeated_late(packets):
    """Once more, all of them, into the next press."""
    return packets + [moved(packet, packet.at + 230) for packet in packets]


def half_lost(packets):
    chance = random.Random(packets[0].timestamp)
    return chance.sample(packets, len(packets) // 2)


def moved(packet, at):
    return dataclasses.replace(packet, at=at)


def events(press=Press(), **more):
    return lambda script, keys: script.digits(keys, press), more


def damaged(damage):
    return events(Press(damage=damage))


def in_sound(codec=g711.PCMA, **how):
    return lambda script, keys: script.sound(keys_in_sound(keys, **how)), {"codec": codec}


def both(late_ms):
    """In the sound and as events at once, or the event so much later."""
    tone = lambda key: keys_in_sound(key, on_ms=140, off_ms=0)
    return lambda script, keys: script.beside(keys, Press(pause_ms=200), tone, late_ms), {}


def with_noise(script, keys):
    """20 dB below the keys, as on a bad line."""
    chance = random.Random(keys)
    return script.sound([round(sample + chance.gauss(0, 500)) for sample in keys_in_sound(keys, 70, 80)])


WAYS = {
    "clean": events(),
    "first-lost": damaged(first_lost),
    "ends-lost": damaged(ends_lost),
    "only-one-end": damaged(only_one_end),
    "only-an-update": damaged(only_updates),
    "swapped": damaged(neighbors_swapped),
    "backward": damaged(backward),
    "ends-late": damaged(ends_late),
    "repeated": damaged(repeated),
    "repeated-late": damaged(repeated_late),
    "half-lost": damaged(half_lost),
    "short": events(Press(updates=1, pause_ms=40)),
    "back-to-back": events(Press(updates=2, pause_ms=0)),
    "one-end": events(Press(ends=1)),
    "held": events(Press(updates=45, pause_ms=100)),
    "other-type": events(event=96),
    "wide-clock": events(event_clock=16000),
    "sound-a-law": in_sound(),
    "sound-mu-law": in_sound(g711.PCMU),
    "sound-only": in_sound(),
    "sound-short": in_sound(on_ms=45, off_ms=45),
    "sound-soft": in_sound(dbm0=-24, on_ms=80),
    "sound-column-up": in_sound(twist=3.5, dbm0=-12),
    "sound-row-up": in_sound(twist=-7.5),
    "sound-noisy": (with_noise, {}),
    "sound-and-event": both(0),
    "sound-then-event": both(140),
}


# Ways with keys in SIP INFO besides: sound and event leave at once, INFO before or after.
WITH_INFO = {"info-first": 300, "info-last": 0}
PERIOD_MS = 600


def joining(way, meeting, password):
    """A caller's whole script: ID, password, and a tone in the meeting."""
    key, settings = WAYS[way]
    script = Script(**settings).silence(1.5)
    key(script, meeting + "#")
    script.silence(1.5)
    key(script, password + "#")
    return script.silence(1).tone(440, 2)


def joining_held(meeting, password):
    """RFC 4733 §2.5.1.3: the # for nine seconds, so in two segments."""
    script = Script().silence(1.5).digits(meeting).digits("#", Press(updates=450))
    return script.silence(1.5).digits(password + "#").silence(1).tone(440, 2)


def joining_with_info(way, meeting, password):
    """A key each PERIOD_MS from the start; so are the INFOs."""
    press = Press(pause_ms=PERIOD_MS - 140)
    tone = lambda key: keys_in_sound(key, on_ms=140, off_ms=0)
    script = Script().silence(WITH_INFO[way] / 1000).beside(meeting + "#", press, tone).silence(1.2)
    return script.beside(password + "#", press, tone).silence(1).tone(440, 2)
