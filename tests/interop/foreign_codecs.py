"""Codecs that we did not write: libopus, spandsp and Python's own G.711. Each encodes samples to a list of packets of 20 ms, and back.

The libraries are tools of tests, loaded at run time.
"""

import audioop
import ctypes

import numpy

FRAMES_A_SECOND = 50
# opus_defines.h
OPUS_APPLICATION_VOIP, OPUS_SET_BITRATE, OPUS_SET_COMPLEXITY = 2048, 4002, 4010
OPUS_BITRATE, OPUS_COMPLEXITY, LONGEST_OPUS = 24_000, 5, 1_275
G722_RATE = 64_000


class G711:
    rate = 8000

    def __init__(self, encode, decode):
        self.encode_all, self.decode_all = encode, decode

    @classmethod
    def a_law(cls):
        return cls(audioop.lin2alaw, audioop.alaw2lin)

    @classmethod
    def u_law(cls):
        return cls(audioop.lin2ulaw, audioop.ulaw2lin)

    def encode(self, samples):
        return [self.encode_all(frame.tobytes(), 2) for frame in frames(samples, self.rate)]

    def decode(self, packets):
        return as_samples(b"".join(self.decode_all(packet, 2) for packet in packets))


class L16:
    def __init__(self, rate):
        self.rate = rate

    def encode(self, samples):
        return [frame.astype(">i2").tobytes() for frame in frames(samples, self.rate)]

    def decode(self, packets):
        return numpy.frombuffer(b"".join(packets), dtype=">i2").astype(numpy.int16)


class G722:
    rate = 16000

    def __init__(self):
        self.library = ctypes.CDLL("libspandsp.so.2")
        for name in ("g722_encode_init", "g722_decode_init"):
            getattr(self.library, name).restype = ctypes.c_void_p

    def encode(self, samples):
        encoder = ctypes.c_void_p(self.library.g722_encode_init(None, G722_RATE, 0))
        packets = []
        for frame in frames(samples, self.rate):
            octets = (ctypes.c_uint8 * len(frame))()
            sound = (ctypes.c_int16 * len(frame))(*frame.tolist())
            packets.append(bytes(octets[: self.library.g722_encode(encoder, octets, sound, len(frame))]))
        return packets

    def decode(self, packets):
        decoder = ctypes.c_void_p(self.library.g722_decode_init(None, G722_RATE, 0))
        heard = []
        for packet in packets:
            sound = (ctypes.c_int16 * (2 * len(packet)))()
            length = self.library.g722_decode(decoder, sound, (ctypes.c_uint8 * len(packet))(*packet), len(packet))
            heard += sound[:length]
        return numpy.array(heard, dtype=numpy.int16)


class Opus:
    rate = 16000

    def __init__(self):
        self.library = ctypes.CDLL("libopus.so.0")
        for name in ("opus_encoder_create", "opus_decoder_create"):
            getattr(self.library, name).restype = ctypes.c_void_p

    def encode(self, samples):
        error = ctypes.c_int()
        encoder = ctypes.c_void_p(self.library.opus_encoder_create(self.rate, 1, OPUS_APPLICATION_VOIP, ctypes.byref(error)))
        for setting, value in ((OPUS_SET_BITRATE, OPUS_BITRATE), (OPUS_SET_COMPLEXITY, OPUS_COMPLEXITY)):
            self.library.opus_encoder_ctl(encoder, setting, ctypes.c_int(value))
        packets = []
        for frame in frames(samples, self.rate):
            octets = (ctypes.c_uint8 * LONGEST_OPUS)()
            sound = (ctypes.c_int16 * len(frame))(*frame.tolist())
            packets.append(bytes(octets[: self.library.opus_encode(encoder, sound, len(frame), octets, LONGEST_OPUS)]))
        return packets

    def decode(self, packets):
        error = ctypes.c_int()
        decoder = ctypes.c_void_p(self.library.opus_decoder_create(self.rate, 1, ctypes.byref(error)))
        heard = []
        for packet in packets:
            sound = (ctypes.c_int16 * self.rate)()
            length = self.library.opus_decode(decoder, packet, len(packet), sound, self.rate, 0)
            heard += sound[:length]
        return numpy.array(heard, dtype=numpy.int16)


def frames(samples, rate):
    length = rate // FRAMES_A_SECOND
    return samples[: len(samples) // length * length].reshape(-1, length)


def as_samples(octets):
    return numpy.frombuffer(octets, dtype=numpy.int16)
