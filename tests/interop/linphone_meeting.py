#!/usr/bin/python3
"""linphone phones, which must have SRTP, and one of baresip's in a meeting (MEDIA-2): a line each, exit code 1 if one fails.

usage: linphone_meeting.py

Run as root: linphone wants a network that leads somewhere, so all run in a network namespace whose way out is its loopback. Each sends
a tone of its own. The linphones key the meeting by RFC 4733, hold and go on, and then each must hear the others and not itself. Then
linphone calls baresip through a trunk, and the keys that it sends by SIP INFO must be telephone events there. At a gateway that has
encryption off linphone is refused.
"""

import array
import os
import subprocess
import sys
import time
import wave

sys.dont_write_bytecode = True

import numpy

import by_itself
import gateway_under_test
import own_gateway
from baresip_meeting import ACCESS, MEETING
from baresip_phone import PORTS_PER_PHONE, Phone
from baresip_wide import dbfs
from srtp_meeting import ask

ALONE = ["unshare", "--net", "--mount", "sh", "-c",
         'mount --bind /dev/null /etc/resolv.conf && ip link set lo up && ip route add default dev lo && exec "$@"', "sh"]
TONES = {"linphone": 430, "second linphone": 590, "clear": 1510}
START_SECONDS, TALK_SECONDS, HOLD_SECONDS = 3, 6, 2
KEYS = "1559"
TRUNK = """
[[trunk]]
name = "phone"
zone = "trunk"
peers = ["192.0.2.1"]
address = "127.0.0.1:{port}"
"""
HEARD_DBFS, UNHEARD_DBFS = -40.0, -55.0
RATE = 48000
CONFIG = """\
[sip]
sip_port={sip}
sip_tcp_port=-1
sip_tls_port=-1
contact="{user}" <sip:{user}@127.0.0.1>
guess_hostname=0
use_ipv6=0
default_proxy=-1
{keys}
media_encryption=srtp
media_encryption_mandatory=1
[rtp]
audio_rtp_port={media}
[sound]
echocancellation=0
[video]
enabled=0
capture=0
display=0
automatically_initiate=0
automatically_accept=0
[misc]
use_files=1
"""


class Linphone:
    """linphonec, which takes commands by its standard input."""

    def __init__(self, user, hertz, folder, avoid, keys="use_rfc2833=1", account=""):
        """`account`: what its configuration says of where it registers."""
        self.user, self.folder, self.records = user, folder, "heard.wav"
        self.first = gateway_under_test.free_ports(PORTS_PER_PHONE, set(avoid))
        (folder / ".local/share/linphone").mkdir(parents=True)
        (folder / "rc").write_text(CONFIG.format(user=user, sip=self.first, media=self.first + 2, keys=keys) + account)
        write_tone(folder / "tone.wav", hertz)
        self.said = open(folder / "said", "w")
        environment = {**os.environ, "HOME": str(folder)}
        self.process = subprocess.Popen([*gateway_under_test.URGENT, "linphonec", "-c", folder / "rc", "-d", "6", "-l", folder / "log"],
                                        stdin=subprocess.PIPE, stdout=self.said, stderr=subprocess.STDOUT, env=environment, text=True, cwd=folder)

    def command(self, line):
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()

    def dial(self, uri):
        """Whether it was answered."""
        for line in ("soundcard use files", "play tone.wav", f"record {self.records}", f"call {uri}"):
            self.command(line)
        return self.wait_for("Media streams established", 10)

    join = Phone.join

    def press(self, digits):
        for digit in digits:
            self.command(digit)
            time.sleep(0.4)

    def wait_for(self, words, seconds):
        until = time.monotonic() + seconds
        while words not in self.words():
            if time.monotonic() > until or " error." in self.words():
                return False
            time.sleep(0.1)
        return True

    def words(self):
        return (self.folder / "said").read_text(errors="replace")

    def heard(self):
        with wave.open(str(self.folder / self.records)) as file:
            samples = array.array("h", file.readframes(file.getnframes()))[::file.getnchannels()]
            return numpy.array(samples, dtype=float), file.getframerate()

    def stop(self):
        if self.process.poll() is None:
            for line in ("terminate", "quit"):
                self.command(line)
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.said.close()


def meet_call_and_refuse(folder):
    (folder / "meet").mkdir()
    with own_gateway.OwnGateway(folder / "meet") as gateway:
        faults = meet(gateway, folder)
        if fault := gateway.end():
            faults.append(fault)
    (folder / "call").mkdir()
    faults += call(folder)
    (folder / "off").mkdir()
    with own_gateway.OwnGateway(folder / "off", ["trunk.0.encryption=off"]) as gateway:
        faults += refuse(gateway, folder / "refused")
    return faults


