#!/usr/bin/python3
"""TLS as others speak it (SEC-4): a line each, exit code 1 if one fails.

usage: tls.py

openssl s_client, which is shown the chain that its version and suites can verify, and asks by OPTIONS; SIP in clear and a
device's certificate; TLS 1.0 at a legacy listener and nowhere else; a reload of certificates. Then baresip calls an access number by TLS, its keys by SDES, and is heard.
"""

import json
import pathlib
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request

sys.dont_write_bytecode = True

import own_gateway
from baresip_meeting import ACCESS, HEARD_DBFS, MEETING, SETTLE, TALK, WINDOW, tone_dbfs
from baresip_phone import PORTS_PER_PHONE, RATE, Phone

OPTIONS = ("OPTIONS sip:gateway@127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/TLS 127.0.0.1:5061;branch=z9hG4bK-{0}\r\n"
           "From: <sip:me@127.0.0.1>;tag=1\r\nTo: <sip:gateway@127.0.0.1>\r\nCall-ID: {0}\r\nCSeq: 1 OPTIONS\r\n"
           "Max-Forwards: 70\r\nContent-Length: 0\r\n\r\n")
# Name, what s_client is told besides, the key that it is shown.
CLIENTS = {
    "TLS 1.3": (["-tls1_3"], "id-ecPublicKey"),
    "TLS 1.2": (["-tls1_2"], "id-ecPublicKey"),
    "TLS 1.3, RSA alone": (["-tls1_3", "-sigalgs", "rsa_pss_rsae_sha256:rsa_pkcs1_sha256"], "rsaEncryption"),
    "TLS 1.2, RSA alone": (["-tls1_2", "-cipher", "ECDHE-RSA-AES128-GCM-SHA256"], "rsaEncryption"),
    "TLS 1.2, ECDSA alone": (["-tls1_2", "-cipher", "ECDHE-ECDSA-AES256-GCM-SHA384"], "id-ecPublicKey"),
}
OLD = ["-tls1", "-cipher", "DEFAULT@SECLEVEL=0"]
# What the legacy listener is told as, the address behind it.
WEAK = "tls-legacy:%s:%d"
LEGACY = """
[[listener]]
zone = "trunk"
transport = "tls"
tls = "legacy"
address = "127.0.0.1:1"
policy = "anybody"
allowed = ["127.0.0.1"]
certificates = [{{ chain = "{0}/legacy.pem", key = "{0}/legacy.key" }}]
"""
CLIENT_SECONDS = 10
PHONES = {"one": 430, "two": 1040}


def main():
    if sys.argv[1:]:
        sys.exit(__doc__)
    for needed in ("openssl", "baresip"):
        if not shutil.which(needed):
            sys.exit(f"{needed} is not installed: run tests/setup")
    with tempfile.TemporaryDirectory(prefix="tls-") as folder:
        folder = pathlib.Path(folder)
        make_chains(folder)
        pairs = ", ".join(f'{{ chain = "{folder}/{kind}.pem", key = "{folder}/{kind}.key" }}' for kind in ("ecdsa", "rsa"))
        settings = ["listener.2.self_signed=off", f"listener.2.certificates=[{pairs}]", "listener.2.encryption=required", "listener.2.client_certificates=ask",
                    "trunk.0.encryption=required"]
        gateway = own_gateway.OwnGateway(folder, settings, more=LEGACY.format(folder))
        gateway.settings.append("listener.3.address=%s:%d" % gateway.spare)
        with gateway:
            faults = clients(gateway, folder) + device(gateway, folder) + in_clear(gateway) + old_devices(gateway, folder)
            faults += reload(folder, gateway, ("ecdsa", gateway.tls, [])) + reload(folder, gateway, ("legacy", gateway.spare, OLD))
            faults += calls(gateway, folder)
            if fault := gateway.end():
                faults.append(fault)
    print("\n".join(f"FAILED {fault}" for fault in faults) if faults else "ok     openssl and baresip speak TLS with it")
    sys.exit(1 if faults else 0)


