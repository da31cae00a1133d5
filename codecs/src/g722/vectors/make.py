#!/usr/bin/env python3
"""Writes what libspandsp makes of a sound: its octets (encoded.g722) and what it decodes them to (decoded.s16le)."""

import ctypes
import pathlib
import struct

SAMPLES = 8_000
RATE = 64_000


def sound():
    """The same as in tests.rs: noise that fades, a loud square, silence, noise again."""
    seed = 1
    samples = []
    for at in range(SAMPLES):
        seed = (seed * 1_664_525 + 1_013_904_223) & 0xFFFFFFFF
        noise = (seed >> 16) - 0x8000
        if at < 4_000:
            samples.append(noise >> (at // 400))
        elif at < 5_000:
            samples.append(12_000 if at // 40 % 2 == 0 else -12_000)
        elif at < 6_000:
            samples.append(0)
        else:
            samples.append(noise >> 4)
    return samples


def main():
    here = pathlib.Path(__file__).parent
    spandsp = ctypes.CDLL("libspandsp.so.2")
    for name in ("g722_encode_init", "g722_decode_init"):
        getattr(spandsp, name).restype = ctypes.c_void_p
    samples = (ctypes.c_int16 * SAMPLES)(*sound())
    octets = (ctypes.c_uint8 * SAMPLES)()
    encoder = ctypes.c_void_p(spandsp.g722_encode_init(None, RATE, 0))
    count = spandsp.g722_encode(encoder, octets, samples, SAMPLES)
    heard = (ctypes.c_int16 * SAMPLES)()
    decoder = ctypes.c_void_p(spandsp.g722_decode_init(None, RATE, 0))
    length = spandsp.g722_decode(decoder, heard, octets, count)
    (here / "encoded.g722").write_bytes(bytes(octets[:count]))
    (here / "decoded.s16le").write_bytes(struct.pack(f"<{length}h", *heard[:length]))


if __name__ == "__main__":
    main()
