"""What a caller may send on a trunk, and what it must be answered: one scenario each, run over UDP and over TCP.

A case that fails for a reason we know stands in KNOWN too, by its name or by NAME/TRANSPORT. It then prints `known`; once it
passes it fails, until it is struck off.
"""

import dataclasses

import keys_damaged
from sipp_steps import (ANSWERED, FAX, acknowledge, answered, ask, body, bye, call, cancel, has, hung_up, invite, lacks, mark, maybe, no_body, pause,
                        play, receive, refused, reoffer, reply, sdp, send)

BOTH = ("udp", "tcp")
SIX = ("udp6", "tcp6")

ECHO, RING_THEN_TONE, RING = "9001", "9002", "9003"
IVR = "access"
PASSWORD = "1234"

KNOWN = {}


@dataclasses.dataclass(frozen=True)
class Case:
    """`media` is one of the runner's: what is played, and what must be heard or have happened.

    `steps` may be a function of the meeting that is to be joined.
    """

    steps: object
    number: str = ECHO
    seconds: int = 12
    transports: tuple = BOTH
    options: tuple = ()
    media: str = ""


def with_digits(kind, keys, first, after=pause(150)):
    """INFO for each key."""
    bodies = {"application/dtmf-relay": lambda key: [f"Signal={key}", "Duration=160"], "application/dtmf": lambda key: [key]}
    steps = []
    for offset, key in enumerate(keys):
        steps += ask("INFO", first + offset, 200, kind=kind, content=bodies[kind](key)) + after
    return steps


def joins(kind):
    """ID and password keyed by INFO."""
    def steps(meeting):
        keys = with_digits(kind, meeting + "#", 2) + pause(1500) + with_digits(kind, PASSWORD + "#", 20)
        return call() + pause(1500) + keys + pause(3000) + bye(40)
    return Case(steps, IVR, 30, media="joined")


def keyed(event, first=None, sends=None):
    """ID and password keyed by RFC 4733: at the payload type of our offer, or `sends`, that of theirs."""
    first = first or call(body(f"a=rtpmap:{event} telephone-event/8000"), content=sdp(f"8 {event}", event=event))
    return Case(first + play() + pause(9000) + bye(), IVR, 30, media=f"joined by {event if sends is None else sends}")


def in_media(way):
    """ID and password by a way of keys_damaged.py, which may be of another codec or payload type."""
    script = keys_damaged.joining(way, "900100001", PASSWORD)
    event, codec = script.event, script.codec.payload_type
    offered = str(codec) if way == "sound-only" else f"{codec} {event}"
    return Case(lambda _: call(content=sdp(offered, event=event, clock=script.event_clock)) + play() + pause(round(script.seconds() * 1000)) + bye(), IVR, 60, ("udp",), media=f"keys {way}")


def in_media_and_info(way):
    """The same keys by all three at once; INFO as often as they come in media."""
    def steps(meeting):
        between = pause(keys_damaged.PERIOD_MS - 10)
        keys = [with_digits("application/dtmf-relay", key, number, after=between) for number, key in enumerate(meeting + "#" + PASSWORD + "#", 2)]
        after = pause(100 if keys_damaged.WITH_INFO[way] == 0 else 0)
        return call() + play() + after + sum(keys[:len(meeting) + 1], []) + pause(1200) + sum(keys[len(meeting) + 1:], []) + pause(3000) + bye(40)
    return Case(steps, IVR, 60, ("udp",), media=f"keys {way}")


def hold(version, *, held="sendonly", answer="recvonly", address="[media_ip]"):
    """Hold, and the end of it: what we answer follows from RFC 3264 §6.1."""
    resumed = body("a=sendrecv|a=ptime")
    return (call() + reoffer(2, body(answer), body("m=audio [1-9]"), content=sdp(version=version, direction=held, address=address))
            + reoffer(3, resumed, no_body("a=(recvonly|sendonly|inactive)"), content=sdp(version=version + 1)) + bye())


def unknown_dialog(method, **more):
    return ask(method, 2, 481, inside=False, to_tag="nobody", **more)


