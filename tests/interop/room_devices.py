#!/usr/bin/python3
"""The offers of four room systems, with sound (ROOM-5, ROOM-11): a line each, exit code 1 if one fails.

usage: room_devices.py

A Cisco TC, a Cisco CE, a Polycom Group and a Polycom HDX call by the offers of tests/fixtures/room-systems and key their meeting's
number and password each in its own way: events under 101 or 119, tones in G.722 where events are not offered. Three encrypt by
libsrtp; the codecs are libopus and spandsp. Each must hear the three others and not itself. Then each makes the trouble that its
kind is known for: lines by re-INVITE, a fax, empty datagrams, an INFO for a picture. All must be heard as before, by the same keys.
At last the gateway calls a Group, which answers with codecs that it was not offered.
"""

import base64
import os
import pathlib
import re
import struct
import sys
import threading
import time

sys.dont_write_bytecode = True

import numpy

import by_itself
import libsrtp
import own_gateway
from baresip_wide import dbfs
from codec_change import TRUNK
from continuity import TICK, tone
from foreign_codecs import G711, G722, Opus
from linphone_meeting import ask
from socket_phone import SocketPhone, Sound

FIXTURES = own_gateway.ROOT / "tests/fixtures/room-systems"
MEETING, PASSWORD, ACCESS = "900100001", "1234", "02153290005"
# Its tone; none of them is of a key or of a fax machine.
DEVICES = {"cisco-tc": 430, "cisco-ce": 560, "polycom-group": 1020, "polycom-hdx": 1900}
CODECS = {"G722": (G722, 8000), "opus": (Opus, 48000), "PCMA": (G711.a_law, 8000), "PCMU": (G711.u_law, 8000)}
PROMPT_SECONDS, TALK_SECONDS, SETTLED_SECONDS = 2.0, 4.0, 1.0
IN_SECONDS = 20
HEARD_DBFS, UNHEARD_DBFS = -30, -60
KEY_PACKETS, END_PACKETS, PAUSE_SECONDS = 5, 3, 0.12
ROWS, COLUMNS, KEYS = (697, 770, 852, 941), (1209, 1336, 1477), "123456789*0#"
FULL_PICTURE = '<?xml version="1.0"?><media_control><vc_primitive><to_encoder><picture_fast_update/></to_encoder></vc_primitive></media_control>'
SLIDES = "m=video 20008 RTP/SAVP 111\r\na=rtpmap:111 H264/90000\r\na=content:slides\r\n"
FAX = "m=image 46020 udptl t38\r\na=T38FaxVersion:0\r\n"


