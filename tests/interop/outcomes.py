#!/usr/bin/python3
"""Each outcome of DIAL-6 on the wire and to the ear: a line each, exit code 1 if one fails.

usage: outcomes.py [NAME ...]

SIPp calls a gateway of our own. What each caller hears is compared with the recordings: those that are wanted, in their order,
and nothing else; and the cause in the BYE with the outcome's. All of them call at once. Needs root and numpy.

The core that does not answer is in directory.py. Not here, since no phone can bring it about: the terminal that is in another meeting.
"""

import sys
import threading

sys.dont_write_bytecode = True

import heard
import own_gateway
import rtp_script
from dial_tests import (BOTH, BUSY, CALL_REJECTED, GUEST, HOST, KEYED, NORMAL, NOT_AUTHORIZED, TIMER, Tests, begun, ends, expect, judge, keyed, leaving,
                        told)
from heard import Said

ANY_TENANT = "02153290006"
# A meeting whose passwords have letters, and no PINs.
NO_PHONE, LETTERS = "930000001", "Spring-Meeting-"
SETTINGS = ["calls.waiting=10s", "ivr.bound=30s", "ivr.first_digit=3s", "guard.failures=50"]
MORE = f"""
[[tenant]]
name = "small"
participants = 1

[[tenant]]
name = "quiet"
phone_join = "not-entitled"

[[access_number]]
number = "{ANY_TENANT}"
languages = ["zh"]

[[meetings]]
ids = "{NO_PHONE}"
tenant = "demo"
host_password = "{LETTERS}1"
guest_password = "{LETTERS}2"
"""
ROUTE = f'"{ANY_TENANT} -> ivr",'

LEAD_IN, LEAD_IN_ERROR = 0.2, 0.005
RTP_AFTER_ACK = 0.02
JOINED_AFTER_KEY = 0.3
SAME_TIME = 0.05
TONE, HEARD_DBFS = 440, -36.0

test = Tests()


def make_gateway(folder):
    gateway = own_gateway.OwnGateway(folder, SETTINGS, MORE)
    gateway.config.write_text(gateway.config.read_text().replace("routes = [", f"routes = [\n    {ROUTE}"))
    return gateway


# The way in.

@test
def the_questions_in_their_order(world):
    """DIAL-3, DIAL-10: who listens to the end of each."""
    meeting = world.meeting()
    script = rtp_script.Script().silence(6.2).digits(meeting + "#").silence(3.5).digits("9999#").silence(7)
    call = world.dial(script, steps=leaving(script.seconds()))
    others = [world.dial(rtp_script.Script().silence(1), steps=leaving(1)) for _ in range(3)]
    wanted = [Said("welcome"), Said("ask-meeting-id"), Said("ask-password"), Said("wrong"), Said("ask-meeting-id")]
    ended, _, places = judge(call, wanted, 0)
    voice = places[0][1] - heard.lead("welcome", "zh") / heard.RATE
    expect(abs(voice - LEAD_IN) <= LEAD_IN_ERROR, f"the first voice after {1000 * voice:.0f} ms")
    # What else the machine does can only make it later: the quickest of some counts.
    calls = [ended, *(call.result() for call in others)]
    first = min(call.heard[0][0] - call.acknowledged for call in calls)
    expect(0 <= first <= RTP_AFTER_ACK, f"the first packet {1000 * first:.0f} ms after the ACK")
    return f"first packet {1000 * first:.0f} ms after the ACK, first voice {1000 * voice:.0f} ms after it; {told(places)}"


@test
def key_1_chooses_chinese(world):
    meeting = world.meeting()
    script = rtp_script.Script().silence(1).digits("1").silence(4).digits(meeting + "#").silence(0.7).digits(GUEST + "#").silence(4)
    wanted = [begun("welcome"), Said("ask-meeting-id"), begun("ask-password"), Said("joined-as-guest")]
    return told(judge(world.dial(script, BOTH, leaving(script.seconds())), wanted, 0)[2])


@test
def key_2_chooses_english(world):
    meeting = world.meeting()
    script = rtp_script.Script().silence(1).digits("2").silence(4.5).digits(meeting + "#").silence(0.7).digits("9999#").silence(7)
    wanted = [begun("welcome"), Said("ask-meeting-id", "en"), begun("ask-password", "en"), Said("wrong", "en"), Said("ask-meeting-id", "en")]
    return told(judge(world.dial(script, BOTH, leaving(script.seconds())), wanted, 0)[2])


