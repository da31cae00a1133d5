#!/usr/bin/python3
"""Room systems register (ROOM-1 to ROOM-3): a line each, exit code 1 if one fails.

usage: registering.py [NAME ...]

Digests are made by hashlib over a socket, by SIPp and by baresip; what the gateway made of them is read from
its API.

GATEWAY_PROGRAM  the gateway, target/ci/gateway unless said
"""

import hashlib
import json
import pathlib
import re
import socket
import sys
import tempfile
import time

sys.dont_write_bytecode = True

import own_gateway
import sipp_caller
from baresip_phone import Phone

ACCOUNTS = """
[[account]]
name = "room1"
tenant = "demo"
password = "secret-1"
[[account]]
name = "room2"
tenant = "demo"
password = "secret-2"
"""
SETTINGS = ("listener.0.registrar=on", "listener.1.registrar=on", "registrar.realm=interop", 'registrar.algorithms=["sha-256", "md5"]')
# Who does not get past a challenge for SHA-256 to the one that it knows.
OLD = ("sipp", "baresip")
HASHES = {"MD5": hashlib.md5, "SHA-256": hashlib.sha256}
SECONDS = 10


class Device:
    """A room system of a socket and hashlib."""

    realm, asked = "interop", ["SHA-256", "MD5"]

    def __init__(self, gateway, account, password, transport="udp", algorithm="SHA-256"):
        self.at, self.account, self.password, self.algorithm = gateway.at, account, password, algorithm
        kind = socket.SOCK_DGRAM if transport == "udp" else socket.SOCK_STREAM
        self.transport, self.socket = transport, socket.socket(socket.AF_INET, kind)
        self.socket.settimeout(SECONDS)
        self.socket.bind(("127.0.0.1", 0))
        self.socket.connect((gateway.at.host, gateway.at.port))
        self.port = self.socket.getsockname()[1]
        self.number, self.challenge, self.count = 0, None, 0

    def send(self, authorization="", expires=600, contact=""):
        """A REGISTER; status and answer."""
        self.number += 1
        me = f"127.0.0.1:{self.port}"
        lines = [
            "REGISTER sip:interop SIP/2.0", f"Via: SIP/2.0/{self.transport.upper()} {me};branch=z9hG4bK{self.port}-{self.number};rport",
            "Max-Forwards: 70", f"From: <sip:{self.account}@interop>;tag=1", f"To: <sip:{self.account}@interop>", f"Call-ID: {self.port}",
            f"CSeq: {self.number} REGISTER", f"Contact: <sip:{self.account}@{me};transport={self.transport}>{contact}", f"Expires: {expires}",
            *([f"Authorization: {authorization}"] if authorization else []), "Content-Length: 0", "", ""]
        self.socket.sendall("\r\n".join(lines).encode())
        answer = self.socket.recv(65536).decode()
        return int(answer.split(" ")[1]), answer

    def challenged(self):
        """Asks without credentials; what is wrong about the challenge."""
        status, answer = self.send()
        return f"{status} and no challenge" if status != 401 else self.take(answer)

    def take(self, answer):
        found = re.findall(r"^WWW-Authenticate: Digest (.*?)\r$", answer, re.MULTILINE)
        challenges = [dict((name, quoted or plain) for name, quoted, plain in re.findall(r'(\w+)=(?:"([^"]*)"|([^",\s]+))', one)) for one in found]
        if [one.get("algorithm") for one in challenges] != self.asked or {one.get("realm") for one in challenges} != {self.realm}:
            return f"challenges {challenges}"
        self.challenge = next(one for one in challenges if one["algorithm"] == self.algorithm)
        self.count = 0
        return None

    def credentials(self, count=None, password=None, qop="auth"):
        self.count += 1
        count = f"{count or self.count:08x}"
        realm, nonce = self.challenge["realm"], self.challenge["nonce"]
        digest = lambda text: HASHES[self.algorithm](text.encode()).hexdigest()
        first = digest(f"{self.account}:{realm}:{password or self.password}")
        second = digest("REGISTER:sip:interop")
        middle = f"{nonce}:{count}:cafe:auth" if qop else nonce
        counted = f', qop=auth, nc={count}, cnonce="cafe"' if qop else ""
        return (f'Digest username="{self.account}", realm="{realm}", nonce="{nonce}", uri="sip:interop", algorithm={self.algorithm}, '
                f'response="{digest(f"{first}:{middle}:{second}")}"{counted}')

    def expect(self, wanted, authorization, **more):
        status, answer = self.send(authorization, **more)
        return f"{status}, not {wanted}: {answer}" if status != wanted else None

    def is_stale(self, authorization):
        status, answer = self.send(authorization)
        return f"{status} and not stale: {answer}" if status != 401 or "stale=true" not in answer else self.take(answer)