def held(**description):
    """Two seconds of ringing, two of a tone that is on hold."""
    return invite(content=sdp(**description)) + maybe("100") + receive("180") + receive("200", timeout=4000) + acknowledge() + pause(2000)


def unheard_of(number):
    return ask("OPTIONS", number, 481)


def we_refresh(allow="Allow: INVITE, ACK, CANCEL, BYE, OPTIONS, INFO, UPDATE"):
    """A call whose refresher we are: after 45 s."""
    return call(has("Session-Expires", "90 *; *refresher=uas"), has("Supported", "timer"), headers=[TIMER, allow, "Session-Expires: 90;refresher=uas"])


# The four lines of a room system: sound, pictures, BFCP, far-end camera control.
VIDEO = ["m=video 40002 RTP/AVPF 97", "a=rtpmap:97 H264/90000", "a=rtcp-fb:* ccm fir"]
BFCP = ["m=application 40004 TCP/BFCP *", "a=floorctrl:c-s", "a=confid:1", "a=userid:1"]
CAMERA = ["m=application 40006 RTP/AVP 100", "a=rtpmap:100 H224/4800"]
REFUSED_LINES = "m=video 0 RTP/AVPF 97.*m=application 0 TCP/BFCP.*m=application 0 RTP/AVP 100"

# What SIP-I trunks send: the description, and ISUP beside it.
PARTS = ["--cut", "Content-Type: application/sdp", "", *sdp(), "--cut", "Content-Type: application/isup;version=itu-t92+",
         "Content-Disposition: signal;handling=optional", "", "01 10 48 00", "--cut--"]

KPML = ['<?xml version="1.0" encoding="UTF-8"?>', '<kpml-request xmlns="urn:ietf:params:xml:ns:kpml-request" version="1.0">',
        '<pattern persist="persist"><regex>x</regex></pattern></kpml-request>']

TIMER = "Supported: timer, 100rel"
NO_UPDATE = "Allow: INVITE, ACK, CANCEL, BYE, OPTIONS, INFO"
REFRESHED = ["Require: timer", "Session-Expires: 90;refresher=uac"]
UPDATED = receive("UPDATE", has("Session-Expires", "90 *; *refresher=uac"), has("Supported", "timer"), no_body(), timeout=50000)
REINVITED_KEPT = receive("INVITE", has("Via", ".+", "via"), has("CSeq", ".+", "cseq"), has("From", ".+", "from"), has("To", ".+", "to"), timeout=50000)
# RFC 4028 §7.4: what was said before, with the version unchanged.
REINVITED = receive("INVITE", has("Session-Expires", "90 *; *refresher=uac"), body("o=[^ ]+ [0-9]+ 1 IN.*m=audio [1-9]"), timeout=50000)

