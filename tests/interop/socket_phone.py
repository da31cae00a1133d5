"""A phone made of sockets: one call by SIP over UDP, and its sound packet by packet, with the kernel's time of each that came.

What it says of its media, what it sends and under which keys is its user's: baresip and linphone change neither in the middle of a
call.
"""

import dataclasses
import re
import socket
import struct
import threading
import time

import gateway_under_test

TICK = 0.02
ANSWER_SECONDS = 5
# asm-generic/socket.h
SO_TIMESTAMPNS = 35
PORTS = 4


@dataclasses.dataclass(frozen=True)
class Came:
    """A packet of RTP, and when it came."""

    at: float
    bytes: bytes

    @property
    def payload_type(self):
        return self.bytes[1] & 0x7F

    @property
    def sequence(self):
        return struct.unpack_from("!H", self.bytes, 2)[0]

    @property
    def timestamp(self):
        return struct.unpack_from("!I", self.bytes, 4)[0]

    @property
    def ssrc(self):
        return self.bytes[8:12]

    @property
    def payload(self):
        return self.bytes[12:]


@dataclasses.dataclass(frozen=True)
class Sound:
    """What a phone says again and again: packets of 20 ms, under a payload type of a clock."""

    payload_type: int
    packets: list
    clock: int = 8000