@test
def no_key_goes_on_in_both_languages(world):
    """DIAL-2."""
    meeting = world.meeting()
    script = rtp_script.Script().silence(17.8).digits(meeting + "#").silence(0.7).digits(GUEST + "#").silence(5)
    wanted = [Said("welcome"), Said("welcome", "en"), Said("choose-language"), Said("ask-meeting-id"), Said("ask-meeting-id", "en"), begun("ask-password"),
              Said("joined-as-guest"), Said("joined-as-guest", "en")]
    return told(judge(world.dial(script, BOTH, leaving(script.seconds())), wanted, 0)[2])


@test
def an_unknown_id_and_a_wrong_password_sound_and_last_the_same(world):
    """DIAL-4."""
    meeting, unknown = world.meeting(), world.unknown()
    calls = [world.dial(keyed(one, "9999").silence(7), steps=leaving(12)) for one in (meeting, unknown)]
    wanted = [*KEYED, Said("wrong"), Said("ask-meeting-id")]
    known, other = [judge(call, wanted, 0)[2] for call in calls]
    apart = max(abs(one[1] - two[1]) for one, two in zip(known, other))
    expect(apart <= SAME_TIME, f"{told(known)}; but {told(other)}")
    return f"{1000 * apart:.0f} ms apart"


# Outcomes.

@test
def joined_as_guest(world):
    meeting = world.meeting()
    script = keyed(meeting, GUEST)
    ended, _, places = judge(world.dial(script.silence(3), steps=leaving(8)), [*KEYED, Said("joined-as-guest")], 0)
    late = places[-1][1] - heard.lead("joined-as-guest", "zh") / heard.RATE - script.last_key
    expect(0 <= late <= JOINED_AFTER_KEY, f"told {1000 * late:.0f} ms after the last key")
    return f"told {1000 * late:.0f} ms after the last key"


@test
def waiting_for_the_host_and_then_in(world):
    """The host, too, hears what it is; the guest hears the host."""
    meeting = world.meeting(entry="with-host")
    guest = world.dial(keyed(meeting, GUEST).silence(20), steps=leaving(17))
    host = world.dial(keyed(meeting, HOST, lead=6).silence(3).tone(TONE, 8), steps=leaving(17))
    _, _, places = judge(host, [Said("welcome"), Said("ask-meeting-id"), begun("ask-password"), Said("joined-as-host")], 0)
    ended = guest.result()
    sound = heard.of_rtp(ended.heard)
    wanted = [*KEYED, Said("waiting-for-host"), begun("music"), Said("joined-as-guest")]
    found, faults = heard.judge(sound[:round(12.5 * heard.RATE)], wanted)
    expect(not ended.fault and not faults, f"{ended.fault} {'; '.join(faults)}; heard: {told(found)}")
    level = heard.tone_dbfs(sound[-2 * heard.RATE:], TONE)
    expect(level > HEARD_DBFS, f"the host's tone has {level:.0f} dBFS")
    return f"{told(found[2:])}; host: {told(places[2:])}"


@test
def waited_too_long_for_the_host(world):
    meeting = world.meeting(entry="with-host")
    wanted = [*KEYED, Said("waiting-for-host"), begun("music"), Said("timeout"), Said("goodbye")]
    return ends(world.dial(keyed(meeting, GUEST).silence(30)), wanted, TIMER)


@test
def waiting_room_and_then_let_in(world):
    meeting = world.meeting(entry="waiting-room")
    call = world.dial(keyed(meeting, GUEST).silence(20), steps=leaving(15))
    world.wait(meeting, 1, "aiting")
    threading.Event().wait(6)
    world.gateway.control(meeting, action="admit", leg=world.gateway.participants(meeting)[0]["leg"])
    return told(judge(call, [*KEYED, Said("waiting-room"), begun("music"), Said("joined-as-guest")], 0)[2][2:])


@test
def locked(world):
    meeting = world.meeting(lock="locked")
    return ends(world.dial(keyed(meeting, GUEST).silence(10)), [*KEYED, Said("meeting-locked")], CALL_REJECTED)


@test
def wrong_too_often(world):
    meeting = world.meeting()
    script = rtp_script.Script().silence(0.7)
    for _ in range(3):
        script.digits(meeting + "#").silence(0.7).digits("9999#").silence(2.5)
    again = [Said("wrong"), begun("ask-meeting-id"), begun("ask-password")]
    # The guard holds no answer back before the third failure.
    return ends(world.dial(script.silence(20)), [*KEYED, *again, *again, Said("wrong"), Said("goodbye")], CALL_REJECTED)