def registration(gateway, account):
    return json.loads(gateway.ask("GET", f"/v1/registrations/{account}")[1])


def has_bindings(gateway, account, wanted, seconds=SECONDS):
    """What is wrong, if it has not so many in time."""
    until = time.monotonic() + seconds
    while len((view := registration(gateway, account))["bindings"]) != wanted:
        if time.monotonic() > until:
            return f"{view}, not {wanted} bindings"
        time.sleep(0.05)
    return None


def right(gateway, folder):
    """By both algorithms, over UDP and TCP; refreshed under the same nonce; and gone."""
    for transport in ("udp", "tcp"):
        for algorithm in HASHES:
            device = Device(gateway, "room1", "secret-1", transport, algorithm)
            yield device.challenged()
            yield device.expect(200, device.credentials())
            yield device.expect(200, device.credentials())
            yield has_bindings(gateway, "room1", 1)
            yield device.expect(200, device.credentials(), expires=0)
            yield has_bindings(gateway, "room1", 0)


def without_qop(gateway, folder):
    """As devices of before RFC 2617 answer: once a nonce."""
    device = Device(gateway, "room1", "secret-1", algorithm="MD5")
    yield device.challenged()
    shown = device.credentials(qop=None)
    yield device.expect(200, shown)
    yield device.is_stale(shown)
    yield device.expect(200, device.credentials(qop=None), expires=0)


def wrong(gateway, folder):
    """Another password, and an account that nobody has: the same answer, and not stale."""
    answers = []
    for account in ("room1", "nobody"):
        device = Device(gateway, account, "guess-99")
        yield device.challenged()
        status, answer = device.send(device.credentials())
        answers.append((status, [line.split(":")[0] for line in answer.split("\r\n")], "stale" in answer))
    yield None if answers[0] == answers[1] and answers[0][0] == 401 and not answers[0][2] else f"{answers}"
    last = registration(gateway, "room1")["attempts"][-1]
    yield None if (last["outcome"], last["words"]) == ("wrong-password", "注册密码认证失败") else f"{last}"


def replayed(gateway, folder):
    """The same count again, by who overheard it: refused, and the owner goes on."""
    device, thief = (Device(gateway, "room1", "secret-1") for _ in range(2))
    yield device.challenged()
    shown = device.credentials()
    yield device.expect(200, shown)
    yield thief.is_stale(shown)
    yield device.expect(200, device.credentials())
    yield has_bindings(gateway, "room1", 1)
    yield device.expect(200, device.credentials(), expires=0)


def stale(gateway, folder):
    """A nonce of nobody's, and one of the start before."""
    device = Device(gateway, "room1", "secret-1")
    yield device.challenged()
    before = dict(device.challenge)
    device.challenge["nonce"] = "00" * 28
    yield device.is_stale(device.credentials())
    yield device.expect(200, device.credentials())
    yield gateway.end()
    gateway.start()
    yield has_bindings(gateway, "room1", 1)
    device.challenge, device.count = before, 5
    yield device.is_stale(device.credentials())
    yield device.expect(200, device.credentials(), expires=0)


