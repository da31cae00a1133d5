"""Writes what a phone sends (silence, tones, keys) as a capture for SIPp's play_pcap_audio.

SIPp's own play_dtmf is no telephone: its payload type is 96 whatever the SDP says, its timestamps count
milliseconds and its SSRC is the same in every call. It also replays a file's sequence numbers at each use, so
one file holds all that a caller sends.
"""

import dataclasses
import math
import struct

import g711

RATE = 8000
FRAME = 160
TICK_MS = 20
TELEPHONE_EVENT = 101
SILENCE = b"\xd5" * FRAME
EVENTS = "0123456789*#"

# ITU-T Q.23 §6.
ROWS, COLUMNS = (697, 770, 852, 941), (1209, 1336, 1477)
KEYPAD = ("123", "456", "789", "*0#")
# G.711 §4: a sine of full scale has 3.14 dBm0.
FULL_SCALE_DBM0 = 3.14

# RFC 4733 §2.5.1.3: a longer press goes on under a new timestamp.
LONGEST_SEGMENT = 0xFFFF


@dataclasses.dataclass(frozen=True)
class Press:
    """How a key is sent as an event (RFC 4733): packets before its end, those that say the end (§2.5.1.4: three), silence behind.

    `damage` gets the packets of one press, and yields those that arrive, and when.
    """

    updates: int = 4
    ends: int = 3
    pause_ms: int = 80
    damage: object = staticmethod(lambda packets: packets)


@dataclasses.dataclass(frozen=True)
class Packet:
    """`due` is when it leaves, `at` when it arrives, both in ms from the start."""

    due: int
    at: int
    serial: int
    head: bytes
    timestamp: int
    payload: bytes


class Script:
    """Each call appends, 20 ms a packet."""

    def __init__(self, ssrc=0x53495070, event=TELEPHONE_EVENT, codec=g711.PCMA, event_clock=RATE):
        self.ssrc, self.event, self.codec, self.event_clock = ssrc, event, codec, event_clock
        self.ticks = 0
        self.due = []
        self.arriving = []

    @property
    def timed(self):
        """What arrives, each with its time in ms. Numbers are given in the order of leaving, lost packets included."""
        order = sorted(self.due, key=lambda packet: packet.due)
        numbers = {packet.serial: 1000 + place for place, packet in enumerate(order)}
        arriving = sorted(self.arriving, key=lambda packet: packet.at)
        return [(packet.at, packet.head + struct.pack("!HII", numbers[packet.serial] & 0xFFFF, packet.timestamp, self.ssrc) + packet.payload)
                for packet in arriving]

    @property
    def packets(self):
        return [rtp for _, rtp in self.timed]

    def silence(self, seconds):
        return self.sound([0] * round(seconds * RATE))

    def tone(self, hertz, seconds, amplitude=8000):
        return self.sound([round(amplitude * math.sin(2 * math.pi * hertz * (self.ticks + i) / RATE)) for i in range(round(seconds * RATE))])

    def sound(self, samples):
        """16-bit samples; what fills no packet is filled up with silence."""
        for at in range(0, len(samples), FRAME):
            frame = samples[at:at + FRAME]
            self.send(self.codec.payload_type, self.ticks, self.codec.encode(frame + [0] * (FRAME - len(frame))))
            self.ticks += FRAME
        return self

    def digits(self, digits, press=Press()):
        for digit in digits:
            self.press(digit, press)
            self.silence(press.pause_ms / 1000)
        return self

    def press(self, digit, press):
        """The audio stops meanwhile, as it does at most phones."""
        begin, first, start = self.ticks, len(self.arriving), self.ticks
        faster = self.event_clock // RATE
        for step in range(1, press.updates + press.ends + 1):
            duration = begin + min(step, press.updates + 1) * FRAME - start
            if duration > LONGEST_SEGMENT:
                start, duration = start + LONGEST_SEGMENT, duration - LONGEST_SEGMENT
            end = 0x80 if step > press.updates else 0
            self.send(self.event, start * faster, struct.pack("!BBH", EVENTS.index(digit), end | 10, duration * faster), marker=step == 1)
            self.ticks += FRAME
        self.arriving[first:] = press.damage(self.arriving[first:])

    def beside(self, digits, press, samples, late_ms=0):
        """Keys as events and, each at once or so much earlier, in the sound, which goes on all the time."""
        for digit in digits:
            begin = self.ticks
            self.ticks += late_ms * RATE // 1000
            self.press(digit, press)
            end, self.ticks = self.ticks, begin
            self.sound(samples(digit))
            self.ticks = max(end, self.ticks)
            self.silence(press.pause_ms / 1000)
        return self

    def send(self, payload_type, timestamp, payload, marker=False):
        head, ms = bytes([0x80, payload_type | (0x80 if marker else 0)]), self.ticks * 1000 // RATE
        packet = Packet(ms, ms, len(self.due), head, 160000 + timestamp, payload)
        self.due.append(packet)
        self.arriving.append(packet)

    def seconds(self):
        return self.ticks / RATE

    def write(self, path):
        """Classic libpcap, Ethernet, IPv4; SIPp puts its own addresses and ports in."""
        with open(path, "wb") as file:
            file.write(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1))
            for i, (ms, rtp) in enumerate(self.timed):
                udp = struct.pack("!HHHH", 6000, 6000, 8 + len(rtp), 0) + rtp
                ip = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(udp), i & 0xFFFF, 0, 64, 17, 0,
                                 b"\x7f\0\0\1", b"\x7f\0\0\1") + udp
                frame = b"\0" * 12 + b"\x08\0" + ip
                file.write(struct.pack("<IIII", 1 + ms // 1000, ms % 1000 * 1000, len(frame), len(frame)) + frame)


def keys_in_sound(digits, on_ms=100, off_ms=100, dbm0=-10.0, twist=0.0):
    """Samples; each tone at `dbm0`, the column's so many dB above the row's."""
    samples = []
    for digit in digits:
        row = next(row for row, keys in enumerate(KEYPAD) if digit in keys)
        peak = 32768 * 10 ** ((dbm0 - FULL_SCALE_DBM0) / 20)
        tones = ((ROWS[row], peak), (COLUMNS[KEYPAD[row].index(digit)], peak * 10 ** (twist / 20)))
        samples += [round(sum(peak * math.sin(2 * math.pi * hertz * i / RATE) for hertz, peak in tones)) for i in range(on_ms * RATE // 1000)]
        samples += [0] * (off_ms * RATE // 1000)
    return samples
