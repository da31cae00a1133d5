"""libsrtp 2 (Cisco's), loaded at run time: a session encrypts or decrypts one direction under one key."""

import ctypes
import struct

# srtp_ssrc_type_t, srtp_profile_t
ANY_INBOUND, ANY_OUTBOUND = 2, 3
# Suite: octets of its key with its salt, and what libsrtp calls it.
SUITES = {
    "AES_CM_128_HMAC_SHA1_80": (30, "srtp_crypto_policy_set_rtp_default"),
    "AES_CM_128_HMAC_SHA1_32": (30, "srtp_crypto_policy_set_aes_cm_128_hmac_sha1_32"),
    "AES_256_CM_HMAC_SHA1_80": (46, "srtp_crypto_policy_set_aes_cm_256_hmac_sha1_80"),
}
MOST_OVERHEAD = 160


class CryptoPolicy(ctypes.Structure):
    _fields_ = [(name, ctypes.c_int) for name in ("cipher", "cipher_key", "auth", "auth_key", "auth_tag", "services")]


class Policy(ctypes.Structure):
    _fields_ = [
        ("ssrc_type", ctypes.c_int), ("ssrc", ctypes.c_uint), ("rtp", CryptoPolicy), ("rtcp", CryptoPolicy), ("key", ctypes.c_char_p),
        ("keys", ctypes.c_void_p), ("key_count", ctypes.c_ulong), ("ekt", ctypes.c_void_p), ("window", ctypes.c_ulong),
        ("repeats", ctypes.c_int), ("extensions", ctypes.c_void_p), ("extension_count", ctypes.c_int), ("next", ctypes.c_void_p),
    ]


def library():
    found = ctypes.CDLL("libsrtp2.so.1")
    if found.srtp_init() != 0:
        raise SystemExit("libsrtp does not start")
    return found


LIBRARY = library()


class Session:
    def __init__(self, suite, key, ssrc_type):
        length, set_policy = SUITES[suite]
        if len(key) != length:
            raise ValueError(f"{suite} has a key of {length} octets")
        self.key = ctypes.create_string_buffer(key, len(key))
        policy = Policy(ssrc_type=ssrc_type, key=ctypes.cast(self.key, ctypes.c_char_p), window=128)
        getattr(LIBRARY, set_policy)(ctypes.byref(policy.rtp))
        # RFC 4568 §6.2: the tag of SRTCP is of 80 bits in each of these.
        rtcp = "srtp_crypto_policy_set_rtp_default" if length == 30 else set_policy
        getattr(LIBRARY, rtcp)(ctypes.byref(policy.rtcp))
        self.session = ctypes.c_void_p()
        if LIBRARY.srtp_create(ctypes.byref(self.session), ctypes.byref(policy)) != 0:
            raise SystemExit(f"libsrtp takes no key of {suite}")

    @classmethod
    def outbound(cls, suite, key):
        return cls(suite, key, ANY_OUTBOUND)

    @classmethod
    def inbound(cls, suite, key):
        return cls(suite, key, ANY_INBOUND)

    def protect(self, packet):
        return self.work("srtp_protect", packet)

    def unprotect(self, packet):
        """None where it is of another key, was changed on the way or came before."""
        return self.work("srtp_unprotect", packet)

    def work(self, name, packet):
        room = ctypes.create_string_buffer(packet, len(packet) + MOST_OVERHEAD)
        length = ctypes.c_int(len(packet))
        code = getattr(LIBRARY, name)(self.session, room, ctypes.byref(length))
        return room.raw[:length.value] if code == 0 else None


def self_test():
    """Packets of one session are taken by another, once."""
    packet = struct.pack("!BBHII", 0x80, 8, 65535, 0, 7) + bytes(160)
    for suite, (length, _) in SUITES.items():
        one, other = Session.outbound(suite, bytes(range(length))), Session.inbound(suite, bytes(range(length)))
        wire = one.protect(packet)
        assert wire != packet and other.unprotect(wire) == packet and other.unprotect(wire) is None, suite


if __name__ == "__main__":
    self_test()