class Device(SocketPhone):
    """It says what its fixture says, from where it is, under keys of its own."""

    def __init__(self, name, gateway, taken):
        super().__init__(name, gateway, taken)
        self.name, self.key, self.answer = name, os.urandom(30), ""
        text = (FIXTURES / f"{name}.sip").read_text().replace("\n", "\r\n")
        head, self.offer = text.split("\r\n\r\n", 1)
        sound = re.search(r"^m=audio (\d+) ", self.offer, re.MULTILINE)[1]
        keys = iter([self.key] * 2)
        self.offer = re.sub(r"inline:[A-Za-z0-9+/]{40}", lambda _: f"inline:{base64.b64encode(next(keys, os.urandom(30))).decode()}", self.offer)
        self.offer = self.offer.replace(f"m=audio {sound} ", f"m=audio {self.media} ").replace("127.0.1.50", "127.0.0.1")
        self.common = "\r\n".join(line for line in head.split("\r\n")[1:] if not re.match("Via|To|CSeq|Content-Type", line))
        self.common = self.common.replace("127.0.1.50:5060", f"127.0.0.1:{self.port}").replace("Call-ID: ", f"Call-ID: {self.first}-")
        self.odd_space = " " if "\r\nTo:  <" in head else ""

    def dial(self, number):
        """Calls and is answered; what its sound is made with follows from the answer."""
        self.target = f"sip:{number}@{self.gateway.host}:{self.gateway.port}"
        lines = dict(line.split(":", 1) for line in self.common.split("\r\n"))
        self.head = f"From: {lines['From'].strip()}\r\nTo: {self.odd_space}<{self.target}>{{tag}}\r\nCall-ID: {lines['Call-ID'].strip()}\r\n"
        self.send_invite(self.offer)
        self.answer = self.finish_call()
        audio = self.answer[self.answer.index("m=audio"):]
        self.payload_type = int(re.search(r"^m=audio \d+ \S+ (\d+)", audio)[1])
        name = re.search(rf"^a=rtpmap:{self.payload_type} ([^/]+)/", audio, re.MULTILINE)[1]
        make, self.clock = CODECS[name]
        self.codec = make()
        events = re.search(r"^a=rtpmap:(\d+) telephone-event/8000", audio, re.MULTILINE)
        self.events = int(events[1]) if events else None
        self.take_keys(audio)

    def take_keys(self, audio):
        agreed = re.search(r"^a=crypto:\d+ (\S+) inline:([^|\s]+)", audio, re.MULTILINE)
        if agreed:
            suite, text = agreed.groups()
            self.protect = libsrtp.Session.outbound(suite, self.key).protect
            self.unprotect = libsrtp.Session.inbound(suite, base64.b64decode(text)).unprotect

    def request(self, method, body="", kind="application/sdp"):
        kind = f"Content-Type: {kind}\r\n" if body else ""
        own = "\r\n".join(line for line in self.common.split("\r\n") if method == "INVITE" and not re.match("From|Call-ID", line))
        own = f"{own}\r\n" if own else f"Contact: <{self.uri}>\r\nMax-Forwards: 70\r\n"
        self.send_sip(f"{method} {self.target} SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:{self.port};branch=z9hG4bK{method}{self.cseq}-{self.first};rport\r\n"
                      f"{self.head.replace('{tag}', '')}CSeq: {self.cseq} {method}\r\n{own}{kind}Content-Length: {len(body)}\r\n\r\n{body}")

    def press(self, keys):
        for key in keys:
            self.press_by_event(key) if self.events else self.press_by_tone(key)
            time.sleep(PAUSE_SECONDS)

    def press_by_event(self, key):
        """RFC 4733: one timestamp, a duration that grows, the end said three times."""
        event, begun = "0123456789*#".index(key), self.timestamp
        for number in range(1, KEY_PACKETS + END_PACKETS + 1):
            is_end, duration = number > KEY_PACKETS, 160 * min(number, KEY_PACKETS)
            self.send_packet(self.events, struct.pack("!BBH", event, 0x80 | 10 if is_end else 10, duration), begun, marked=number == 1)
        self.timestamp = begun + 160 * (KEY_PACKETS + END_PACKETS)

    def press_by_tone(self, key):
        row, column = divmod(KEYS.index(key), 3)
        sound = tone(ROWS[row], self.codec.rate, amplitude=6000) + tone(COLUMNS[column], self.codec.rate, amplitude=6000)
        frame = self.codec.rate // 50
        sound = numpy.concatenate([sound[:frame * KEY_PACKETS], numpy.zeros(frame * END_PACKETS, dtype=numpy.int16)])
        for packet in self.codec.encode(sound):
            self.send_packet(self.payload_type, packet, self.timestamp)
            self.timestamp += round(self.clock * TICK)

    def send_packet(self, payload_type, payload, timestamp, marked=False):
        header = struct.pack("!BBHII", 0x80, payload_type | (0x80 if marked else 0), self.sequence & 0xFFFF, timestamp & 0xFFFF_FFFF, self.ssrc)
        self.rtp.sendto(self.protect(header + payload), self.destination)
        self.sequence += 1
        time.sleep(TICK)

    def talk_tone(self, hertz):
        self.sound = Sound(self.payload_type, self.codec.encode(tone(hertz, self.codec.rate, 10)), self.clock)

    def hears(self, begin, end):
        """Each device's tone, in dBFS."""
        packets = [packet.payload for packet in self.came if begin <= packet.at <= end and packet.payload_type == self.payload_type]
        samples = self.codec.decode(packets)
        return {name: dbfs(samples, hertz, self.codec.rate) for name, hertz in DEVICES.items()} if len(samples) else {}

    def ask(self, method, body, kind):
        self.cseq += 1
        self.request(method, body, kind)
        return self.answer_to(method)


