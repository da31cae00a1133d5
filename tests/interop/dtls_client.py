#!/usr/bin/python3
"""OpenSSL shakes hands for a call's media (MEDIA-2, RFC 5763): a line each, exit code 1 if one fails.

usage: dtls_client.py

A call offers UDP/TLS/RTP/SAVPF with a=setup:active; openssl s_client is at the other end of its media, with each profile for
SRTP that both have, by a certificate on P-256 and by one of RSA. Packets that are no DTLS come after the handshake, none
before it. With a=setup:passive it is openssl s_server. With the fingerprint of another certificate the call is ended, and the
BYE says why.
"""

import re
import socket
import subprocess
import sys
import time

sys.dont_write_bytecode = True

import by_itself
import gateway_under_test
import own_gateway
from baresip_meeting import ACCESS

PROFILES = ("SRTP_AES128_CM_SHA1_80", "SRTP_AEAD_AES_128_GCM", "SRTP_AEAD_AES_256_GCM")
# What openssl's `req` makes a key of.
KEYS = {
    "P-256": ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"],
    "P-384": ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:secp384r1"],
    "RSA": ["-newkey", "rsa:2048"],
}
SHAKE_SECONDS = 4


def shake_and_refuse(folder):
    prints = {name: certificate(folder, name, key) for name, key in [*KEYS.items(), ("another", KEYS["P-256"])]}
    cases = [(key, profile) for key in KEYS for profile in PROFILES]
    faults = []
    with own_gateway.OwnGateway(folder) as gateway:
        for number, (key, profile) in enumerate(cases):
            faults += shakes(gateway, folder, prints[key], (number, key, profile))
        for number, (key, profile) in enumerate(cases, len(cases)):
            faults += serves(gateway, folder, prints[key], (number, key, profile))
        faults += is_refused(gateway, folder, prints["another"], 2 * len(cases))
        if fault := gateway.end():
            faults.append(fault)
    return faults


def certificate(folder, name, key):
    subprocess.run(["openssl", "req", "-x509", *key, "-nodes", "-days", "2", "-subj", f"/CN={name}", "-keyout", folder / f"{name}.key",
                    "-out", folder / f"{name}.pem"], check=True, capture_output=True)
    return fingerprint(folder / f"{name}.pem")


def fingerprint(pem):
    said = subprocess.run(["openssl", "x509", "-in", pem, "-noout", "-fingerprint", "-sha256"], check=True, capture_output=True, text=True)
    return said.stdout.split("=")[1].strip()


