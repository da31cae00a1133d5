#!/usr/bin/python3
"""A call between two whose codec changes in the middle (MEDIA-1): a line each, exit code 1 if one fails.

usage: codec_change.py

One phone calls the other through a trunk. Both speak G.711, and packets are passed on; then who called offers G.722, G.711 again,
Opus, and G.711 again, and goes over to each once it is answered, or, as one from far away, a while later. What each hears may have no gap over 60 ms, neither between two
packets nor in the sound, one SSRC, and numbers that go on. The codecs are libopus and spandsp.
"""

import sys
import time

sys.dont_write_bytecode = True

import numpy

import by_itself
import own_gateway
from continuity import LONGEST_GAP, TICK, longest_gap, longest_silence, numbers_of, tone
from foreign_codecs import G711, G722, Opus
from socket_phone import SocketPhone, Sound, rtpmaps

STAGES = ("pcma", "g722", "pcma", "opus", "pcma")
# Payload type, clock, how it is described.
CODECS = {
    "pcma": (8, 8000, "8 PCMA/8000"),
    "g722": (9, 8000, "9 G722/8000"),
    "opus": (107, 48000, "107 opus/48000/2"),
}
STAGE_SECONDS = 2.5
# How long after the answer the caller's packets are still of the former codec.
WAYS = {"near": 0.0, "far": 0.25}
# How much is looked at around a change.
AROUND = 1.0
# So long after a change a stream is in its new codec, on the slowest machine.
SETTLED = 0.5
LEAST_DBFS = -20
CALLER_HERTZ, CALLED_HERTZ = 800, 1300
TRUNK = """
[[trunk]]
name = "other"
zone = "trunk"
peers = ["192.0.2.1"]
address = "127.0.0.1:{port}"
encryption = "off"
"""


def near_and_far(folder):
    faults = []
    for name, late in WAYS.items():
        (folder / name).mkdir()
        faults += [f"{name}: {fault}" for fault in change(folder / name, late)]
    return faults


def coders():
    return {"pcma": G711.a_law(), "g722": G722(), "opus": Opus()}


def said(name, hertz):
    codec = coders()[name]
    payload_type, clock, _ = CODECS[name]
    # Opus of one second and Opus of the next don't fit together, so that a stage has packets of its own.
    return Sound(payload_type, codec.encode(tone(hertz, codec.rate, 10)), clock)


def offer(phone, name, version):
    payload_type, _, encoding = CODECS[name]
    return phone.describe(rtpmaps(f"RTP/AVP {payload_type}", f"rtpmap:{encoding}", "sendrecv"), version)


def change(folder, late):
    gateway = own_gateway.OwnGateway(folder)
    gateway.settings.append('dialplan.routes=["5501 = 5502 -> trunk:other"]')
    with SocketPhone("13800001", gateway.at) as caller, SocketPhone("5502", gateway.at, range(caller.first, caller.first + 4)) as called:
        gateway.config.write_text(gateway.config.read_text() + TRUNK.format(port=called.port))
        with gateway:
            changes = talk(caller, called, late)
            fault = gateway.end()
    return [*judge(caller, called, changes), *([fault] if fault else [])]


def talk(caller, called, late):
    """Yields when each stage was answered."""
    sounds = {name: said(name, CALLER_HERTZ) for name in CODECS}
    called.sound = said("pcma", CALLED_HERTZ)
    changes = []
    for version, name in enumerate(STAGES, 1):
        body = offer(caller, name, version)
        if changes:
            caller.reoffer(body)
        else:
            caller.send_call("5501", body)
            called.take(lambda _: offer(called, "pcma", 1))
            caller.finish_call()
        changes.append(time.time())
        time.sleep(late)
        caller.sound = sounds[name]
        time.sleep(STAGE_SECONDS - late)
    caller.hang_up()
    called.is_hung_up()
    return changes


def judge(caller, called, changes):
    faults = []
    clocks = {payload_type: clock for payload_type, clock, _ in CODECS.values()}
    end = changes[-1] + STAGE_SECONDS
    for who, phone, other in (("who called", caller, called), ("who is called", called, caller)):
        heard = [packet for packet in phone.came if changes[0] + SETTLED <= packet.at <= end]
        faults += [f"{who}: {fault}" for fault in numbers_of(heard, clocks)]
        for (before, after), at in zip(zip(STAGES, STAGES[1:]), changes[1:]):
            span = (at - AROUND, at + AROUND)
            gap = longest_gap([packet.at for packet in heard], *span)
            # What the other sent late by itself is no fault of the gateway's.
            late = longest_gap(other.sent, *span) - TICK
            print(f"       {before} to {after}: {who} hears nothing for {1000 * gap:.0f} ms at most, {1000 * late:.0f} of them late already")
            if gap > LONGEST_GAP + late:
                faults.append(f"{before} to {after}: {who} gets no packet for {1000 * gap:.0f} ms")
    faults += heard_by_called(called, changes, end) + heard_by_caller(caller, changes)
    return faults


def heard_by_called(called, changes, end):
    """In one codec all the time: the sound of each change."""
    faults, codec = [], G711.a_law()
    for (before, after), at in zip(zip(STAGES, STAGES[1:]), changes[1:]):
        packets = [packet.payload for packet in called.came if at - AROUND <= packet.at <= at + AROUND]
        faults += sounds(f"{before} to {after}: who is called", codec.decode(packets), CALLER_HERTZ, codec.rate)
    return faults


def heard_by_caller(caller, changes):
    """Each stage in its codec, from its first packet on."""
    faults = []
    for name, begin, end in zip(STAGES, changes, [*changes[1:], changes[-1] + STAGE_SECONDS]):
        codec, payload_type = coders()[name], CODECS[name][0]
        packets = [packet.payload for packet in caller.came if packet.payload_type == payload_type and begin - SETTLED <= packet.at <= end + SETTLED]
        if begin == changes[0]:
            packets = packets[round(SETTLED / TICK):]
        faults += sounds(f"{name}: who called", codec.decode(packets), CALLED_HERTZ, codec.rate)
    return faults


def sounds(where, samples, hertz, rate):
    if len(samples) < rate:
        return [f"{where} has {len(samples) / rate:.1f} s of sound only"]
    silence, level = longest_silence(samples, hertz, rate)
    print(f"       {where} hears {hertz} Hz at {level:.1f} dBFS, and not for {1000 * silence:.0f} ms at most")
    # A gap begins and ends within a frame, and a frame that is cut short is none: it is longer by one at most.
    is_over = silence > LONGEST_GAP + TICK + 1e-9
    faults = [f"{where} does not hear the tone for {1000 * silence:.0f} ms"] if is_over else []
    if level < LEAST_DBFS:
        faults.append(f"{where} hears the tone at {level:.1f} dBFS")
    return faults


if __name__ == "__main__":
    by_itself.run(near_and_far, __doc__, "the sound goes on over each change")