def meet(folder):
    libsrtp.self_test()
    gateway = own_gateway.OwnGateway(folder)
    gateway.settings += ["trunk.0.kind=hardware", f'dialplan.routes=["{ACCESS} -> ivr", "5501 = 5502 -> trunk:other"]']
    with SocketPhone("5502", gateway.at) as called:
        gateway.config.write_text(gateway.config.read_text() + TRUNK.format(port=called.port))
        with gateway:
            devices, taken = [], set(range(called.first, called.first + 4))
            try:
                for name in DEVICES:
                    devices.append(Device(name, gateway.at, taken))
                    taken |= set(range(devices[-1].first, devices[-1].first + 4))
                faults = in_a_meeting(gateway, devices)
                faults += answered_oddly(devices[-1], called)
            finally:
                for device in devices:
                    device.__exit__()
            if fault := gateway.end():
                faults.append(fault)
    return faults


def in_a_meeting(gateway, devices):
    # At once, as each waits for prompts.
    threads = [threading.Thread(target=join, args=(device,)) for device in devices]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if not gateway.wait_for(MEETING, lambda there: len(there) == len(devices), IN_SECONDS):
        return [f"of {len(devices)} devices {len(gateway.participants(MEETING))} are in the meeting\n{gateway.last_log()}"]
    for device in devices:
        device.talk_tone(DEVICES[device.name])
    faults = heard("in a meeting", devices) + shown(gateway, devices)
    faults += [f"{device.name}: {fault}" for device in devices for fault in TROUBLE[device.name](device)]
    faults += heard("after the trouble", devices)
    for device in devices:
        device.sound = None
        device.hang_up()
    return faults


def join(device):
    device.dial(ACCESS)
    time.sleep(PROMPT_SECONDS)
    device.press(f"{MEETING}#")
    time.sleep(PROMPT_SECONDS)
    device.press(f"{PASSWORD}#")


def heard(when, devices):
    time.sleep(SETTLED_SECONDS)
    begin = time.time()
    time.sleep(TALK_SECONDS)
    faults = []
    for device in devices:
        levels = device.hears(begin, time.time())
        print(f"       {when}, {device.name} hears " + ", ".join(f"{name} at {level:.0f} dBFS" for name, level in levels.items()))
        for name in DEVICES:
            level = levels.get(name, -200)
            if name == device.name and level > UNHEARD_DBFS:
                faults.append(f"{when}, {name} hears itself at {level:.0f} dBFS")
            if name != device.name and level < HEARD_DBFS:
                faults.append(f"{when}, {device.name} hears {name} at {level:.0f} dBFS")
        if device.refused:
            faults.append(f"{when}, {device.name} cannot decipher {len(device.refused)} packets")
    return faults


def shown(gateway, devices):
    """What the administration tells of them: the model, the codec, the badge, and which of its lines was refused."""
    faults, calls = [], ask(gateway, "/v1/calls")
    for device in devices:
        call = next((call for call in calls if (call["model"] or {}).get("profile") == device.name), None)
        if not call:
            faults.append(f"no call of a {device.name} is shown")
            continue
        refused, offered = [line["line"] for line in call["refused_lines"]], device.offer.count("\nm=") - 1
        if refused != list(range(1, offered + 1)):
            faults.append(f"{device.name}: of {offered} lines beside its sound {refused} are shown as refused")
    return faults


