"""Prints what libsrtp makes of a few packets, for gateway/rtp/src/srtp/tests/libsrtp.txt.

Each line: suite, kind, key and salt, packet, what libsrtp sends. Run with pylibsrtp 1.0:
    python3 tests/interop/libsrtp_vectors.py > gateway/rtp/src/srtp/tests/libsrtp.txt
"""

import struct

from pylibsrtp import Policy, Session

SUITES = {
    "AES_CM_128_HMAC_SHA1_80": (Policy.SRTP_PROFILE_AES128_CM_SHA1_80, 30),
    "AES_CM_128_HMAC_SHA1_32": (Policy.SRTP_PROFILE_AES128_CM_SHA1_32, 30),
    "AEAD_AES_128_GCM": (Policy.SRTP_PROFILE_AEAD_AES_128_GCM, 28),
    "AEAD_AES_256_GCM": (Policy.SRTP_PROFILE_AEAD_AES_256_GCM, 44),
}
SSRC = 0x12345678


def rtp(sequence, payload, sources=(), extension=b""):
    first = 0x80 | len(sources) | (0x10 if extension else 0)
    head = struct.pack("!BBHII", first, 0x88, sequence, 160 * sequence, SSRC)
    head += b"".join(struct.pack("!I", source) for source in sources)
    if extension:
        head += struct.pack("!HH", 0xBEDE, len(extension) // 4) + extension
    return head + payload


def rtcp(octets):
    return struct.pack("!BBHIQIII", 0x80, 200, 6, SSRC, 0xD5000000_80000000, 160, 1, octets)


PACKETS = [
    ("rtp", rtp(65534, bytes(range(160)))),
    ("rtp", rtp(65535, b"\xd5" * 33, (7, 8))),
    ("rtp", rtp(0, b"\xd5" * 20, (9,), b"\x10\x42\x00\x00")),
    ("rtcp", rtcp(160)),
    ("rtp", rtp(2, b"")),
    ("rtcp", rtcp(320)),
]

for name, (profile, length) in SUITES.items():
    key = bytes((17 * at + length) & 0xFF for at in range(length))
    session = Session(Policy(key=key, ssrc_type=Policy.SSRC_ANY_OUTBOUND, srtp_profile=profile))
    for kind, packet in PACKETS:
        wire = session.protect(packet) if kind == "rtp" else session.protect_rtcp(packet)
        print(name, kind, key.hex(), packet.hex(), wire.hex())
