#!/usr/bin/python3
"""Encrypted baresip phones in a meeting (MEDIA-2): a line each, exit code 1 if one fails.

usage: srtp_meeting.py

One phone offers RTP/SAVP, one RTP/SAVPF, one a=crypto on RTP/AVP, two UDP/TLS/RTP/SAVPF, of which one with rtcp-mux, one
nothing. Of these two one shows a certificate of RSA, baresip's own, the other one on P-256. Each sends a tone of its own. All hold and go on, and then each must hear the others. At a gateway that requires
encryption the last is refused with 488, and at one that has it off those with keys are.
"""

import json
import sys
import time
import urllib.request

sys.dont_write_bytecode = True

import by_itself
import own_gateway
from baresip_meeting import ACCESS, HEARD_DBFS, MEETING, SETTLE, TALK, UNHEARD_DBFS, WINDOW, tone_dbfs
from baresip_phone import PORTS_PER_PHONE, RATE, Phone

# User, what it offers, its tone, what the gateway shall say of it, its settings besides.
PHONES = {
    "SAVP": ("srtp-mand", 430, "keys-in-clear", ""),
    "SAVPF": ("srtp-mandf", 590, "keys-in-clear", ""),
    "best effort": ("srtp", 1040, "keys-in-clear", ""),
    "DTLS": ("dtls_srtp", 790, "fingerprint-in-clear", "rtcp_mux no\n"),
    "DTLS, muxed": ("dtls_srtp", 1930, "fingerprint-in-clear", "rtcp_mux yes\n"),
    "clear": (None, 1510, "not-offered", ""),
}
# Who shows another certificate than baresip's own, of RSA.
CERTIFICATES = {"DTLS, muxed": "P-256"}
HOLD_SECONDS = 3


def meet_and_refuse(folder):
    (folder / "meet").mkdir()
    with own_gateway.OwnGateway(folder / "meet") as gateway:
        faults = meet(gateway, folder)
        if fault := gateway.end():
            faults.append(fault)
    for policy, refused in (("required", "clear"), ("off", "SAVP"), ("off", "DTLS")):
        place = folder / f"{policy}-{refused}"
        place.mkdir()
        with own_gateway.OwnGateway(place, [f"trunk.0.encryption={policy}"]) as gateway:
            faults += refuse(gateway, place, refused)
    return faults


def phones_of(gateway, folder, names):
    taken, phones = [], {}
    for number, name in enumerate(names):
        encryption, hertz, _, settings = PHONES[name]
        phone = Phone(f"1380000100{number}", hertz, folder / f"phone-{number}", [*gateway.at.media, *taken], encryption=encryption,
                      settings=settings, certificate=CERTIFICATES.get(name))
        taken += range(phone.first, phone.first + PORTS_PER_PHONE)
        phones[name] = phone
    return phones


def meet(gateway, folder):
    phones = phones_of(gateway, folder, PHONES)
    try:
        for name, phone in phones.items():
            if not phone.join(f"sip:{ACCESS}@{gateway.at.host}:{gateway.at.port}", MEETING):
                return [f"{name}: no answer; {phone.last_words()}"]
        time.sleep(SETTLE + TALK)
        faults = badges(gateway, phones)
        for command in ("hold", "resume"):
            for phone in phones.values():
                phone.command(command)
            time.sleep(HOLD_SECONDS)
        time.sleep(TALK + 1)
        faults += [f"{name}: the call ended by itself" for name, phone in phones.items() if not phone.in_call()]
        faults += badges(gateway, phones)
        for phone in phones.values():
            phone.command("hangup")
        time.sleep(1)
        recordings = {name: phone.heard() for name, phone in phones.items()}
    finally:
        for phone in phones.values():
            phone.stop()
    return faults + who_hears_whom(recordings)


def badges(gateway, phones):
    calls = ask(gateway, "/v1/calls")
    shown = {call["caller"]: call["secrecy"] for call in calls}
    expected = {phone.user: PHONES[name][2] for name, phone in phones.items()}
    for call in calls:
        print(f"       {call['caller']}: {call['secrecy']}, {call['inbound']['signal']} in, {call['outbound']['signal']} out")
    return [] if shown == expected else [f"the gateway shows {shown}, not {expected}"]


def who_hears_whom(recordings):
    """In the last seconds, after all were held."""
    faults = []
    for listener, samples in recordings.items():
        samples = samples[-int(TALK * RATE):][:-RATE // 4]
        if len(samples) < 3 * RATE:
            faults.append(f"{listener} recorded {len(samples) / RATE:.1f} s only")
            continue
        row = []
        for talker, (_, hertz, *_) in PHONES.items():
            levels = sorted(tone_dbfs(samples[i:i + WINDOW], hertz) for i in range(0, len(samples) - WINDOW + 1, WINDOW))
            middle, loudest = levels[len(levels) // 2], levels[-1]
            row.append(f"{talker} {middle:.0f}")
            if (listener != talker and middle < HEARD_DBFS) or (listener == talker and loudest > UNHEARD_DBFS):
                faults.append(f"{listener} hears {talker}: {middle:.1f} dBFS, at most {loudest:.1f}")
        print(f"       {listener} hears, in dBFS: {', '.join(row)}")
    return faults


def refuse(gateway, folder, name):
    phones = phones_of(gateway, folder, [name])
    try:
        phone = phones[name]
        if phone.dial(f"sip:{ACCESS}@{gateway.at.host}:{gateway.at.port}"):
            return [f"{name} was taken"]
        closed = [event.get("param", "") for event in phone.events if event.get("type") == "CALL_CLOSED"]
        return [] if any("488" in reason for reason in closed) else [f"{name}: refused by {closed}; {phone.last_words()}"]
    finally:
        phones[name].stop()


def ask(gateway, path):
    request = urllib.request.Request(f"{gateway.at.http}{path}", headers={"Authorization": f"Bearer {gateway.at.token}"})
    with urllib.request.urlopen(request, timeout=5) as answer:
        return json.load(answer)


if __name__ == "__main__":
    by_itself.run(meet_and_refuse, __doc__, "all hear each other, encrypted or not", ["baresip"])