def keeps(device, answer):
    """Its first line, and its keys."""
    faults = [] if answer.startswith("SIP/2.0 200") else [f"refused: {answer}"]
    for what in (r"^m=audio.*$", r"^a=crypto:.*$"):
        before, after = (re.findall(what, text, re.MULTILINE)[:1] for text in (device.answer, answer))
        faults += [] if before == after else [f"{before} became {after}"]
    return faults


def ports(answer):
    return [int(port) for port in re.findall(r"^m=\S+ (\d+) ", answer, re.MULTILINE)]


def adds_slides(device):
    answer = device.reoffer(device.offer + SLIDES)
    faults = keeps(device, answer)
    if ports(answer)[1:] != [0] * 4:
        faults.append(f"slides beside what was there: {ports(answer)}")
    for address in ((device.gateway.host, device.gateway.port), device.destination):
        for socket_ in (device.sip, device.rtp):
            socket_.sendto(b"", address)
    answer = device.ask("INFO", FULL_PICTURE, "application/media_control+xml")
    return [*faults, *([] if answer.startswith("SIP/2.0 200") else [f"INFO: {answer}"])]


def offers_the_same(device):
    return keeps(device, device.reoffer(device.offer))


def gives_up_a_line(device):
    *_, last = re.finditer(r"^m=\S+ (\d+) ", device.offer, re.MULTILINE)
    answer = device.reoffer(device.offer[:last.start(1)] + "0" + device.offer[last.end(1):])
    return keeps(device, answer) + ([] if len(ports(answer)) == device.offer.count("\nm=") else [f"{ports(answer)}"])


def sends_a_fax(device):
    device.send_invite(device.offer[:device.offer.index("m=")] + FAX)
    answer = device.answer_to("INVITE")
    device.request("ACK")
    return [] if answer.startswith("SIP/2.0 488") else [f"a fax: {answer}"]


TROUBLE = {"cisco-tc": gives_up_a_line, "cisco-ce": sends_a_fax, "polycom-group": adds_slides, "polycom-hdx": offers_the_same}


def answered_oddly(device, called):
    """One that was called says first what it was not offered; what it was offered counts."""
    answer = ["m=audio MEDIA RTP/AVP 118 116 8 101", "a=rtpmap:118 SIRENLPR/48000/1", "a=rtpmap:116 vnd.polycom.lpr/9000", "a=rtpmap:8 PCMA/8000", "a=rtpmap:101 G7221/16000"]
    codec = G711.a_law()
    called.sound = Sound(8, codec.encode(tone(DEVICES["cisco-tc"], codec.rate)))
    device.head, device.cseq = "", device.cseq + 1
    taker = threading.Thread(target=called.take, args=(lambda _: called.describe(answer),), daemon=True)
    taker.start()
    device.common = device.common.replace("Call-ID: ", "Call-ID: again-")
    device.dial("5501")
    taker.join(IN_SECONDS)
    device.talk_tone(DEVICES["polycom-hdx"])
    time.sleep(SETTLED_SECONDS)
    begin = time.time()
    time.sleep(TALK_SECONDS)
    there = dbfs(codec.decode([packet.payload for packet in called.came if begin <= packet.at]), DEVICES["polycom-hdx"], codec.rate)
    here = device.hears(begin, time.time()).get("cisco-tc", -200)
    device.sound = None
    device.hang_up()
    called.is_hung_up()
    print(f"       answered oddly: who called is heard at {there:.0f} dBFS, who was called at {here:.0f} dBFS")
    return [] if min(there, here) > HEARD_DBFS else [f"answered oddly, they hear each other at {there:.0f} and {here:.0f} dBFS"]


if __name__ == "__main__":
    by_itself.run(meet, "usage: room_devices.py", "four room systems meet, make their trouble, and are heard")
