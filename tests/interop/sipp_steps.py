"""Words to write a SIPp scenario with; each yields steps, and `scenario` makes the XML of them.

SIPp numbers branches by message; here a request says its own, so that ACK and CANCEL can name that of their INVITE.
"""

import dataclasses
import html

NUMBER = "sip:[service]@[remote_ip]:[remote_port]"
HERE = "sip:[caller]@[local_ip]:[local_port]"
ANSWERED = ("100", "180", "183")


@dataclasses.dataclass(frozen=True)
class Check:
    """What a message must have, or not have, in a header or in its body."""

    place: str
    pattern: str
    present: bool = True
    name: str = ""


def has(header, pattern=".+", name=""):
    """`name`: what matched is [$name] from there on."""
    return Check(header, pattern, name=name)


def lacks(header, pattern=".+"):
    return Check(header, pattern, present=False)


def body(pattern):
    return Check("body", pattern)


def no_body(pattern="v=0"):
    return Check("body", pattern, present=False)


# Session descriptions.

NAMES = {"0": "PCMU", "8": "PCMA"}


def sdp(formats="8 101", *, direction="sendrecv", version=1, address="[media_ip]", event=101, clock=8000, ptime=20, more=(), before=(), profile="RTP/AVP"):
    types = formats.split()
    maps = [f"a=rtpmap:{kind} {NAMES[kind]}/8000" for kind in types if kind in NAMES]
    maps += [f"a=rtpmap:{event} telephone-event/{clock}", f"a=fmtp:{event} 0-15"] if str(event) in types else []
    return ["v=0", f"o=- 1 {version} IN IP[media_ip_type] [media_ip]", "s=-", f"c=IN IP[media_ip_type] {address}", "t=0 0", *before,
            f"m=audio [media_port] {profile} {formats}", *maps, f"a=ptime:{ptime}", f"a={direction}", *more]


FAX = ["v=0", "o=- 1 2 IN IP[media_ip_type] [media_ip]", "s=-", "c=IN IP[media_ip_type] [media_ip]", "t=0 0",
       "m=image [media_port] udptl t38", "a=T38FaxVersion:0", "a=T38MaxBitRate:14400", "a=T38FaxRateManagement:transferredTCF"]


# Steps.

def send(method, number, *, branch=None, uri=None, inside=False, headers=(), content=None, kind="application/sdp", forwards=70, call_id="[call_id]",
         contact=True, to_tag=None, compact=False):
    """A request; `inside` its dialog it goes to the Contact and has the To tag of whoever answered."""
    name = dict.fromkeys(("Via", "From", "To", "Call-ID", "Contact", "Content-Type", "Content-Length"))
    name = {long: short if compact else long for long, short in zip(name, "vftimcl")}
    uri = uri or ("[next_url]" if inside else NUMBER)
    tag = f";tag={to_tag}" if to_tag else "[peer_tag_param]" if inside else ""
    lines = [
        f"{method} {uri} SIP/2.0",
        f"{name['Via']}: SIP/2.0/[transport] [local_ip]:[local_port];branch=z9hG4bK-[pid]-[call_number]-{branch or method + str(number)}",
        f"{name['From']}: <{HERE}>;tag=[pid]s[call_number]",
        f"{name['To']}: <{NUMBER}>{tag}",
        f"{name['Call-ID']}: {call_id}",
        f"CSeq: {number} {method}",
        f"Max-Forwards: {forwards}",
        *([f"{name['Contact']}: <{HERE};transport=[transport]>"] if contact else []),
        *(["[routes]"] if inside else []),
        *headers,
    ]
    if content is None:
        lines += [f"{name['Content-Length']}: 0", ""]
    else:
        lines += [f"{name['Content-Type']}: {kind}", f"{name['Content-Length']}: [len]", "", *content]
    retrans = "" if method == "ACK" else ' retrans="500"'
    return [message(lines, retrans)]


def reply(status, words, *, headers=(), content=None, kept=False, tag=None):
    """An answer to the request that came last, or to that whose headers were kept as via, from, to and cseq. `tag`: of To, where the request
    had none."""
    asked = ["[last_Via:]", "[last_From:]", "[last_To:]", "[last_Call-ID:]", "[last_CSeq:]"]
    if kept:
        asked = ["Via:[$via]", "From:[$from]", "To:[$to]", "Call-ID: [call_id]", "CSeq:[$cseq]"]
    if tag:
        asked = [f"{line};tag={tag}" if "To:" in line else line for line in asked]
    lines = [f"SIP/2.0 {status} {words}", *asked, f"Contact: <{HERE};transport=[transport]>", *headers]
    lines += ["Content-Length: 0", ""] if content is None else ["Content-Type: application/sdp", "Content-Length: [len]", "", *content]
    return [message(lines, "")]


