"""G.711 in tables: 16-bit samples to octets and back."""

import dataclasses
import functools


def a_law(sample):
    """Table 1a."""
    sign, magnitude = (0x80, sample >> 3) if sample >= 0 else (0, (-sample - 1) >> 3)
    magnitude = min(magnitude, 0xFFF)
    if magnitude < 0x20:
        code = magnitude >> 1
    else:
        segment = magnitude.bit_length() - 5
        code = segment << 4 | (magnitude >> segment) & 0x0F
    return (sign | code) ^ 0x55


def u_law(sample):
    """Table 2a."""
    sign, magnitude = (0x80, -sample) if sample < 0 else (0, sample)
    magnitude = min(magnitude, 32635) + 132
    segment = magnitude.bit_length() - 8
    return ~(sign | segment << 4 | (magnitude >> segment + 3) & 0x0F) & 0xFF


def from_a_law(code):
    code ^= 0x55
    segment, step = code >> 4 & 7, code & 0x0F
    magnitude = (step << 4) + 8 if segment == 0 else (step << 4) + 0x108 << segment - 1
    return magnitude if code & 0x80 else -magnitude


def from_u_law(code):
    code = ~code & 0xFF
    magnitude = (((code & 0x0F) << 3) + 132 << (code >> 4 & 7)) - 132
    return -magnitude if code & 0x80 else magnitude


@dataclasses.dataclass(frozen=True)
class Codec:
    payload_type: int
    name: str
    coder: object
    decoder: object

    def encode(self, samples):
        return bytes(map(self.quick_coder, samples))

    @functools.cached_property
    def quick_coder(self):
        return functools.cache(self.coder)

    @functools.cached_property
    def table(self):
        return [self.decoder(code) for code in range(256)]

    def decode(self, payload):
        return [self.table[code] for code in payload]


PCMU = Codec(0, "PCMU", u_law, from_u_law)
PCMA = Codec(8, "PCMA", a_law, from_a_law)