@test
def the_stage_takes_too_long(world):
    """DIAL-4: * for ever is no entry."""
    script = rtp_script.Script().silence(0.7)
    for _ in range(18):
        script.digits("*").silence(1.8)
    return ends(world.dial(script), [begun("welcome"), Said("timeout"), Said("goodbye")], TIMER)


@test
def meeting_ended(world):
    """DELETE, which is for good, and the end by control."""
    words = []
    for end in (lambda meeting: world.gateway.ask("DELETE", f"/v1/meetings/{meeting}"), lambda meeting: world.gateway.control(meeting, action="end")):
        meeting = world.meeting()
        call = world.dial(keyed(meeting, GUEST).silence(20))
        world.wait(meeting, 1)
        threading.Event().wait(3)
        end(meeting)
        words.append(ends(call, [*KEYED, Said("joined-as-guest"), Said("meeting-ended")], NORMAL))
    return "; ".join(words)


@test
def meeting_full(world):
    meeting = world.meeting(capacity=1)
    first = world.dial(keyed(meeting, GUEST).silence(20), steps=leaving(16))
    world.wait(meeting, 1)
    words = ends(world.dial(keyed(meeting, GUEST).silence(20)), [*KEYED, Said("meeting-full")], BUSY)
    judge(first, [*KEYED, Said("joined-as-guest")], 0)
    return words


@test
def tenant_full(world):
    """MEET-4: over all its meetings."""
    meetings = [world.meeting(tenant="small"), world.meeting(tenant="small")]
    first = world.dial(keyed(meetings[0], GUEST).silence(20), ANY_TENANT, leaving(16))
    world.wait(meetings[0], 1)
    words = ends(world.dial(keyed(meetings[1], GUEST).silence(20), ANY_TENANT), [*KEYED, Said("meeting-full")], BUSY)
    judge(first, [*KEYED, Said("joined-as-guest")], 0)
    return words


@test
def not_entitled(world):
    meeting = world.meeting(tenant="quiet")
    return ends(world.dial(keyed(meeting, GUEST).silence(20), ANY_TENANT), [*KEYED, Said("not-entitled")], NOT_AUTHORIZED)


@test
def another_tenants_number(world):
    """DIAL-1: it does not lead to that meeting, and sounds as if there was none."""
    meeting = world.meeting(tenant="quiet")
    return told(judge(world.dial(keyed(meeting, GUEST).silence(20), steps=leaving(10)), [*KEYED, Said("wrong"), Said("ask-meeting-id")], 0)[2][2:])


@test
def no_phone_password(world):
    """DIAL-3: characters are never dropped from a secret."""
    return ends(world.dial(keyed(NO_PHONE, GUEST).silence(20)), [begun("welcome"), Said("no-phone-password"), Said("goodbye")], CALL_REJECTED)


@test
def a_pin_in_place_of_letters(world):
    """DIAL-3: the API makes it."""
    meeting = world.free_id()
    pin = world.gateway.make_meeting(meeting, guest_password=LETTERS + "2", host_password=LETTERS + "1")["guest_pin"]
    script = keyed(meeting, pin).silence(4)
    return told(judge(world.dial(script, steps=leaving(script.seconds())), [*KEYED, Said("joined-as-guest")], 0)[2][2:])


@test
def the_hosts_question_where_guests_need_no_password(world):
    """MEET-2: a phone is host only by the host password; # alone is a guest's."""
    meeting = world.free_id()
    world.gateway.make_meeting(meeting, guest_password="")
    script = rtp_script.Script().silence(1).digits(meeting + "#").silence(8.5).digits("#").silence(4)
    wanted = [begun("welcome"), Said("ask-host-password"), Said("joined-as-guest")]
    return told(judge(world.dial(script, steps=leaving(script.seconds())), wanted, 0)[2])


@test
def no_password_and_no_question(world):
    """DIAL-3."""
    meeting = world.free_id()
    world.gateway.make_meeting(meeting, guest_password="", host_password="")
    script = rtp_script.Script().silence(1).digits(meeting + "#").silence(4)
    return told(judge(world.dial(script, steps=leaving(script.seconds())), [begun("welcome"), Said("joined-as-guest")], 0)[2])


@test
def removed(world):
    meeting = world.meeting()
    call = world.dial(keyed(meeting, GUEST).silence(20))
    world.wait(meeting, 1)
    threading.Event().wait(3)
    world.gateway.control(meeting, action="remove", leg=world.gateway.participants(meeting)[0]["leg"])
    return ends(call, [*KEYED, Said("joined-as-guest"), Said("removed")], CALL_REJECTED)


test.run(sys.argv[1:], make_gateway, __doc__)
