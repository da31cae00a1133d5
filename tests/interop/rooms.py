#!/usr/bin/python3
"""baresip and linphone as room systems by TLS (ROOM-4, ROOM-12, ISO-1): a line each, exit code 1 if one fails.

usage: rooms.py

Run as root: linphone wants a network that leads somewhere, so all run in a network namespace whose way out is its loopback. Both
register by TLS as accounts of the demonstration, dial a meeting with its password, and must hear each other and not themselves; then
baresip calls linphone, then linphone baresip. A baresip that registers as a third account, by the instance of the first, is refused a
second meeting. The sixteenth device finds no licence, and the API says why.
"""

import sys
import time
import uuid

sys.dont_write_bytecode = True

import by_itself
import own_gateway
from baresip_phone import PORTS_PER_PHONE, Phone
from linphone_meeting import ALONE, HEARD_DBFS, START_SECONDS, UNHEARD_DBFS, Linphone, ask, dbfs, recording
from registering import Device, has_bindings, registration

MEETING, OTHER_MEETING = "900100001*1234", "900100002*1234"
TONES = {"1001": 430, "1002": 590}
# linphone does not register from an address of loopback.
ABROAD = [word.replace("route add default dev lo", "addr add 192.0.2.77/32 dev lo && ip route add default dev lo src 192.0.2.77") for word in ALONE]
# Who dials what, in turn.
CALLS = {"in a meeting": {"1001": MEETING, "1002": MEETING}, "1001 calls 1002": {"1001": "1002"}, "1002 calls 1001": {"1002": "1001"}}
TALK_SECONDS, IN_SECONDS = 6, 20
LICENCES = 15
LINPHONE = """\
[proxy_0]
reg_proxy=<sip:{host}:{port};transport=tls>
reg_identity=sip:1002@{host}
reg_expires=600
reg_sendregister=1
[auth_info_0]
username=1002
passwd=Demo-1002
realm=gateway
domain={host}
algorithm=MD5
"""
# The certificate is one that nobody vouches for.
TRUSTING = "default_proxy=0\nverify_server_certs=0\nverify_server_cn=0\nuse_rfc2833=1"




class Room(Device):
    """By the demonstration's own realm."""

    realm, asked = "gateway", ["MD5"]


def rooms(folder):
    with own_gateway.OwnGateway(folder, ["listener.2.encryption=required"]) as gateway:
        faults = meet_and_call(gateway, folder)
        faults += licences(gateway)
        if fault := gateway.end():
            faults.append(fault)
    return faults


def meet_and_call(gateway, folder):
    taken, instance = [*gateway.at.media, gateway.tls[1]], str(uuid.uuid4())
    host, port = gateway.tls
    phones = {}
    try:
        phones["1001"] = baresip(gateway, "1001", folder, taken, instance)
        linphone = LINPHONE.format(host=host, port=port)
        phones["1002"] = Linphone("1002", TONES["1002"], folder / "1002", taken, keys=TRUSTING, account=linphone)
        taken += range(phones["1002"].first, phones["1002"].first + PORTS_PER_PHONE)
        for name in phones:
            if fault := has_bindings(gateway, name, 1):
                return [f"{name} does not register: {fault}\n{words(phones[name])}"]
        time.sleep(START_SECONDS)
        faults = []
        for number, (what, calls) in enumerate(CALLS.items()):
            faults += [f"{what}: {fault}" for fault in together(gateway, phones, number, calls)]
            if number == 0:
                faults += elsewhere(gateway, folder, taken, instance)
            hang_up(gateway, phones)
            faults += [f"{what}: {fault}" for fault in heard(phones, what)]
        return faults
    finally:
        for phone in phones.values():
            phone.stop()


def baresip(gateway, name, folder, taken, instance):
    host, port = gateway.tls
    account = f'<sip:{name}@{host}>;regint=60;auth_user={name};auth_pass=Demo-{name};outbound="sip:{host}:{port};transport=tls"'
    phone = Phone(name, TONES["1001"], folder / name, taken, answers=True, encryption="srtp-mand", settings=f"sip_cafile {folder}/state/tls-self-signed.pem\nsip_verify_server yes\n",
                  account=account, instance=instance)
    taken += range(phone.first, phone.first + PORTS_PER_PHONE)
    return phone


