#!/usr/bin/python3
"""The guard attacked (DIAL-5): a line each, exit code 1 if one fails.

usage: guard_attacked.py [NAME ...]

SIPp calls a gateway of our own, whose guard locks after five failures and for a short time. What each caller hears is compared
with the recordings. The trunk is trusted to assert numbers. Needs root and numpy.
"""

import sys
import time

sys.dont_write_bytecode = True

import heard
import own_gateway
import rtp_script
from dial_tests import CALL_REJECTED, GUEST, KEYED, Tests, begun, expect, hears, judge, keyed, leaving, told
from heard import Said

FAILURES, LOCK, MEETING_FAILURES = 5, 15, 6
SETTINGS = [f"guard.failures={FAILURES}", f"guard.lock={LOCK}s", f"guard.meeting_failures={MEETING_FAILURES}"]
# call/src/guard.rs: failures that cost nothing, then a second more each, at most so many; an attacked meeting's answers.
FREE, LONGEST, MEETING_DELAY = 2, 5, 3
DELAY_ERROR = 0.25
GAP = 0.7
LEAD_IN, LEAD_IN_ERROR = 0.2, 0.005

LOCKED_OUT = [Said("phone-locked-out"), Said("goodbye")]
WRONG = [begun("wrong"), begun("ask-password")]

test = Tests()


def make_gateway(folder):
    return own_gateway.OwnGateway(folder, SETTINGS)


def guessing(meeting, delays):
    """Wrong pairs; behind each, time for the answer that is so late. `keyed_at` says when each # was keyed."""
    script, script.keyed_at = rtp_script.Script().silence(GAP), []
    for delay in delays:
        script.digits(meeting + "#").silence(GAP).digits("9999")
        script.keyed_at.append(script.seconds())
        script.digits("#").silence(delay + GAP + 0.3)
    return script


def lock_out(world, caller, headers=()):
    """More wrong pairs than are allowed, by two calls at once."""
    meeting = world.meeting()
    for call in [world.dial(guessing(meeting, [0, 2, 2]).silence(20), caller=caller, headers=headers) for _ in range(2)]:
        hears(call, [Said("goodbye")], CALL_REJECTED)


def refused(world, caller, headers=()):
    """A right pair does not help: nobody is asked for it. The words begin as late as the first words of any call (DIAL-10)."""
    _, _, places = judge(world.dial(keyed(world.meeting(), GUEST).silence(10), caller=caller, headers=headers), LOCKED_OUT, CALL_REJECTED)
    voice = places[0][1] - heard.lead("phone-locked-out", "zh") / heard.RATE
    expect(abs(voice - LEAD_IN) < LEAD_IN_ERROR, f"the first voice after {1000 * voice:.0f} ms")
    return f"{told(places)}, cause {CALL_REJECTED}"


def joins(world, caller, headers=(), late=0):
    script = keyed(world.meeting(), GUEST).silence(4 + late)
    _, _, places = judge(world.dial(script, steps=leaving(script.seconds()), caller=caller, headers=headers), [*KEYED, Said("joined-as-guest")], 0)
    return places[-1][1] - script.last_key


def asserted(number):
    return [f"P-Asserted-Identity: <sip:{number}@127.0.0.1;user=phone>"]


@test
def one_number_guesses_until_it_is_locked_and_comes_back(world):
    caller, meeting, late = world.caller(), world.meeting(), []
    for delays, wanted in (([0, 0, 0], [*KEYED, *WRONG, *WRONG, Said("wrong"), Said("goodbye")]), ([1, 2], [*KEYED, *WRONG, *LOCKED_OUT])):
        script = guessing(meeting, delays)
        _, _, places = judge(world.dial(script.silence(20), caller=caller), wanted, CALL_REJECTED)
        verdicts = [at for said, at, _ in places if said.name in ("wrong", "phone-locked-out")]
        late += [verdict - keyed_at for verdict, keyed_at in zip(verdicts, script.keyed_at)]
    until = time.monotonic() + LOCK
    wanted = [max(0, failures - FREE) for failures in range(FAILURES)]
    expect(all(abs(one - delay) < DELAY_ERROR for one, delay in zip(late, wanted, strict=True)), f"answers {late} s late, not {wanted}")
    told_locked = refused(world, caller)
    other = joins(world, world.caller())
    time.sleep(max(0, until - time.monotonic()))
    joins(world, caller)
    return f"answers {', '.join(f'{one:.2f}' for one in late)} s late, then {told_locked}; another number is in {other:.2f} s after its #"


@test
def a_forged_number_locks_out_the_forgery(world):
    """Who claims the victim's number in From is another than the victim, whose number the network asserts."""
    victim = world.caller()
    lock_out(world, victim)
    refused(world, victim)
    joins(world, "anonymous", asserted(victim))
    joins(world, victim, asserted(victim))
    return "the victim is let in"


@test
def an_asserted_number_is_locked_whatever_from_says(world):
    guesser = world.caller()
    lock_out(world, "02100000000", asserted(guesser))
    told_locked = refused(world, world.caller(), asserted(guesser))
    joins(world, "02100000000")
    return told_locked


@test
def withheld_numbers_are_slowed_and_never_locked(world):
    """More failures than lock a number; the wait is for all of them."""
    meetings = [world.meeting() for _ in range(3)]
    wrong = [*KEYED, *WRONG, *WRONG, Said("wrong"), Said("goodbye")]
    calls = [world.dial(guessing(meeting, [0, LONGEST, LONGEST]).silence(20), caller="anonymous") for meeting in meetings]
    for call in calls:
        hears(call, wrong, CALL_REJECTED)
    late = joins(world, "anonymous", late=LONGEST)
    expect(abs(late - LONGEST) < DELAY_ERROR, f"in after {late:.2f} s, not {LONGEST}")
    return f"after 9 failures the next is in, {late:.2f} s after its #"


@test
def a_meeting_id_that_is_guessed_at_is_slow_whether_it_exists_or_not(world):
    """By nine numbers, three times each; the event is in the metrics once for each ID."""
    attacked = lambda: world.gateway.metric("gateway_call_events_total", event="meeting_attacked")
    before, meetings, words = attacked(), (world.meeting(), world.unknown()), []
    guesses = [world.dial(guessing(meeting, [0, MEETING_DELAY, MEETING_DELAY]).silence(15)) for meeting in meetings for _ in range(3)]
    for call in guesses:
        hears(call, [*KEYED, *WRONG, *WRONG, Said("wrong"), Said("goodbye")], CALL_REJECTED)
    expect(attacked() - before == len(meetings), f"{attacked() - before} events of {len(meetings)}")
    for meeting in meetings:
        script = keyed(meeting, "9999").silence(8)
        _, _, places = judge(world.dial(script, steps=leaving(script.seconds())), [*KEYED, Said("wrong"), Said("ask-meeting-id")], 0)
        late = places[-2][1] - script.last_key
        expect(abs(late - MEETING_DELAY) < DELAY_ERROR, f"{meeting}: the answer is {late:.2f} s late")
        words.append(f"{late:.2f} s")
    return f"{len(meetings)} events, answers late by {' and '.join(words)}"


test.run(sys.argv[1:], make_gateway, __doc__)
