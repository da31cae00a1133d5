"""Writes what a phone sends (silence, tones, RFC 4733 digits) as a capture for SIPp's play_pcap_audio.

SIPp's own play_dtmf is no telephone: its payload type is 96 whatever the SDP says, its timestamps count
milliseconds and its SSRC is the same in every call. It also replays a file's sequence numbers at each use, so
one file holds all that a caller sends.
"""

import math
import struct

RATE = 8000
FRAME = 160
PCMA = 8
TELEPHONE_EVENT = 101
SILENCE = b"\xd5" * FRAME
EVENTS = "0123456789*#"

# RFC 4733 §2.5.1.4: the end of an event is sent three times.
END_PACKETS = 3
UPDATES = 4
PAUSE_FRAMES = 4


class Script:
    """A packet every 20 ms; each call appends."""

    def __init__(self, ssrc=0x53495070, event=TELEPHONE_EVENT):
        self.ssrc = ssrc
        self.event = event
        self.ticks = 0
        self.packets = []

    def silence(self, seconds):
        for _ in range(round(seconds * 50)):
            self.send(PCMA, self.ticks, SILENCE)
        return self

    def tone(self, hertz, seconds, amplitude=8000):
        for _ in range(round(seconds * 50)):
            wave = (math.sin(2 * math.pi * hertz * (self.ticks + i) / RATE) for i in range(FRAME))
            self.send(PCMA, self.ticks, bytes(a_law(round(amplitude * x)) for x in wave))
        return self

    def digits(self, digits):
        for digit in digits:
            start, code = self.ticks, EVENTS.index(digit)
            for step in range(1, UPDATES + END_PACKETS + 1):
                end = 0x80 if step > UPDATES else 0
                duration = min(step, UPDATES + 1) * FRAME
                event = struct.pack("!BBH", code, end | 10, duration)
                self.send(self.event, start, event, marker=step == 1)
            self.silence(PAUSE_FRAMES / 50)
        return self

    def send(self, payload_type, timestamp, payload, marker=False):
        header = struct.pack("!BBHII", 0x80, payload_type | (0x80 if marker else 0), (1000 + len(self.packets)) & 0xFFFF,
                             160000 + timestamp, self.ssrc)
        self.packets.append(header + payload)
        self.ticks += FRAME

    def seconds(self):
        return len(self.packets) / 50

    def write(self, path):
        """Classic libpcap, Ethernet, IPv4; SIPp puts its own addresses and ports in."""
        with open(path, "wb") as file:
            file.write(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1))
            for i, rtp in enumerate(self.packets):
                udp = struct.pack("!HHHH", 6000, 6000, 8 + len(rtp), 0) + rtp
                ip = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(udp), i & 0xFFFF, 0, 64, 17, 0,
                                 b"\x7f\0\0\1", b"\x7f\0\0\1") + udp
                frame = b"\0" * 12 + b"\x08\0" + ip
                file.write(struct.pack("<IIII", 1 + i // 50, i % 50 * 20000, len(frame), len(frame)) + frame)


def a_law(sample):
    """G.711 table 1a; the sample has 16 bits."""
    sign, magnitude = (0x80, sample >> 3) if sample >= 0 else (0, (-sample - 1) >> 3)
    magnitude = min(magnitude, 0xFFF)
    if magnitude < 0x20:
        code = magnitude >> 1
    else:
        segment = magnitude.bit_length() - 5
        code = segment << 4 | (magnitude >> segment) & 0x0F
    return (sign | code) ^ 0x55