def words(phone):
    return phone.words() if isinstance(phone, Linphone) else phone.last_words()


def together(gateway, phones, number, calls):
    """Who calls whom, and that both are in; what is wrong."""
    linphone = phones["1002"]
    linphone.records = f"heard-{number}.wav"
    for line in ("soundcard use files", "play tone.wav", f"record {linphone.records}", "autoanswer enable"):
        linphone.command(line)
    for caller, called in calls.items():
        uri = "sip:%s@%s:%d;transport=tls" % (called, *gateway.tls)
        linphone.command(f"call {uri}") if caller == "1002" else phones[caller].command("dial", uri)
    until = time.monotonic() + IN_SECONDS
    while (joined := sum(ask(gateway, "/v1/status")["load"][at] for at in ("in_meetings", "bridged"))) < 2:
        if time.monotonic() > until:
            return [f"of two {joined} are in\n{words(phones['1001'])}\n{gateway.last_log()}"]
        time.sleep(0.1)
    time.sleep(TALK_SECONDS + 1)
    shown = [call["secrecy"] for call in ask(gateway, "/v1/calls")]
    return [] if shown == ["encrypted"] * 2 else [f"the calls' badges are {shown}"]


def elsewhere(gateway, folder, taken, instance):
    """The device of 1001 under another account, while it is in a meeting."""
    phone = baresip(gateway, "1003", folder, taken, instance)
    try:
        if fault := has_bindings(gateway, "1003", 1):
            return [f"1003 does not register: {fault}\n{words(phone)}"]
        phone.command("dial", "sip:%s@%s:%d;transport=tls" % (OTHER_MEETING, *gateway.tls))
        phone.wait_for("CALL_ESTABLISHED", 5)
        closed = [entry["param"] for entry in phone.events if entry.get("type") == "CALL_CLOSED"]
        return [] if closed and closed[0].startswith("486") else [f"one device in two meetings: {closed}\n{words(phone)}"]
    finally:
        phone.stop()


def hang_up(gateway, phones):
    phones["1001"].command("hangup")
    phones["1002"].command("terminate")
    until = time.monotonic() + IN_SECONDS
    while ask(gateway, "/v1/calls") and time.monotonic() < until:
        time.sleep(0.1)
    time.sleep(1)


def heard(phones, what):
    faults = []
    for name, phone in phones.items():
        samples, rate = recording(phone)
        if len(samples) < TALK_SECONDS * rate:
            faults.append(f"{name} recorded {len(samples) / rate:.1f} s only")
            continue
        samples = samples[-TALK_SECONDS * rate:-rate]
        levels = {talker: dbfs(samples, hertz, rate) for talker, hertz in TONES.items()}
        print(f"       {what}: {name} hears, in dBFS: {', '.join(f'{talker} {level:.0f}' for talker, level in levels.items())}")
        faults += [f"{name} hears {talker} at {level:.1f} dBFS" for talker, level in levels.items()
                   if (level < HEARD_DBFS if talker != name else level > UNHEARD_DBFS)]
    return faults


def licences(gateway):
    names = [str(1001 + number) for number in range(LICENCES + 1)]
    faults = [fault for name in names if (fault := has_bindings(gateway, name, 0))]
    for name in names:
        room = Room(gateway, name, f"Demo-{name}", algorithm="MD5")
        wanted = 200 if name != names[-1] else 403
        faults += [f"device {name}: {fault}" for fault in (room.challenged() or room.expect(wanted, room.credentials()),) if fault]
    last = registration(gateway, names[-1])["attempts"][-1]
    told = (last["outcome"], last["words"], last["advice"])
    expected = ({"no-licence": {"licences": LICENCES}}, "许可数量不足", "no licence of this type is left for the tenant")
    return faults if told == expected else [*faults, f"the sixteenth device is told {told}"]


if __name__ == "__main__":
    by_itself.run(rooms, __doc__, "room systems register, meet, call each other, and are in one meeting", ["baresip", "linphonec"], ABROAD)