CASES = {
    # RFC 3261 §8.2: what is refused before anybody is asked.
    "merged": Case(invite() + maybe("100") + receive("180") + invite(branch="other") + refused(482, branch="other") + cancel(), RING),
    "max-forwards-0": Case(call(forwards=0) + bye()),
    "require-unknown": Case(invite(headers=["Require: 100rel, nothingSupportsThis"]) + refused(420, has("Unsupported", "nothingSupportsThis"), lacks("Unsupported", "100rel"))),
    "unknown-method": Case(ask("FLY", 1, 501, has("Allow", "INVITE"), inside=False)),
    "unknown-method-in-dialog": Case(call() + ask("FLY", 2, 501, has("Allow", "INVITE")) + bye()),
    "not-allowed": Case([step for number, method in enumerate(("SUBSCRIBE", "NOTIFY", "MESSAGE", "PUBLISH", "REGISTER"), 1)
                         for step in ask(method, number, 405, has("Allow", "INVITE.*OPTIONS"), inside=False)]),
    "body-unknown": Case(invite(kind="application/unknown", content=["what is it"]) + refused(415, has("Accept", "application/sdp"))),
    "body-encoded": Case(invite(headers=["Content-Encoding: gzip"]) + refused(415, has("Accept-Encoding"))),
    "body-optional": Case(call(body("m=audio [1-9]"), headers=["Content-Disposition: render;handling=optional"], kind="text/plain", content=["a note"], ack=sdp()) + bye()),
    "body-in-parts": Case(call(body("m=audio [1-9]"), kind="multipart/mixed;boundary=cut", content=PARTS) + bye()),
    "accept-no-sdp": Case(invite(headers=["Accept: text/plain"]) + refused(406)),
    "body-malformed": Case(invite(content=["v=0", "nonsense"]) + refused(400)),
    "dialog-unknown": Case([step for method in ("BYE", "INFO", "UPDATE", "OPTIONS", "PRACK") for step in
                            unknown_dialog(method, headers=["RAck: 1 1 INVITE"] if method == "PRACK" else [])]),
    "reinvite-unknown-dialog": Case(send("INVITE", 2, to_tag="nobody", content=sdp()) + maybe("100") + receive("481")
                                    + send("ACK", 2, branch="INVITE2", to_tag="nobody", contact=False)),
    "cseq-lower": Case(invite(5) + answered(number=5) + ask("INFO", 4, 500) + ask("OPTIONS", 6, 200) + bye()),
    "register": Case(ask("REGISTER", 1, 405, has("Allow", "INVITE"), inside=False, uri="sip:[remote_ip]:[remote_port]")),
    "options-in-dialog": Case(call() + ask("OPTIONS", 2, 200, has("Allow", "INVITE"), has("Accept", "application/sdp"), has("Supported")) + bye()),
    "refer": Case(call() + ask("REFER", 2, 603, headers=["Refer-To: <sip:somebody@example.com>"]) + ask("OPTIONS", 3, 200) + bye()),
    "refer-outside": Case(ask("REFER", 1, 603, inside=False, headers=["Refer-To: <sip:somebody@example.com>"])),
    "compact": Case(call(compact=True, headers=["k: 100rel", "e: identity", "s: compact forms"]) + bye()),

    # RFC 3261 §9, §13, §17: the INVITE.
    "absorbed": Case(invite() + maybe("100") + receive("180") + [step.replace(' retrans="500"', "") for step in invite()] + receive("180")
                     + pause(300) + cancel(), RING, options=("-nr",)),
    "cancel-late": Case(invite() + maybe(*ANSWERED) + receive("200") + send("CANCEL", 1, branch="INVITE1", contact=False) + receive("200")
                        + acknowledge() + ask("OPTIONS", 2, 200) + bye()),
    "cancel-stray": Case(ask("CANCEL", 1, 481, inside=False, branch="nothing", contact=False)),
    # 64*T1 after the 200, which comes again until then: BYE (§13.3.1.4).
    "ack-lost": Case(invite() + maybe(*ANSWERED) + receive("200") + receive("200", timeout=2000) + receive("200", timeout=2000) + receive("200", timeout=3000)
                     + maybe("200") + hung_up(timeout=12000), seconds=25, options=("-nr",)),
    # Some leave the tag out; without a look at the rest the 200 would come again, and BYE after 64*T1.
    "ack-without-tag": Case(invite() + maybe(*ANSWERED) + receive("200") + send("ACK", 1, uri="[next_url]", contact=False) + pause(8000)
                            + ask("OPTIONS", 2, 200) + bye(), seconds=20),
    "record-route": Case(call(has("Record-Route", ";lr"), content=None, headers=["Record-Route: <sip:[local_ip]:[local_port];transport=[transport];lr>"])
                         + hung_up(has("Route", ";lr")), seconds=15),
    "ring-then-answer": Case(invite() + maybe("100") + receive("180", has("Contact")) + receive("200", timeout=4000) + acknowledge() + pause(300) + bye(), RING_THEN_TONE),
    "bye-early": Case(invite() + maybe("100") + receive("180") + ask("BYE", 2, 200, contact=False) + refused(487), RING),

    # RFC 3264: offers and answers.
    "no-codec": Case(invite(content=[line for line in sdp("18 101") if "PCMA" not in line]) + refused(488)),
    "fax-only": Case(invite(content=FAX) + refused(488)),
    "fax-in-call": Case(call() + invite(2, content=FAX, inside=True) + refused(488, number=2, inside=True) + ask("OPTIONS", 3, 200)
                        + reoffer(4, body("m=audio [1-9]")) + bye()),
    "srtp-sdes": Case(call(body("m=audio [1-9][0-9]* RTP/SAVP .*a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:"), content=sdp(
        profile="RTP/SAVP", more=["a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:WVNfX19zZW1jdGwgKCkgewkyMjA7fQp9CnVubGVz"])) + bye()),
    "srtp-unknown-suite": Case(invite(content=sdp(profile="RTP/SAVP", more=["a=crypto:1 F8_128_HMAC_SHA1_80 inline:WVNfX19zZW1jdGwgKCkgewkyMjA7fQp9CnVubGVz"]))
                               + refused(488)),
    "srtp-dtls": Case(invite(content=sdp(profile="UDP/TLS/RTP/SAVPF", more=["a=setup:actpass"])) + refused(488)),
    "late-offer": Case(call(body("m=audio [1-9].* RTP/AVP"), body("a=rtpmap:[0-9]+ telephone-event/8000"), content=None, ack=sdp("8 101")) + pause(300)
                       + ask("OPTIONS", 2, 200) + bye()),
    "late-offer-other-types": keyed(119, call(body("a=rtpmap:101 telephone-event"), content=None, ack=sdp("8 119", event=119)), sends=101),
    "late-offer-unanswered": Case(call(body("m=audio [1-9]"), content=None) + hung_up(has("Reason", "Q.850")), seconds=15),
    "lines": Case(call(body("m=audio [1-9].*" + REFUSED_LINES), content=sdp(more=[*VIDEO, *BFCP, *CAMERA])) + bye()),
    "lines-audio-second": Case(call(body("m=video 0 RTP/AVPF 97.*m=audio [1-9].*m=application 0 TCP/BFCP"), content=sdp(before=VIDEO, more=BFCP)) + bye()),
    "lines-in-reinvite": Case(call() + reoffer(2, body("m=audio [1-9].*" + REFUSED_LINES), content=sdp(version=2, more=[*VIDEO, *BFCP, *CAMERA])) + bye()),
    "ptime-30": Case(call(body("a=ptime:30"), content=sdp(ptime=30)) + play() + pause(4000) + bye(), seconds=15, media="30 ms"),
    "event-96": keyed(96),
    "event-119": keyed(119),
    "hold-sendonly": Case(hold(2)),
    "hold-inactive": Case(hold(2, held="inactive", answer="a=inactive")),
    "hold-recvonly": Case(hold(2, held="recvonly", answer="a=sendonly")),
    "hold-zero": Case(hold(2, held="sendrecv", answer="m=audio [1-9]", address="0.0.0.0")),
    "hold-zero-inactive": Case(hold(2, held="inactive", answer="a=inactive", address="0.0.0.0")),
    # RFC 3264 §8.4: nothing is sent to who holds, however it says so.
    "held-hears-nothing": Case(held(direction="sendonly") + bye(), RING_THEN_TONE, media="nothing"),
    "held-inactive-hears-nothing": Case(held(direction="inactive") + bye(), RING_THEN_TONE, media="nothing"),
    "held-zero-hears-nothing": Case(held(address="0.0.0.0") + bye(), RING_THEN_TONE, media="nothing"),
    "unheld-hears": Case(held(direction="inactive") + reoffer(2) + pause(2000) + bye(), RING_THEN_TONE, media="something"),
    "hold-from-the-start": Case(call(body("a=recvonly"), content=sdp(direction="sendonly")) + reoffer(2, no_body("a=(recvonly|sendonly|inactive)")) + bye()),

    # RFC 3261 §14, RFC 3311: offers in a call.
    "reinvite-no-offer": Case(call() + reoffer(2, body("m=audio [1-9]"), content=None, ack=sdp(version=2)) + ask("OPTIONS", 3, 200) + bye()),
    "reinvite-no-codec": Case(call() + invite(2, content=[line for line in sdp("18 101", version=2) if "PCMA" not in line], inside=True)
                              + refused(488, number=2, inside=True) + ask("OPTIONS", 3, 200) + bye()),
    "reinvite-pending": Case(call() + invite(2, content=sdp(version=2), inside=True) + maybe("100") + receive("200") + invite(3, content=sdp(version=3), inside=True)
                             + maybe("100") + receive("491", optional=True, label="1") + receive("500", has("Retry-After"))
                             + mark("1") + send("ACK", 3, branch="INVITE3", inside=True, contact=False) + acknowledge(2) + reoffer(4) + bye()),
    "reinvite-early": Case(invite() + maybe("100") + receive("180") + invite(2, inside=True) + refused(500, has("Retry-After"), number=2, inside=True) + cancel(), RING),
    "update": Case(call() + ask("UPDATE", 2, 200, body("m=audio [1-9]"), has("Contact"), content=sdp(version=2, direction="sendonly")) + bye()),
    "update-no-offer": Case(call() + ask("UPDATE", 2, 200, no_body(), has("Contact")) + bye()),
    "update-fax": Case(call() + ask("UPDATE", 2, 488, content=FAX) + ask("OPTIONS", 3, 200) + bye()),
    # RFC 3311 §5.2: the INVITE's offer is not answered yet.
    "update-early": Case(invite() + maybe("100") + receive("180") + ask("UPDATE", 2, 500, has("Retry-After"), content=sdp(version=2)) + cancel(), RING),

    # RFC 3262.
    "prack-required": Case(invite(headers=["Require: 100rel"]) + maybe("100") + receive("180", has("RSeq", "[0-9]+", "rseq"), has("Require", "100rel"), has("Contact"))
                           + ask("PRACK", 2, 200, headers=["RAck: [$rseq] 1 INVITE"]) + receive("200", timeout=4000) + acknowledge() + bye(), RING_THEN_TONE),
    "prack-supported": Case(invite(headers=["Supported: 100rel"]) + maybe("100") + receive("180") + pause(500) + cancel(), RING),
    "prack-of-nothing": Case(invite(headers=["Require: 100rel"]) + maybe("100") + receive("180", has("RSeq", "[0-9]+", "rseq")) + ask("PRACK", 2, 481, headers=["RAck: 2147483647 1 INVITE"])
                             + ask("PRACK", 3, 200, headers=["RAck: [$rseq] 1 INVITE"]) + cancel(), RING),
    # §3: the 1xx comes again until 64*T1, then the INVITE is refused with a 5xx.
    "prack-lost": Case(invite(headers=["Require: 100rel"]) + maybe("100") + receive("180", has("RSeq")) + receive("180", timeout=2000) + receive("180", timeout=2000)
                       + maybe("180") + receive("504", timeout=12000) + refused(504)[-1:], RING, 25, options=("-nr",)),

    # RFC 4028.
    "timer": Case(call(has("Session-Expires", "90 *; *refresher=uac"), has("Require", "timer"), headers=[TIMER, "Session-Expires: 90;refresher=uac"])
                  + ask("UPDATE", 2, 200, has("Session-Expires", "90 *; *refresher=uac"), headers=[TIMER, "Session-Expires: 90;refresher=uac"]) + bye()),
    "timer-too-small": Case(invite(headers=[TIMER, "Session-Expires: 60"]) + refused(422, has("Min-SE", "90"))),
    "timer-min-se": Case(call(has("Session-Expires", "(1[2-9][0-9]|[2-9][0-9][0-9]|[0-9]{4})"), headers=[TIMER, "Session-Expires: 1800", "Min-SE: 120"]) + bye()),
    "timer-we-refresh": Case(we_refresh() + UPDATED + reply(200, "OK", headers=REFRESHED) + pause(300) + bye(), seconds=60),
    "timer-we-refresh-by-invite": Case(we_refresh(NO_UPDATE) + REINVITED + reply(200, "OK", headers=REFRESHED, content=sdp()) + receive("ACK") + pause(300) + bye(),
                                       seconds=60),
    "timer-update-refused": Case(we_refresh() + UPDATED + reply(405, "Method Not Allowed") + REINVITED + reply(200, "OK", headers=REFRESHED, content=sdp())
                                 + receive("ACK") + pause(300) + bye(), seconds=60),
    "timer-too-small-for-us": Case(we_refresh() + UPDATED + reply(422, "Session Interval Too Small", headers=["Min-SE: 120"])
                                   + receive("UPDATE", has("Session-Expires", "1[2-9][0-9]"), has("Min-SE", "120"), timeout=5000)
                                   + reply(200, "OK", headers=["Require: timer", "Session-Expires: 120;refresher=uac"]) + pause(300) + bye(), seconds=60),
    # §10: the other side forgot the call.
    "timer-dialog-gone": Case(we_refresh() + UPDATED + reply(481, "Call/Transaction Does Not Exist") + pause(500) + unheard_of(2), seconds=60),
    # RFC 3261 §14.1: whoever did not make the Call-ID tries again within two seconds.
    "timer-refresh-meets-491": Case(we_refresh(NO_UPDATE) + REINVITED + reply(491, "Request Pending") + receive("ACK")
                                    + receive("INVITE", body("m=audio [1-9]"), timeout=3000) + reply(200, "OK", headers=REFRESHED, content=sdp())
                                    + receive("ACK") + pause(300) + bye(), seconds=60),
    # §14.2: an offer of ours is under way.
    "timer-refresh-meets-offer": Case(we_refresh(NO_UPDATE) + REINVITED_KEPT + invite(2, content=sdp(version=2), inside=True) + refused(491, number=2, inside=True)
                                      + reply(200, "OK", headers=REFRESHED, content=sdp(), kept=True) + receive("ACK") + reoffer(3) + bye(), seconds=60),
    # §10: min(32 s, a third) before the end.
    "timer-expires": Case(call(has("Session-Expires", "90"), headers=[TIMER, "Session-Expires: 90;refresher=uac"]) + pause(55000) + hung_up(timeout=9000), seconds=75),
    # §9: a proxy asks, the caller knows nothing of it: we refresh.
    "timer-for-a-proxy": Case(call(has("Session-Expires", "[0-9]+ *; *refresher=uas"), lacks("Require", "timer"), headers=["Session-Expires: 1800"]) + bye()),

    # DIAL-7: keys.
    "info-relay": joins("application/dtmf-relay"),
    "info-dtmf": joins("application/dtmf"),
    **{f"keys-{way}": in_media(way) for way in keys_damaged.WAYS},
    **{f"keys-{way}": in_media_and_info(way) for way in keys_damaged.WITH_INFO},
    "keys-held-long": Case(call() + play() + pause(19000) + bye(), IVR, 60, ("udp",), media="keys held-long"),
    # RFC 6665 §3.1.1, RFC 4730: who wants them by KPML is told that there is no SUBSCRIBE, and the call goes on.
    "kpml": Case(call(lacks("Allow-Events")) + ask("SUBSCRIBE", 2, 405, lacks("Allow", "SUBSCRIBE"), headers=["Event: kpml", "Expires: 7200", "Accept: application/kpml-response+xml"],
                                    kind="application/kpml-request+xml", content=KPML) + ask("OPTIONS", 3, 200) + bye()),
    "kpml-allowed": Case(call(lacks("Allow-Events"), headers=["Allow-Events: kpml, telephone-event"]) + bye()),
    "info-empty": Case(call() + ask("INFO", 2, 200) + bye()),

    # IPv6.
    "six-call": Case(call(body("c=IN IP6 ::1"), has("Contact", "\\[::1\\]")) + pause(300) + bye(), transports=SIX),
    "six-hold": Case(hold(2), transports=SIX),
    "six-options": Case(ask("OPTIONS", 1, 200, has("Allow", "INVITE"), inside=False), transports=SIX),
}
