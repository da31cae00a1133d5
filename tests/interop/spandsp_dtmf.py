#!/usr/bin/python3
"""Has spandsp, which we did not write, hear the keys that we say and say keys that we must hear (DIAL-7). A line each.

usage: spandsp_dtmf.py

spandsp works at 8 kHz. It is a test's tool, loaded at run time; nothing of ours is linked with it.

DTMF_EAR  our detector and our tones, target/ci/dtmf_ear unless said
"""

import ctypes
import ctypes.util
import os
import subprocess
import sys

sys.dont_write_bytecode = True

EAR = os.environ.get("DTMF_EAR", "target/ci/dtmf_ear")
KEYS = "0123456789*#ABCD"
RATE = "8000"
PRESSES = KEYS * 8

# DIAL-7: how loud each tone is in dBm0, how much louder the column's is than the row's in dB, key and pause in ms.
ACCEPTED = {
    "usual": (-10, 0, 50, 55),
    "short": (-10, 0, 40, 40),
    "long": (-10, 0, 500, 100),
    "loud": (-3, 0, 60, 60),
    "soft": (-25, 0, 60, 60),
    "column-up": (-10, 4, 60, 60),
    "row-up": (-10, -8, 60, 60),
}
REFUSED = {
    "too-short": (-10, 0, 22, 100),
    "too-soft": (-40, 0, 60, 60),
    "column-far-up": (-10, 9, 60, 60),
    "row-far-up": (-10, -14, 60, 60),
}


def main():
    if not os.access(EAR, os.X_OK):
        sys.exit(f"{EAR} is missing: make test builds it")
    spandsp = Spandsp()
    rows = [("we-say", spandsp.hear(ears("say", PRESSES)), PRESSES)]
    rows += [(f"spandsp-says-{name}", ours(spandsp.say(PRESSES, *how)), PRESSES) for name, how in ACCEPTED.items()]
    rows += [(f"spandsp-says-{name}", ours(spandsp.say(PRESSES, *how)), "") for name, how in REFUSED.items()]
    failed = 0
    for name, heard, wanted in rows:
        is_so = heard == wanted
        print(f"ok     {name}: {len(heard)} keys heard of {len(PRESSES)}" if is_so else f"FAILED {name}: {heard!r} of {wanted!r}", flush=True)
        failed += not is_so
    sys.exit(1 if failed else 0)


def ears(verb, *words, samples=b""):
    return subprocess.run([EAR, verb, RATE, *words], input=samples, capture_output=True, check=True).stdout


def ours(samples):
    if not any(samples):
        sys.exit("spandsp said nothing")
    lines = ears("hear", samples=samples).decode().splitlines()
    return "".join(line.split()[1] for line in lines if not line.startswith("end"))


class Spandsp:
    """Of its API what is needed (spandsp/dtmf.h); null in place of a state has it made."""

    CHUNK = 160

    def __init__(self):
        name = ctypes.util.find_library("spandsp") or "libspandsp.so.2"
        self.library = library = ctypes.CDLL(name)
        for function in (library.dtmf_tx_init, library.dtmf_rx_init):
            function.restype, function.argtypes = ctypes.c_void_p, [ctypes.c_void_p] * 3
        samples = ctypes.POINTER(ctypes.c_int16)
        library.dtmf_tx.argtypes = library.dtmf_rx.argtypes = [ctypes.c_void_p, samples, ctypes.c_int]
        library.dtmf_tx_put.argtypes = [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_int]
        library.dtmf_tx_set_level.argtypes = library.dtmf_tx_set_timing.argtypes = [ctypes.c_void_p, ctypes.c_int, ctypes.c_int]
        library.dtmf_rx_get.restype, library.dtmf_rx_get.argtypes = ctypes.c_size_t, [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_int]
        library.dtmf_tx_free.argtypes = library.dtmf_rx_free.argtypes = [ctypes.c_void_p]

    def say(self, keys, level, twist, on, off):
        state = self.library.dtmf_tx_init(None, None, None)
        self.library.dtmf_tx_set_level(state, level, twist)
        self.library.dtmf_tx_set_timing(state, on, off)
        said = bytearray(2 * 800)
        for key in keys:
            self.library.dtmf_tx_put(state, key.encode(), 1)
            while self.fill(state, said):
                pass
        self.library.dtmf_tx_free(state)
        return bytes(said) + bytes(2 * 800)

    def fill(self, state, said):
        chunk = (ctypes.c_int16 * self.CHUNK)()
        filled = self.library.dtmf_tx(state, chunk, self.CHUNK)
        said += bytes(chunk)[:2 * filled]
        return filled == self.CHUNK

    def hear(self, samples):
        state, heard = self.library.dtmf_rx_init(None, None, None), b""
        for at in range(0, len(samples), 2 * self.CHUNK):
            piece = samples[at:at + 2 * self.CHUNK]
            self.library.dtmf_rx(state, (ctypes.c_int16 * (len(piece) // 2)).from_buffer_copy(piece), len(piece) // 2)
            keys = ctypes.create_string_buffer(33)
            self.library.dtmf_rx_get(state, keys, 32)
            heard += keys.value
        self.library.dtmf_rx_free(state)
        return heard.decode()


main()