def message(lines, attributes):
    text = "\n".join(f"      {line}" if line else "" for line in lines)
    return f"  <send{attributes}>\n    <![CDATA[\n\n{text}\n\n    ]]>\n  </send>"


def receive(what, *checks, optional=False, timeout=None, label=None, attributes=""):
    """A response by its status, or a request by its method. `label`: go there once it came."""
    kind = "response" if what.isdigit() else "request"
    text = f'{kind}="{what}"' + (' optional="true"' if optional else "") + (f' timeout="{timeout}"' if timeout else "")
    text += f' next="{label}"' if label else ""
    text += ' rrs="true"' if what.isdigit() and what[0] in "12" and not optional else ""
    return [(f"  <recv {text}{attributes}", checks)]


def maybe(*statuses):
    return [step for status in statuses for step in receive(status, optional=True)]


def pause(milliseconds):
    return [f'  <pause milliseconds="{milliseconds}"/>']


def mark(label):
    return [f'  <label id="{label}"/>']


def play(capture="caller.pcap"):
    return [f'  <nop><action><exec play_pcap_audio="{capture}"/></action></nop>']


# Whole exchanges.

def invite(number=1, *, content=sdp(), **more):
    return send("INVITE", number, content=content, **more)


def acknowledge(number=1, *, content=None, **more):
    """Of a 2xx."""
    return send("ACK", number, inside=True, content=content, contact=False, **more)


def refused(status, *checks, number=1, branch=None, inside=False):
    """A final refusal of an INVITE and its ACK, which is of the INVITE's transaction."""
    ack = send("ACK", number, branch=branch or f"INVITE{number}", contact=False, to_tag=None, inside=inside)
    if not inside:
        ack = [ack[0].replace(f"To: <{NUMBER}>", f"To: <{NUMBER}>[peer_tag_param]")]
    return maybe("100") + receive(str(status), *checks) + ack


def answered(*checks, number=1, content=None):
    return maybe(*ANSWERED) + receive("200", *checks) + acknowledge(number, content=content)


def call(*checks, ack=None, **more):
    return invite(**more) + answered(*checks, content=ack)


def reoffer(number, *checks, content=sdp(version=2), ack=None, **more):
    return invite(number, content=content, inside=True, **more) + maybe("100") + receive("200", *checks) + acknowledge(number, content=ack)


def bye(number=9):
    return send("BYE", number, inside=True, contact=False) + receive("200")


def ask(method, number, status, *checks, inside=True, **more):
    """A request that is no INVITE, and its answer."""
    return send(method, number, inside=inside, **more) + receive(str(status), *checks)


def cancel(number=1, *, status=487):
    """200 for the CANCEL, 487 for the INVITE, and its ACK."""
    return send("CANCEL", number, branch=f"INVITE{number}", contact=False) + receive("200") + refused(status, number=number)


def hung_up(*checks, timeout=None):
    return receive("BYE", *checks, timeout=timeout) + reply(200, "OK")


def scenario(name, steps):
    lines, variables = ['<?xml version="1.0" encoding="UTF-8"?>', f'<scenario name="{html.escape(name)}">'], []
    for step in steps:
        if isinstance(step, str):
            lines.append(step)
            continue
        opening, checks = step
        if not checks:
            lines.append(f"{opening}/>")
            continue
        lines += [f"{opening}>", "    <action>"]
        for check in checks:
            variables.append(check.name or f"v{len(variables)}")
            place = 'search_in="body"' if check.place == "body" else f'search_in="hdr" header="{check.place}:"'
            wanted = "check_it" if check.present else "check_it_inverse"
            lines.append(f'      <ereg regexp="{html.escape(check.pattern)}" {place} {wanted}="true" assign_to="{variables[-1]}"/>')
        lines += ["    </action>", "  </recv>"]
    if variables:
        lines.append(f'  <Reference variables="{",".join(variables)}"/>')
    return "\n".join([*lines, "</scenario>", ""])
