#!/usr/bin/python3
"""Connectivity checks (MEDIA-3, RFC 8445): a line each, exit code 1 if one fails.

usage: ice_lite.py

baresip phones that check by ICE call another through a trunk, in clear and with keys by DTLS: both sides must hear each other. Then a
phone of sockets checks by Python's own hmac and crc32, and chooses another of its sockets: sound goes there, and whoever forges a check
changes nothing. Run as root: baresip checks from no loopback address, so all run in a network namespace whose loopback has another.
"""

import hmac
import os
import re
import socket
import struct
import sys
import time
import zlib

sys.dont_write_bytecode = True

import by_itself
import own_gateway
from baresip_phone import PORTS_PER_PHONE, Phone
from between_two import TALK, TONES, hearing
from codec_change import TRUNK
from continuity import tone
from foreign_codecs import G711
from socket_phone import SocketPhone, Sound, bound, rtpmaps

# RFC 5737: of no network.
ADDRESS = "198.51.100.1"
ALONE = ["unshare", "--net", "sh", "-c", f'ip link set lo up && ip addr add {ADDRESS}/32 dev lo && exec "$@"', "sh"]
# What the caller encrypts by, and what it says besides.
CALLS = {"in clear": (None, ""), "by DTLS": ("dtls_srtp", "")}
ECHO = "9001"
THEIRS = ("8hhY", "asd88fgpdd777uzjYhagZg")
# RFC 8489.
COOKIE = 0x2112A442
REQUEST, SUCCESS, ERROR = 0x0001, 0x0101, 0x0111
USERNAME, INTEGRITY, ERROR_CODE, XOR_MAPPED, PRIORITY, USE_CANDIDATE, FINGERPRINT, CONTROLLING = 6, 8, 9, 0x20, 0x24, 0x25, 0x8028, 0x802A
MOVED_SECONDS = 0.5


def call_all(folder):
    (folder / "gateway").mkdir()
    gateway = own_gateway.OwnGateway(folder / "gateway", ["trunk.0.ice=lite"])
    taken, pairs = [*gateway.at.media, gateway.at.port, gateway.at.port + 1], {}
    try:
        for number, (name, (encryption, settings)) in enumerate(CALLS.items(), 1):
            caller = Phone(f"13800{number}0", TONES[0], folder / f"caller-{number}", taken, encryption=encryption, settings=settings, ice=ADDRESS)
            taken += range(caller.first, caller.first + PORTS_PER_PHONE)
            called = Phone(f"13800{number}1", TONES[1], folder / f"called-{number}", taken, answers=True)
            taken += range(called.first, called.first + PORTS_PER_PHONE)
            pairs[name] = (caller, called)
            with open(gateway.config, "a") as config:
                config.write(TRUNK.format(port=called.first).replace('"other"', f'"other-{number}"').replace("192.0.2.1", f"192.0.2.{number}"))
        routes = ", ".join(f'"550{number} = 13800{number}1 -> trunk:other-{number}"' for number in range(1, len(pairs) + 1))
        gateway.settings.append(f'dialplan.routes=["{ECHO} -> app:echo", {routes}]')
        with gateway:
            faults = talk(gateway, pairs) + move(gateway)
            if fault := gateway.end():
                faults.append(fault)
        return faults
    finally:
        for pair in pairs.values():
            for phone in pair:
                phone.stop()


def talk(gateway, pairs):
    faults = []
    for number, (name, (caller, _)) in enumerate(pairs.items(), 1):
        before = gateway.metric("gateway_media_checks_answered_total")
        if not caller.dial(f"sip:550{number}@{gateway.at.host}:{gateway.at.port}"):
            faults.append(f"{name}: no answer; {caller.last_words()}\n{gateway.last_log()}")
        time.sleep(1)
        answered = gateway.metric("gateway_media_checks_answered_total") - before
        print(f"       {name}: {answered:.0f} checks answered in the first second")
        if answered < 1:
            faults.append(f"{name}: no check came; {caller.last_words()}")
    time.sleep(TALK)
    for name, pair in pairs.items():
        if not all(phone.in_call() for phone in pair):
            faults.append(f"{name}: the call ended by itself; {pair[0].last_words()}")
        pair[0].command("hangup")
    time.sleep(1.5)
    for name, (caller, called) in pairs.items():
        faults += hearing(name, "the caller", caller, TONES) + hearing(name, "who is called", called, TONES[::-1])
    return faults


