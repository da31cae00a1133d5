#!/usr/bin/python3
"""Calls between two baresip phones through the gateway (MEDIA-1): a line each, exit code 1 if one fails.

usage: between_two.py [shared]

With `shared` all ports of the gateway share a socket, which takes CAP_BPF, CAP_NET_ADMIN and CAP_NET_RAW.
The caller's number leads to a trunk, whose host is the other phone. Where both speak one codec its packets are passed on; where they
don't they are encoded anew; one leg, or both, may be encrypted. Each phone must hear the other's tone and not its own, the
keys of the caller must come to the other phone, and who hangs up ends both calls. The codecs and the SRTP are baresip's.
"""

import sys
import time

import numpy

sys.dont_write_bytecode = True

import by_itself
import own_gateway
from baresip_phone import PORTS_PER_PHONE, Phone
from baresip_wide import dbfs

# Codec and encryption of who calls and of who is called.
PAIRS = {
    "pcma, passed on": (("pcma", None), ("pcma", None)),
    "opus, passed on": (("opus", None), ("opus", None)),
    "g722 to pcma": (("g722", None), ("pcma", None)),
    "opus to g722": (("opus", None), ("g722", None)),
    "pcma to pcma, the caller encrypted": (("pcma", "srtp-mand"), ("pcma", None)),
    "g722 to opus, both encrypted": (("g722", "srtp-mand"), ("opus", "srtp-mand")),
    "pcma, who is called shakes hands": (("pcma", None), ("pcma", "dtls_srtp")),
    "pcma to opus, both shake hands": (("pcma", "dtls_srtp"), ("opus", "dtls_srtp")),
}
TONES = (430, 1510)
KEYS = "159"
SHARED = "shared"
TALK = 6.0
HEARD_DBFS = -40.0
UNHEARD_DBFS = -55.0
TRUNK = """
[[trunk]]
name = "phone-{number}"
zone = "trunk"
peers = ["192.0.2.{number}"]
address = "127.0.0.1:{port}"
encryption = "{encryption}"
keying = "{keying}"
"""


def call_all(folder):
    sockets = SHARED if SHARED in sys.argv[1:] else "separate"
    (folder / "gateway").mkdir()
    gateway = own_gateway.OwnGateway(folder / "gateway")
    taken, pairs = [*gateway.at.media, gateway.at.port, gateway.at.port + 1], {}
    try:
        for number, (name, sides) in enumerate(PAIRS.items(), 1):
            pair = []
            for user, ((codec, encryption), hertz) in enumerate(zip(sides, TONES)):
                phone = Phone(f"13800{number}{user}", hertz, folder / f"phone-{number}-{user}", taken, answers=user == 1, codec=codec, encryption=encryption)
                taken += range(phone.first, phone.first + PORTS_PER_PHONE)
                pair.append(phone)
            pairs[name] = pair
            encryption = "required" if sides[1][1] else "off"
            keying = "dtls" if sides[1][1] == "dtls_srtp" else "sdes"
            with open(gateway.config, "a") as config:
                config.write(TRUNK.format(number=number, port=pair[1].first, encryption=encryption, keying=keying))
        routes = ", ".join(f'"550{number} = 13800{number}1 -> trunk:phone-{number}"' for number in range(1, len(PAIRS) + 1))
        gateway.settings += [f"dialplan.routes=[{routes}]", f"media.sockets={sockets}"]
        with gateway:
            if sockets == SHARED and gateway.metric("gateway_media_sockets_shared") == 0:
                print(f"       skipped: ports can't share a socket on this machine: {gateway.last_log()}")
                return []
            faults = talk(gateway, pairs)
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
        if not caller.dial(f"sip:550{number}@{gateway.at.host}:{gateway.at.port}"):
            faults.append(f"{name}: no answer; {caller.last_words()}\n{gateway.last_log()}")
    for caller, _ in pairs.values():
        caller.press(KEYS)
    time.sleep(TALK)
    for name, (caller, callee) in pairs.items():
        if not (caller.in_call() and callee.in_call()):
            faults.append(f"{name}: the call ended by itself")
        if callee.digits() != list(KEYS):
            faults.append(f"{name}: of the keys {KEYS} {callee.digits()} came")
    for number, pair in enumerate(pairs.values()):
        pair[number % 2].command("hangup")
    time.sleep(1.5)
    for name, (caller, callee) in pairs.items():
        if caller.in_call() or callee.in_call():
            faults.append(f"{name}: one hung up, and the other's call goes on")
        faults += hearing(name, "the caller", caller, TONES)
        faults += hearing(name, "who is called", callee, TONES[::-1])
    return faults


def hearing(name, who, phone, tones):
    """Prints how loud a phone heard its own tone and the other's; returns what is not as it should be."""
    samples = numpy.array(phone.heard(), dtype=float)[-int((TALK - 1) * phone.rate):-phone.rate // 2]
    if len(samples) < (TALK - 2) * phone.rate:
        return [f"{name}: {who} recorded {len(samples) / phone.rate:.1f} s only"]
    own, other = (dbfs(samples, hertz, phone.rate) for hertz in tones)
    print(f"       {name:36} {who:14} hears the other at {other:6.1f} dBFS, itself at {own:6.1f}")
    faults = []
    if other < HEARD_DBFS:
        faults.append(f"{name}: {who} does not hear the other")
    if own > UNHEARD_DBFS:
        faults.append(f"{name}: {who} hears itself")
    return faults


if __name__ == "__main__":
    by_itself.run(call_all, __doc__, "all hear each other", ["baresip"], word=SHARED)