class Call:
    """One call by UDP, as far as it is needed here."""

    def __init__(self, gateway, print_, number, setup="active"):
        self.gateway, self.number = gateway.at, number
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.socket.settimeout(5)
        self.tag, self.media = "", gateway_under_test.free_ports(1, set(gateway.at.media))
        body = ("v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n"
                f"m=audio {self.media} UDP/TLS/RTP/SAVPF 8\r\n"
                f"a=fingerprint:sha-256 {print_}\r\na=setup:{setup}\r\na=rtcp-mux\r\n")
        self.send("INVITE", f"Content-Type: application/sdp\r\nContent-Length: {len(body)}\r\n\r\n{body}")
        answer = self.wait_for("SIP/2.0 200")
        self.tag = ";tag=" + re.search(r"^To:.*;tag=(\S+)", answer, re.MULTILINE)[1]
        self.answer = answer
        self.port = int(re.search(r"m=audio (\d+)", answer)[1])
        self.send("ACK", "Content-Length: 0\r\n\r\n")

    def send(self, method, rest):
        port = self.socket.getsockname()[1]
        uri = f"sip:{ACCESS}@{self.gateway.host}:{self.gateway.port}"
        text = (f"{method} {uri} SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:{port};branch=z9hG4bK{method}{self.number}\r\n"
                f"From: <sip:138000020{self.number:02}@127.0.0.1>;tag=1\r\nTo: <{uri}>{self.tag}\r\nCall-ID: dtls-{self.number}\r\n"
                f"CSeq: {2 if method == 'BYE' else 1} {method}\r\nContact: <sip:1@127.0.0.1:{port}>\r\nMax-Forwards: 70\r\n{rest}")
        self.socket.sendto(text.encode(), (self.gateway.host, self.gateway.port))

    def wait_for(self, begin):
        while True:
            message = self.socket.recv(65535).decode()
            if message.startswith(begin):
                return message

    def shake(self, folder, key, profiles):
        """What openssl says of a handshake with the media's port, and of what comes after it."""
        return self.openssl(folder, key, profiles, ["s_client", "-bind", f"127.0.0.1:{self.media}", "-connect", f"127.0.0.1:{self.port}"])

    def serve(self, folder, key, profiles):
        """The same where the media's port begins."""
        return self.openssl(folder, key, profiles, ["s_server", "-Verify", "1", "-accept", f"127.0.0.1:{self.media}"])

    def openssl(self, folder, key, profiles, side):
        command = ["timeout", str(SHAKE_SECONDS), "openssl", *side, "-dtls1_2", "-msg", "-cert", folder / f"{key}.pem",
                   "-key", folder / f"{key}.key", "-use_srtp", profiles]
        return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def shakes(gateway, folder, print_, case):
    number, key, profile = case
    call = Call(gateway, print_, number)
    said = call.shake(folder, key, profile).stdout.read()
    call.send("BYE", "Content-Length: 0\r\n\r\n")
    name = f"{key}, {profile}"
    faults = is_agreed(folder, call, said, (name, profile))
    before, _, after = said.partition("SRTP Extension negotiated")
    # To openssl what is no DTLS is many headers of records and nothing behind them.
    headers = re.compile(r"^<<<.*\[length 000d\]", re.MULTILINE)
    records, packets = len(headers.findall(before)), len(headers.findall(after))
    if records > 20 or packets < 500:
        faults.append(f"{name}: {records} headers during the handshake, {packets} after it")
    print(f"       {name}: {records} records of the handshake, then packets")
    return faults


def serves(gateway, folder, print_, case):
    number, key, profile = case
    call = Call(gateway, print_, number, "passive")
    said = call.serve(folder, key, profile).stdout.read()
    call.send("BYE", "Content-Length: 0\r\n\r\n")
    name = f"{key}, {profile}, openssl waits"
    print(f"       {name}")
    return is_agreed(folder, call, said, (name, profile))


def is_agreed(folder, call, said, case):
    name, profile = case
    faults = []
    if f"SRTP Extension negotiated, profile={profile}" not in said:
        faults.append(f"{name}: not agreed on; {said[-400:]}")
    shown = re.search(r"-----BEGIN CERTIFICATE.*?END CERTIFICATE-----\n", said, re.DOTALL)
    if shown:
        (folder / "shown.pem").write_text(shown[0])
    if not shown or f"a=fingerprint:sha-256 {fingerprint(folder / 'shown.pem')}\r\n" not in call.answer:
        faults.append(f"{name}: the certificate is not the one of the answer")
    return faults


def is_refused(gateway, folder, print_, number):
    call = Call(gateway, print_, number)
    client = call.shake(folder, "RSA", PROFILES[0])
    began = time.monotonic()
    try:
        bye = call.wait_for("BYE ")
    except TimeoutError:
        return ["a call with another certificate goes on"]
    finally:
        client.kill()
        client.wait()
    seconds = time.monotonic() - began
    cause = re.search(r"^Reason:.*", bye, re.MULTILINE)
    print(f"       another certificate: ended after {seconds:.1f} s, {cause and cause[0].strip()}")
    return [] if cause and "cause=88" in cause[0] and seconds < SHAKE_SECONDS else [f"ended with {bye}"]


if __name__ == "__main__":
    by_itself.run(shake_and_refuse, __doc__, "OpenSSL shakes hands with the gateway", ["openssl"])