def move(gateway):
    """A phone that checks by itself, from two sockets."""
    with SocketPhone("13800009", gateway.at) as phone, bound(phone.media + 3) as other, bound(0) as stranger:
        codec = G711.a_law()
        phone.sound = Sound(8, codec.encode(tone(800, codec.rate)))
        candidates = [f"candidate:{number} 1 UDP {2130706431 - number} 127.0.0.1 {port} typ host" for number, port in enumerate((phone.media, phone.media + 3))]
        lines = rtpmaps("RTP/AVP 8", "rtpmap:8 PCMA/8000", "rtcp-mux", f"ice-ufrag:{THEIRS[0]}", f"ice-pwd:{THEIRS[1]}", *candidates)
        answer = phone.call(ECHO, phone.describe(lines))
        ufrag, password = (re.search(rf"^a=ice-{name}:(\S+)", answer, re.MULTILINE)[1] for name in ("ufrag", "pwd"))
        faults = [] if "\na=ice-lite\r" in answer else ["the answer is not of a lite agent"]
        faults += [f"{name}: {fault}" for name, fault in (
            ("a check without a password", check(stranger, phone.destination, None, "x", ERROR, 400)),
            ("a check under another", check(stranger, phone.destination, f"{ufrag}:{THEIRS[0]}", "another password, forged", ERROR, 401)),
        ) if fault]
        time.sleep(MOVED_SECONDS)
        if len(phone.came) < 10 or heard_by(stranger):
            faults.append("before its choice a phone is not heard where it is")
        if fault := check(other, phone.destination, f"{ufrag}:{THEIRS[0]}", password, SUCCESS, other.getsockname()):
            faults.append(f"its choice: {fault}")
        before, begin = len(phone.came), time.time()
        # The phone's own socket is a stranger now, so the other one talks.
        phone.mouth = other
        time.sleep(MOVED_SECONDS)
        late = [packet for packet in phone.came[before:] if packet.at > begin + 0.05]
        moved = heard_by(other)
        if moved < 10 or late:
            faults.append(f"after its choice {moved} packets came where it is, and {len(late)} where it was")
        print(f"       moved by a check: {moved} packets there, {len(late)} where it was")
        # The other one is closed before the phone is.
        phone.mouth = phone.rtp
        phone.hang_up()
    return faults


def heard_by(one):
    one.settimeout(0.05)
    count = 0
    try:
        while one.recv(2048)[1] & 0x7F == 8:
            count += 1
    except TimeoutError:
        pass
    return count


def check(one, destination, username, password, expected, what):
    """Sends a check that chooses its pair; what is wrong about the answer, if anything is."""
    transaction = os.urandom(12)
    attributes = attribute(PRIORITY, struct.pack("!I", 1853824767)) + attribute(CONTROLLING, os.urandom(8)) + attribute(USE_CANDIDATE, b"")
    if username:
        attributes = attribute(USERNAME, username.encode()) + attributes
    message = sealed(REQUEST, transaction, attributes, password if username else None)
    one.settimeout(2)
    one.sendto(message, destination)
    try:
        answer = one.recv(2048)
        while answer[0] > 3:
            answer = one.recv(2048)
    except TimeoutError:
        return "no answer"
    kind, length, cookie = struct.unpack_from("!HHI", answer)
    if (kind, length, cookie, answer[8:20]) != (expected, len(answer) - 20, COOKIE, transaction):
        return f"answered by {answer.hex()}"
    found = parsed(answer)
    if zlib.crc32(answer[:2] + struct.pack("!H", length) + answer[4:-8]) ^ 0x5354554E != struct.unpack("!I", found[FINGERPRINT])[0]:
        return "a wrong fingerprint"
    if kind == ERROR:
        code = found[ERROR_CODE][2] * 100 + found[ERROR_CODE][3]
        return None if code == what else f"error {code}"
    port = struct.unpack_from("!H", found[XOR_MAPPED], 2)[0] ^ COOKIE >> 16
    if (socket.inet_ntoa(bytes(a ^ b for a, b in zip(found[XOR_MAPPED][4:], struct.pack("!I", COOKIE)))), port) != what:
        return f"it is told that it is at port {port}"
    signed = answer[:-32]
    mac = hmac.digest(password.encode(), signed[:2] + struct.pack("!H", len(signed) + 4) + signed[4:], "sha1")
    return None if mac == found[INTEGRITY] else "a wrong integrity"


def attribute(kind, value):
    return struct.pack("!HH", kind, len(value)) + value + bytes(-len(value) % 4)


def sealed(kind, transaction, attributes, password):
    def head(length):
        return struct.pack("!HHI", kind, length, COOKIE) + transaction

    if password:
        attributes += attribute(INTEGRITY, hmac.digest(password.encode(), head(len(attributes) + 24) + attributes, "sha1"))
    return head(len(attributes) + 8) + attributes + attribute(FINGERPRINT, struct.pack("!I", zlib.crc32(head(len(attributes) + 8) + attributes) ^ 0x5354554E))


def parsed(message):
    found, at = {}, 20
    while at < len(message):
        kind, length = struct.unpack_from("!HH", message, at)
        found[kind] = message[at + 4:at + 4 + length]
        at += 4 + length + -length % 4
    return found


if __name__ == "__main__":
    by_itself.run(call_all, __doc__, "checks are answered, and sound goes where they choose", ["baresip"], ALONE)
