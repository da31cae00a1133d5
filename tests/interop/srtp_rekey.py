#!/usr/bin/python3
"""A call whose keys change in the middle (MEDIA-2, RFC 4568 §7.1): a line each, exit code 1 if one fails.

usage: srtp_rekey.py

A phone that encrypts by libsrtp calls another, in clear, through a trunk. It holds the call and goes on under the same keys, over
the roll-over of its sequence number; then it offers a new key, a new suite, and a shorter tag. Neither may miss more than 60 ms
at a change of keys, each must hear the other's tone, and what still comes under a key of before reaches nobody.
"""

import base64
import os
import re
import struct
import sys
import time

sys.dont_write_bytecode = True

import by_itself
import libsrtp
import own_gateway
from codec_change import TRUNK
from continuity import LONGEST_GAP, TICK, longest_gap, longest_silence, numbers_of, tone
from foreign_codecs import G711
from socket_phone import SocketPhone, Sound, rtpmaps

PCMA = 8
CALLER_HERTZ, CALLED_HERTZ = 800, 1300
SECONDS = 2.5
AROUND = 1.0
LEAST_DBFS = -20
# What is sent under a key that was left.
MARK = bytes([0x2A]) * 160
MARKED = 5
# Suite, and what changes; the first is the call itself. During a hold nothing is heard.
STEPS = (
    ("begin", "AES_CM_128_HMAC_SHA1_80", "sendrecv"),
    ("hold", None, "inactive"),
    ("resume", None, "sendrecv"),
    ("new key", "AES_CM_128_HMAC_SHA1_80", "sendrecv"),
    ("new suite", "AES_256_CM_HMAC_SHA1_80", "sendrecv"),
    ("short tag", "AES_CM_128_HMAC_SHA1_32", "sendrecv"),
)
REKEYED = ("new key", "new suite", "short tag")


class Keys:
    """Of the phone that encrypts. It goes over to a key once that is answered, and takes what is on its way under the one before."""

    def __init__(self, phone):
        self.phone, self.suite, self.key, self.answered, self.inbound = phone, None, None, None, []

    def draw(self, suite):
        self.suite, self.key = suite, os.urandom(libsrtp.SUITES[suite][0])

    def offer(self, direction, version):
        crypto = f"crypto:1 {self.suite} inline:{base64.b64encode(self.key).decode()}"
        return self.phone.describe(rtpmaps(f"RTP/SAVP {PCMA}", "rtpmap:8 PCMA/8000", crypto, direction), version)

    def take(self, answer):
        """Yields a key that was left, for who would use it still."""
        suite, text = re.search(r"^a=crypto:1 (\S+) inline:([^|\s]+)", answer, re.MULTILINE).groups()
        if suite != self.suite:
            raise SystemExit(f"FAILED {self.suite} was answered by {suite}")
        pair = (self.key, text)
        if pair == self.answered:
            return None
        left, self.answered = getattr(self.phone.protect, "__self__", None), pair
        self.inbound = [libsrtp.Session.inbound(suite, base64.b64decode(text)), *self.inbound[:1]]
        self.phone.protect, self.phone.unprotect = libsrtp.Session.outbound(suite, self.key).protect, self.open
        return left

    def open(self, packet):
        return next((plain for plain in (one.unprotect(packet) for one in self.inbound) if plain), None)


def call(folder):
    libsrtp.self_test()
    gateway = own_gateway.OwnGateway(folder)
    gateway.settings.append('dialplan.routes=["5501 = 5502 -> trunk:other"]')
    with SocketPhone("13800001", gateway.at) as caller, SocketPhone("5502", gateway.at, range(caller.first, caller.first + 4)) as called:
        gateway.config.write_text(gateway.config.read_text() + TRUNK.format(port=called.port))
        with gateway:
            times, kept = talk(caller, called)
            undecipherable = gateway.metric("gateway_media_packets_undecipherable_total")
            fault = gateway.end()
    faults = judge(caller, called, times)
    if not kept:
        faults.append("the keys changed by a hold")
    if undecipherable < MARKED * len(REKEYED):
        faults.append(f"of {MARKED * len(REKEYED)} packets under keys of before {undecipherable:.0f} were refused")
    if any(packet.payload == MARK for packet in called.came):
        faults.append("what came under a key of before was passed on")
    return [*faults, *([fault] if fault else [])]