def openssl(*arguments):
    subprocess.run(["openssl", *map(str, arguments)], check=True, capture_output=True)


def make_chains(folder):
    """An authority, a chain of each kind, and a device's certificate of version 1."""
    openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", 90, "-subj", "/CN=Authority",
            "-keyout", folder / "authority.key", "-out", folder / "authority.pem")
    (folder / "names").write_text("subjectAltName=IP:127.0.0.1,DNS:localhost\n")
    for kind in ("ecdsa", "rsa", "legacy"):
        make_chain(folder, kind)
    openssl("req", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=room-17", "-keyout", folder / "device.key", "-out", folder / "device.csr")
    openssl("x509", "-req", "-sha1", "-in", folder / "device.csr", "-signkey", folder / "device.key", "-days", 90, "-out", folder / "device.pem")


def make_chain(folder, kind):
    key = ["ec", "-pkeyopt", "ec_paramgen_curve:P-256"] if kind == "ecdsa" else ["rsa:2048"]
    openssl("req", "-newkey", *key, "-nodes", "-subj", f"/CN={kind}.gateway", "-keyout", folder / f"{kind}.key", "-out", folder / f"{kind}.csr")
    openssl("x509", "-req", "-in", folder / f"{kind}.csr", "-CA", folder / "authority.pem", "-CAkey", folder / "authority.key",
            "-CAcreateserial", "-days", 90, "-extfile", folder / "names", "-out", folder / f"{kind}.pem")


def s_client(at, folder, name, more):
    """What it says after an OPTIONS to `at`, its report of the handshake included."""
    command = ["openssl", "s_client", "-connect", "%s:%d" % at, "-noservername", "-CAfile", folder / "authority.pem",
               "-verify_return_error", "-ign_eof", *more]
    client = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    try:
        client.stdin.write(OPTIONS.format(name.replace(" ", "-").replace(",", "")).encode())
        client.stdin.flush()
        said, until = b"", time.monotonic() + CLIENT_SECONDS
        while b"SIP/2.0 200" not in said and time.monotonic() < until and (more := client.stdout.readline()):
            said += more
        return said.decode(errors="replace")
    finally:
        client.kill()
        client.wait()


def clients(gateway, folder):
    faults = []
    for name, (more, key) in CLIENTS.items():
        said = s_client(gateway.tls, folder, name, more)
        if "SIP/2.0 200" not in said or f"PKEY: {key}" not in said:
            faults.append(f"openssl, {name}: {said[-800:]}")
        else:
            print(f"       openssl, {name}: {key}")
    return faults


def device(gateway, folder):
    said = s_client(gateway.tls, folder, "device", ["-tls1_2", "-cert", folder / "device.pem", "-key", folder / "device.key"])
    if "SIP/2.0 200" not in said or "a device showed its certificate" not in gateway.log.read_text():
        return [f"openssl, with a device's certificate: {said[-800:]}"]
    return []


def old_devices(gateway, folder):
    """TLS 1.0 is for those of the allow list, at the listener of its own."""
    faults = []
    said = s_client(gateway.spare, folder, "old", OLD)
    if not all(expected in said for expected in ("SIP/2.0 200", "TLSv1", "legacy.gateway")):
        faults.append(f"openssl, TLS 1.0: {said[-800:]}")
    else:
        print("       openssl, TLS 1.0: rsaEncryption")
    refused = {"nothing-in-common": (gateway.tls, OLD), "not-allowed": (gateway.spare, [*OLD, "-bind", "127.0.0.2:0"])}
    for result, (at, more) in refused.items():
        before = metric(gateway, result)
        if "SIP/2.0 200" in (said := s_client(at, folder, result, more)) or not counted(gateway, result, before):
            faults.append(f"openssl, TLS 1.0, {result}: {said[-800:]}")
    request = urllib.request.Request(f"{gateway.at.http}/v1/status", headers={"Authorization": f"Bearer {gateway.at.token}"})
    with urllib.request.urlopen(request, timeout=5) as answer:
        if (weak := json.load(answer)["weak"]) != [WEAK % gateway.spare]:
            faults.append(f"weak listeners are {weak}")
    if f"{WEAK % gateway.spare} is WEAK" not in gateway.log.read_text():
        faults.append("the log does not tell of the weak listener")
    return faults


def in_clear(gateway):
    before = metric(gateway, "not-tls")
    with socket.create_connection(gateway.tls) as stream:
        stream.sendall(OPTIONS.format("clear").encode())
        stream.settimeout(CLIENT_SECONDS)
        while stream.recv(4096):
            pass
    return [] if counted(gateway, "not-tls", before) else ["SIP in clear is not counted"]


def counted(gateway, result, before):
    until = time.monotonic() + CLIENT_SECONDS
    while metric(gateway, result) == before:
        if time.monotonic() > until:
            return False
        time.sleep(0.1)
    return True


def metric(gateway, result):
    with urllib.request.urlopen(f"{gateway.at.http}/metrics", timeout=5) as answer:
        lines = answer.read().decode().splitlines()
    return next((line.rsplit(" ", 1)[1] for line in lines if f'tls_handshakes_total{{result="{result}"}}' in line), "0")


def reload(folder, gateway, shown):
    kind, at, more = shown
    serial = lambda: subprocess.run(["openssl", "x509", "-noout", "-serial", "-in", folder / f"{kind}.pem"], capture_output=True).stdout
    before = serial()
    make_chain(folder, kind)
    gateway.process.send_signal(signal.SIGHUP)
    until = time.monotonic() + CLIENT_SECONDS
    while time.monotonic() < until:
        told = subprocess.run(["openssl", "s_client", "-connect", "%s:%d" % at, "-noservername", *more], stdin=subprocess.DEVNULL, capture_output=True).stdout
        now = subprocess.run(["openssl", "x509", "-noout", "-serial"], input=told, capture_output=True).stdout
        if now == serial() != before:
            return []
        time.sleep(0.2)
    return [f"a reload does not show the new certificate, {kind}"]


def calls(gateway, folder):
    phones, taken = {}, []
    for number, (name, hertz) in enumerate(PHONES.items()):
        settings = f"sip_cafile {folder}/authority.pem\nsip_verify_server yes\n"
        phone = Phone(f"1380000200{number}", hertz, folder / f"phone-{number}", [*gateway.at.media, gateway.tls[1], *taken],
                      encryption="srtp-mand", settings=settings)
        taken += range(phone.first, phone.first + PORTS_PER_PHONE)
        phones[name] = phone
    try:
        for name, phone in phones.items():
            if not phone.join("sip:%s@%s:%d;transport=tls" % (ACCESS, *gateway.tls), MEETING):
                return [f"baresip {name}: no answer; {phone.last_words()}"]
        time.sleep(SETTLE + TALK + 1)
        request = urllib.request.Request(f"{gateway.at.http}/v1/calls", headers={"Authorization": f"Bearer {gateway.at.token}"})
        with urllib.request.urlopen(request, timeout=5) as answer:
            shown = [call["secrecy"] for call in json.load(answer)]
        faults = [] if shown == ["encrypted"] * len(PHONES) else [f"the calls' badges are {shown}"]
        faults += [f"baresip {name}: the call ended by itself" for name, phone in phones.items() if not phone.in_call()]
        for phone in phones.values():
            phone.command("hangup")
        time.sleep(1)
        recordings = {name: phone.heard() for name, phone in phones.items()}
    finally:
        for phone in phones.values():
            phone.stop()
    return faults + heard(recordings)


def heard(recordings):
    faults = []
    for name, samples in recordings.items():
        other = next(hertz for phone, hertz in PHONES.items() if phone != name)
        level = max((tone_dbfs(samples[at:at + WINDOW], other) for at in range(0, max(len(samples) - WINDOW, 1), WINDOW)), default=-99)
        print(f"       baresip {name}: hears the other at {level:.0f} dBFS")
        if level < HEARD_DBFS:
            faults.append(f"baresip {name} does not hear the other")
    return faults


if __name__ == "__main__":
    main()