def meet(gateway, folder):
    taken, phones = list(gateway.at.media), {}
    try:
        for number, (name, hertz) in enumerate(TONES.items()):
            kind = Phone if name == "clear" else Linphone
            phones[name] = kind(f"1380000200{number}", hertz, folder / f"phone-{number}", taken)
            taken += range(phones[name].first, phones[name].first + PORTS_PER_PHONE)
        time.sleep(START_SECONDS)
        for name, phone in phones.items():
            if not phone.join(f"sip:{ACCESS}@{gateway.at.host}:{gateway.at.port}", MEETING):
                return [f"{name}: no answer\n{gateway.last_log()}"]
        time.sleep(TALK_SECONDS)
        faults = badges(gateway)
        for command in ("pause", "resume"):
            for name in ("linphone", "second linphone"):
                phones[name].command(command)
            time.sleep(HOLD_SECONDS)
        time.sleep(TALK_SECONDS + 1)
        faults += badges(gateway)
    finally:
        for phone in phones.values():
            phone.stop()
    for listener, phone in phones.items():
        samples, rate = recording(phone)
        if len(samples) < TALK_SECONDS * rate:
            faults.append(f"{listener} recorded {len(samples) / rate:.1f} s only")
            continue
        samples = samples[-TALK_SECONDS * rate:-rate]
        levels = {talker: dbfs(samples, hertz, rate) for talker, hertz in TONES.items()}
        print(f"       {listener} hears, in dBFS: {', '.join(f'{talker} {level:.0f}' for talker, level in levels.items())}")
        faults += [f"{listener} hears {talker} at {level:.1f} dBFS" for talker, level in levels.items()
                   if (level < HEARD_DBFS if talker != listener else level > UNHEARD_DBFS)]
    return faults


def call(folder):
    """From linphone, whose keys come by INFO, to baresip, who reads them in the media."""
    gateway = own_gateway.OwnGateway(folder / "call")
    caller = callee = None
    try:
        callee = Phone("13800002010", TONES["clear"], folder / "callee", [*gateway.at.media, gateway.at.port, gateway.at.port + 1], answers=True)
        taken = [*gateway.at.media, *range(callee.first, callee.first + PORTS_PER_PHONE)]
        caller = Linphone("13800002011", TONES["linphone"], folder / "caller", taken, keys="use_info=1\nuse_rfc2833=0")
        with open(gateway.config, "a") as config:
            config.write(TRUNK.format(port=callee.first))
        gateway.settings.append('dialplan.routes=["5501 = 13800002010 -> trunk:phone"]')
        with gateway:
            time.sleep(START_SECONDS)
            if not caller.dial(f"sip:5501@{gateway.at.host}:{gateway.at.port}"):
                return [f"linphone to baresip: no answer\n{gateway.last_log()}"]
            time.sleep(1)
            caller.press(KEYS)
            time.sleep(TALK_SECONDS)
            digits = callee.digits()
            caller.command("terminate")
            time.sleep(1)
            sent = (caller.folder / "log").read_text(errors="replace").count("application/dtmf-relay")
            heard = {name: dbfs(recording(callee)[0], hertz, callee.rate) for name, hertz in TONES.items()}
    finally:
        for phone in (caller, callee):
            if phone:
                phone.stop()
    print(f"       baresip is told the keys {''.join(digits)}, hears linphone at {heard['linphone']:.0f} dBFS and itself at {heard['clear']:.0f}")
    faults = [] if digits == list(KEYS) else [f"of the keys {KEYS} baresip was told {digits}"]
    faults += [] if sent else ["linphone sent no key by INFO"]
    if heard["linphone"] < HEARD_DBFS or heard["clear"] > UNHEARD_DBFS:
        faults.append(f"baresip hears {heard}")
    return faults


def recording(phone):
    if isinstance(phone, Linphone):
        return phone.heard()
    return numpy.array(phone.heard(), dtype=float), phone.rate


def badges(gateway):
    shown = sorted(call["secrecy"] for call in ask(gateway, "/v1/calls"))
    expected = ["keys-in-clear", "keys-in-clear", "not-offered"]
    return [] if shown == expected else [f"the gateway shows {shown}, not {expected}"]


def refuse(gateway, folder):
    phone = Linphone("13800002009", 430, folder, gateway.at.media)
    try:
        time.sleep(START_SECONDS)
        if phone.dial(f"sip:{ACCESS}@{gateway.at.host}:{gateway.at.port}"):
            return ["linphone was taken where encryption is off"]
        return [] if "SIP/2.0 488" in (folder / "log").read_text(errors="replace") else [f"linphone was not refused with 488: {phone.words()}"]
    finally:
        phone.stop()


def write_tone(path, hertz):
    sox = ["sox", "-n", "-r", str(RATE), "-c", "1", "-b", "16", path, "synth", "120", "sine", str(hertz), "gain", "-10"]
    subprocess.run(sox, check=True)


if __name__ == "__main__":
    by_itself.run(meet_call_and_refuse, __doc__, "linphone hears and is heard, encrypted, held and resumed", ["linphonec"], ALONE)
