#!/usr/bin/python3
"""What callers hear of who they call before it answers (OUT-3): a line each, exit code 1 if one fails.

usage: early_media.py

baresip calls SIPp through a trunk. SIPp says 183 and plays a tone; once that is over it answers and plays another, or refuses. In one case
its 183 waits for a PRACK (RFC 3262) and its 200 has no description. The caller must hear all of the first tone, and is told the
refusal.
"""

import dataclasses
import json
import sys
import time

import numpy

sys.dont_write_bytecode = True

import by_itself
import gateway_under_test
import own_gateway
import rtp_script
import sipp_caller
from baresip_phone import PORTS_PER_PHONE, Phone
from sipp_steps import has, hung_up, pause, play, receive, reply, scenario, sdp


@dataclasses.dataclass(frozen=True)
class Case:
    """Of the caller its codec and encryption; `refusal` is how the call ends that is not answered."""

    codec: str = "pcma"
    encryption: str = None
    acknowledged: bool = False
    refusal: tuple = None


CASES = {
    "answered": Case(),
    "answered, its 183 acknowledged, the caller encrypted": Case(encryption="srtp-mand", acknowledged=True),
    "not in service": Case(refusal=(404, "Not Found")),
    "not in service, told by another codec": Case(codec="opus", acknowledged=True, refusal=(404, "Not Found")),
}
EARLY_HERTZ, ANSWERED_HERTZ, OWN_HERTZ = 430, 1510, 990
EARLY, ANSWERED = 3.0, 3.0
# Of a tone so much must be heard: the first of it may come before the caller listens.
SHARE = 0.8
HEARD_DBFS = -40.0
CASE_SECONDS = 25
TRUNK = """
[[trunk]]
name = "callee-{number}"
zone = "trunk"
peers = ["192.0.2.{number}"]
address = "127.0.0.1:{port}"
"""


def call_all(folder):
    (folder / "gateway").mkdir()
    gateway = own_gateway.OwnGateway(folder / "gateway")
    taken, calls = [*gateway.at.media, gateway.at.port, gateway.at.port + 1], []
    try:
        for number, (name, case) in enumerate(CASES.items(), 1):
            calls.append(Call(name, case, folder / str(number), taken))
            taken += calls[-1].ports
            with open(gateway.config, "a") as config:
                config.write(TRUNK.format(number=number, port=calls[-1].port))
        routes = ", ".join(f'"551{number} -> trunk:callee-{number}"' for number in range(1, len(CASES) + 1))
        gateway.settings.append(f"dialplan.routes=[{routes}]")
        with gateway:
            for number, call in enumerate(calls, 1):
                call.phone.command("dial", f"sip:551{number}@{gateway.at.host}:{gateway.at.port}")
            time.sleep(EARLY + ANSWERED + 3)
            for call in calls:
                call.phone.command("hangup")
            time.sleep(2)
            faults = [fault for call in calls for fault in call.faults()]
            left = json.loads(gateway.ask("GET", "/v1/status")[1])["load"]["calls"]
            if left:
                faults.append(f"{left} calls are left\n{gateway.last_log()}")
            if fault := gateway.end():
                faults.append(fault)
        return faults
    finally:
        for call in calls:
            call.stop()


class Call:
    def __init__(self, name, case, folder, taken):
        self.name, self.case, self.folder = name, case, folder
        folder.mkdir()
        self.port = gateway_under_test.free_ports(4, set(taken))
        self.phone = Phone("13800138000", OWN_HERTZ, folder / "phone", [*taken, *range(self.port, self.port + 4)], codec=case.codec, encryption=case.encryption)
        self.ports = [*range(self.port, self.port + 4), *range(self.phone.first, self.phone.first + PORTS_PER_PHONE)]
        rtp_script.Script().tone(EARLY_HERTZ, EARLY).write(folder / "early.pcap")
        rtp_script.Script(ssrc=2).tone(ANSWERED_HERTZ, ANSWERED).write(folder / "answered.pcap")
        file = folder / "callee.xml"
        file.write_text(scenario(name, self.steps()))
        self.callee = sipp_caller.start(file, folder, self.port, "udp", CASE_SECONDS, ["-key", "caller", "5510"])

    def steps(self):
        """Of SIPp. Each answer names the INVITE, whatever came since."""
        tag, reliable = "early", ["Require: 100rel", "RSeq: 1"] if self.case.acknowledged else []
        steps = receive("INVITE", *(has(header, name=header.lower()) for header in ("Via", "From", "To", "CSeq")))
        steps += reply(183, "Session Progress", headers=reliable, content=sdp(), kept=True, tag=tag)
        if self.case.acknowledged:
            steps += receive("PRACK", has("RAck", "1 1 INVITE")) + reply(200, "OK")
        steps += play("early.pcap") + pause(round((EARLY + 1) * 1000))
        if self.case.refusal:
            return steps + reply(*self.case.refusal, kept=True, tag=tag) + receive("ACK")
        steps += reply(200, "OK", content=None if self.case.acknowledged else sdp(), kept=True, tag=tag) + receive("ACK")
        return steps + play("answered.pcap") + hung_up()

    def faults(self):
        code, phone = self.callee.wait(), self.phone
        if code != 0:
            yield f"{self.name}: SIPp exit code {code}: {sipp_caller.last_words(self.folder)}"
        if phone.seen("CALL_ESTABLISHED") != (self.case.refusal is None):
            yield f"{self.name}: answered, or not, as it should not be; {phone.last_words()}"
        if self.case.refusal and str(self.case.refusal[0]) not in phone.ending():
            yield f"{self.name}: the caller is told {phone.ending()!r}"
        heard = numpy.array(phone.heard(), dtype=float)
        early, answered = (loud_seconds(heard, hertz, phone.rate) for hertz in (EARLY_HERTZ, ANSWERED_HERTZ))
        print(f"       {self.name:54} {early:.1f} s before the answer, {answered:.1f} s after it")
        if early < SHARE * EARLY:
            yield f"{self.name}: before the answer the caller hears {early:.1f} s of {EARLY} s"
        if not self.case.refusal and answered < SHARE * ANSWERED:
            yield f"{self.name}: after the answer the caller hears {answered:.1f} s of {ANSWERED} s"

    def stop(self):
        self.phone.stop()
        if self.callee.poll() is None:
            self.callee.kill()
            self.callee.wait()


def loud_seconds(samples, hertz, rate):
    """How long a tone is heard, by tenths of a second."""
    window = rate // 10
    shape = numpy.hanning(window) * numpy.exp(-2j * numpy.pi * hertz * numpy.arange(window) / rate)
    levels = [abs(samples[at:at + window] @ shape) * 4 / window / 32768 for at in range(0, len(samples) - window, window)]
    return sum(20 * numpy.log10(max(level, 1e-9)) > HEARD_DBFS for level in levels) / 10


if __name__ == "__main__":
    by_itself.run(call_all, __doc__, "callers hear who they call before it answers", ["baresip", "sipp"])