def talk(caller, called):
    """Yields when each step was answered, and whether a hold kept the keys."""
    codec, keys, times, kept = G711.a_law(), Keys(caller), {}, True
    called.sound = Sound(PCMA, codec.encode(tone(CALLED_HERTZ, codec.rate)))
    for version, (name, suite, direction) in enumerate(STEPS, 1):
        if suite:
            keys.draw(suite)
        body = keys.offer(direction, version)
        if times:
            answer = caller.reoffer(body)
        else:
            caller.send_call("5501", body)
            called.take(lambda _: called.describe(rtpmaps(f"RTP/AVP {PCMA}", "rtpmap:8 PCMA/8000")))
            answer = caller.finish_call()
        before = keys.answered
        left = keys.take(answer)
        kept = kept and (suite is not None or keys.answered == before)
        caller.sound = Sound(PCMA, codec.encode(tone(CALLER_HERTZ, codec.rate))) if direction == "sendrecv" else None
        times[name] = time.time()
        time.sleep(SECONDS)
        if left:
            send_marked(caller, left)
    caller.hang_up()
    called.is_hung_up()
    return times, kept


def send_marked(phone, session):
    """As if the key were still in use: numbers that did not come yet, as a stranger would choose them."""
    for number in range(MARKED):
        head = struct.pack("!BBHII", 0x80, PCMA, (phone.sequence + 5 + number) & 0xFFFF, phone.timestamp & 0xFFFF_FFFF, phone.ssrc)
        phone.rtp.sendto(session.protect(head + MARK), phone.destination)


def judge(caller, called, times):
    faults = []
    for who, phone, other in (("who encrypts", caller, called), ("the other", called, caller)):
        for name in REKEYED:
            span = (times[name] - AROUND, times[name] + AROUND)
            gap = longest_gap([packet.at for packet in phone.came], *span)
            late = longest_gap(other.sent, *span) - TICK
            heard = [packet for packet in phone.came if span[0] <= packet.at <= span[1]]
            silence, level = longest_silence(G711.a_law().decode([packet.payload for packet in heard]), CALLED_HERTZ if phone is caller else CALLER_HERTZ, 8000)
            print(f"       {name}: {who} hears no packet for {1000 * gap:.0f} ms at most, the tone at {level:.1f} dBFS, and not for {1000 * silence:.0f} ms")
            if gap > LONGEST_GAP + late or silence > LONGEST_GAP or level < LEAST_DBFS:
                faults.append(f"{name}: {who} has a gap of {1000 * gap:.0f} ms, {1000 * silence:.0f} ms in the tone of {level:.1f} dBFS")
            if len({packet.ssrc for packet in heard}) != 1:
                faults.append(f"{name}: {who} hears another source")
    return faults + resumed(caller, called, times)


def resumed(caller, called, times):
    """After the hold both are heard as before, over the roll-over."""
    faults = []
    for who, phone in (("who encrypts", caller), ("the other", called)):
        begin = times["resume"]
        heard = [packet for packet in phone.came if begin + 0.5 <= packet.at <= begin + SECONDS - 0.2]
        faults += [f"resumed: {who}: {fault}" for fault in numbers_of(heard, {PCMA: 8000})]
        if len(heard) < 60:
            faults.append(f"resumed: {who} heard {len(heard)} packets")
        held = [packet for packet in phone.came if times["hold"] + 0.3 <= packet.at <= begin - 0.3]
        if held:
            faults.append(f"on hold {who} heard {len(held)} packets")
    return faults


if __name__ == "__main__":
    by_itself.run(call, __doc__, "the sound goes on under each new key")