class SocketPhone:
    """`gateway` is a gateway_under_test.Gateway. `protect` and `unprotect` make of a packet what is on the wire, and back; what
    `unprotect` makes nothing of is in `refused`."""

    def __init__(self, user, gateway, taken=()):
        self.user, self.gateway = user, gateway
        self.first = gateway_under_test.free_ports(PORTS, {*gateway.media, *taken})
        self.sip, self.rtp, self.rtcp = (bound(self.first + offset) for offset in (2, 0, 1))
        self.sip.settimeout(ANSWER_SECONDS)
        # What it talks by is what it hears by, unless its user says otherwise.
        self.mouth = self.rtp
        self.rtp.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
        self.uri = f"sip:{user}@127.0.0.1:{self.port}"
        self.cseq, self.head, self.target = 0, "", None
        self.destination, self.sound = None, None
        self.sequence, self.timestamp, self.ssrc = 65_500, 0xFFFF_0000, 0x1234_0000 + self.first
        self.protect = self.unprotect = lambda packet: packet
        self.came, self.refused, self.sent = [], [], []
        self.runs = True
        self.threads = [threading.Thread(target=work, daemon=True) for work in (self.hear, self.talk)]
        for thread in self.threads:
            thread.start()

    @property
    def port(self):
        return self.sip.getsockname()[1]

    @property
    def media(self):
        return self.rtp.getsockname()[1]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.runs = False
        for thread in self.threads:
            thread.join()
        for one in (self.sip, self.rtp, self.rtcp):
            one.close()

    # Signaling.

    def describe(self, lines, version=1):
        """A description whose media are `lines`, MEDIA for the port."""
        head = ["v=0", f"o=- 1 {version} IN IP4 127.0.0.1", "s=-", "c=IN IP4 127.0.0.1", "t=0 0"]
        return "\r\n".join([*head, *lines, ""]).replace("MEDIA", str(self.media))

    def call(self, number, body):
        """Calls; yields what is answered."""
        self.send_call(number, body)
        return self.finish_call()

    def send_call(self, number, body):
        """The first half: whoever is called may be another phone of the same thread."""
        self.target = f"sip:{number}@{self.gateway.host}:{self.gateway.port}"
        self.head = f"From: <{self.uri}>;tag=c\r\nTo: <{self.target}>{{tag}}\r\nCall-ID: {self.user}-{self.first}\r\n"
        self.send_invite(body)

    def reoffer(self, body):
        self.send_invite(body)
        return self.finish_call()

    def send_invite(self, body):
        self.cseq += 1
        self.request("INVITE", body)

    def finish_call(self):
        answer = self.answer_to("INVITE")
        if not answer.startswith("SIP/2.0 200"):
            raise SystemExit(f"FAILED {self.user}: {answer}")
        tag = re.search(r"^To:.*;tag=([^;\r\n]+)", answer, re.MULTILINE)[1]
        self.head = self.head.replace("{tag}", f";tag={tag}")
        self.target = re.search(r"^Contact:.*<([^>]+)>", answer, re.MULTILINE)[1]
        self.request("ACK")
        self.aim(answer)
        return answer

    def hang_up(self):
        self.cseq += 1
        self.request("BYE")
        return self.answer_to("BYE")

    def take(self, describe):
        """Waits for a call and answers it with what `describe` makes of its offer."""
        invite = self.read("INVITE ")
        self.aim(invite)
        self.respond(invite, "200 OK", describe(invite))
        self.read("ACK ")
        return invite

    def is_hung_up(self):
        try:
            self.respond(self.read("BYE "), "200 OK")
            return True
        except TimeoutError:
            return False

    def aim(self, message):
        """RTP goes where a description says."""
        found = re.search(r"^m=audio (\d+)", message, re.MULTILINE)
        self.destination = (self.gateway.host, int(found[1]))

    def request(self, method, body=""):
        kind = "Content-Type: application/sdp\r\n" if body else ""
        self.send_sip(f"{method} {self.target} SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:{self.port};branch=z9hG4bK{method}{self.cseq}-{self.first}\r\n"
                      f"{self.head.replace('{tag}', '')}CSeq: {self.cseq} {method}\r\nContact: <{self.uri}>\r\nMax-Forwards: 70\r\n{kind}"
                      f"Content-Length: {len(body)}\r\n\r\n{body}")

    def respond(self, request, status, body=""):
        lines = re.findall(r"^(?:Via|From|To|Call-ID|CSeq|Record-Route):.*\r\n", request, re.MULTILINE)
        lines = [line if not line.startswith("To:") or ";tag=" in line else f"{line.rstrip()};tag=d\r\n" for line in lines]
        kind = "Content-Type: application/sdp\r\n" if body else ""
        self.send_sip(f"SIP/2.0 {status}\r\n{''.join(lines)}Contact: <{self.uri}>\r\n{kind}Content-Length: {len(body)}\r\n\r\n{body}")

    def send_sip(self, text):
        self.sip.sendto(text.encode(), (self.gateway.host, self.gateway.port))

    def answer_to(self, method):
        while True:
            message = self.read("SIP/2.0 ")
            if not message.startswith("SIP/2.0 1") and f"CSeq: {self.cseq} {method}" in message:
                return message

    def read(self, begin):
        while True:
            message = self.sip.recv(65535).decode()
            if message.startswith(begin):
                return message

    # Sound.

    def talk(self):
        due, place = time.monotonic(), 0
        while self.runs:
            due += TICK
            time.sleep(max(0.0, due - time.monotonic()))
            sound, destination = self.sound, self.destination
            if sound is None or destination is None:
                continue
            header = struct.pack("!BBHII", 0x80, sound.payload_type, self.sequence & 0xFFFF, self.timestamp & 0xFFFF_FFFF, self.ssrc)
            packet = self.protect(header + sound.packets[place % len(sound.packets)])
            self.sent.append(time.time())
            self.mouth.sendto(packet, destination)
            self.sequence, self.timestamp, place = self.sequence + 1, self.timestamp + round(sound.clock * TICK), place + 1

    def hear(self):
        self.rtp.settimeout(0.1)
        while self.runs:
            try:
                packet, ancillary, _, source = self.rtp.recvmsg(2048, 64)
            except TimeoutError:
                continue
            except ConnectionError:
                continue
            seconds, nanos = next(struct.unpack("qq", value) for _, _, value in ancillary)
            self.take_packet(seconds + nanos / 1e9, packet, source)

    def take_packet(self, at, packet, _source):
        if len(packet) < 12 or packet[0] & 0xC0 != 0x80 or 192 <= packet[1] <= 223:
            return
        plain = self.unprotect(packet)
        if plain is None:
            self.refused.append(Came(at, packet))
        else:
            self.came.append(Came(at, plain))


def bound(port):
    one = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    one.bind(("127.0.0.1", port))
    return one


def rtpmaps(audio, *lines):
    """The lines of one audio stream."""
    return [f"m=audio MEDIA {audio}", *(f"a={line}" for line in lines)]