def locked(gateway, folder):
    """Ten wrong ones lock who guesses; whom they guess at registers on, from the same address even."""
    owner, guesser = Device(gateway, "room2", "secret-2"), Device(gateway, "room1", "guess-99")
    yield owner.challenged()
    yield owner.expect(200, owner.credentials())
    yield guesser.challenged()
    for _ in range(10):
        yield guesser.expect(401, guesser.credentials())
    yield guesser.expect(403, guesser.credentials())
    yield owner.expect(200, owner.credentials(), expires=0)


SIPP = """<?xml version="1.0" encoding="UTF-8"?>
<scenario name="register">
  <send retrans="500"><![CDATA[

REGISTER sip:[remote_ip]:[remote_port] SIP/2.0
Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]
From: <sip:room1@interop>;tag=[pid]s[call_number]
To: <sip:room1@interop>
Call-ID: [call_id]
CSeq: 1 REGISTER
Contact: <sip:room1@[local_ip]:[local_port]>
Max-Forwards: 70
Content-Length: 0

]]></send>
  <recv response="401" auth="true"/>
  <send retrans="500"><![CDATA[

REGISTER sip:[remote_ip]:[remote_port] SIP/2.0
Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]
From: <sip:room1@interop>;tag=[pid]s[call_number]
To: <sip:room1@interop>
Call-ID: [call_id]
CSeq: 2 REGISTER
Contact: <sip:room1@[local_ip]:[local_port]>
[authentication username=room1 password=%(password)s]
Expires: 60
Max-Forwards: 70
Content-Length: 0

]]></send>
  <recv response="%(status)s"/>
</scenario>
"""


def sipp(gateway, folder):
    """SIPp's own digest, right and wrong."""
    ports = sipp_caller.Ports(gateway.at.media)
    for transport in ("udp", "tcp"):
        for name, password, status in (("right", "secret-1", 200), ("wrong", "guess-99", 401)):
            place = folder / f"{name}-{transport}"
            place.mkdir()
            file = place / "register.xml"
            file.write_text(SIPP % {"password": password, "status": status})
            process = sipp_caller.start(file, place, ports.take(), transport, SECONDS, [f"{gateway.at.host}:{gateway.at.port}"])
            code = process.wait()
            yield None if code == 0 else f"{place.name}: SIPp exit code {code}: {sipp_caller.last_words(place)}"


def baresip(gateway, folder):
    """baresip registers, is shown by its name, and leaves as it ends."""
    registrar = f"{gateway.at.host}:{gateway.at.port}"
    account = f'<sip:room2@{registrar}>;regint=60;auth_user=room2;auth_pass=secret-2;outbound="sip:{registrar}"'
    phone = Phone("room2", 440, folder / "phone", gateway.at.media, account=account)
    try:
        yield has_bindings(gateway, "room2", 1)
        agent = registration(gateway, "room2")["bindings"][0]["user_agent"]
        yield None if agent.startswith("baresip") else f"User-Agent {agent}"
    finally:
        phone.stop()
    yield has_bindings(gateway, "room2", 0)


CASES = {case.__name__.replace("_", "-"): case for case in (right, without_qop, wrong, replayed, stale, locked, sipp, baresip)}


def main():
    chosen = sys.argv[1:] or list(CASES)
    if not set(chosen) <= set(CASES):
        sys.exit(f"no such case\n{__doc__}")
    failed = 0
    with tempfile.TemporaryDirectory(prefix="registering-") as temporary:
        for name in chosen:
            folder = pathlib.Path(temporary) / name
            folder.mkdir()
            settings = (*SETTINGS, 'registrar.algorithms=["md5"]') if name in OLD else SETTINGS
            with own_gateway.OwnGateway(folder, settings, ACCOUNTS) as gateway:
                fault = next((fault for fault in CASES[name](gateway, folder) if fault), None)
            failed += fault is not None
            print(f"{'FAILED' if fault else 'ok    '} registering {name}{f': {fault}' if fault else ''}", flush=True)
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
