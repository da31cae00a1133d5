#!/usr/bin/python3
"""What a trunk says of its callers' keys, and what fax machines get (DIAL-7): a line each, exit code 1 if one fails.

usage: keys_by_trunk.py [NAME ...]

A trunk for each way that keys can come, told apart by their addresses on loopback, and callers of each way on each: who comes by
its trunk's way joins, who comes by another has pressed nothing. Needs root and numpy.
"""

import sys

sys.dont_write_bytecode = True

import own_gateway
import rtp_script
import sipp_cases
from dial_tests import GUEST, KEYED, Tests, begun, expect, hears, judge, leaving, told
from heard import Said

INFO = "application/dtmf-relay"
ADDRESSES = {"rfc4733": "127.0.4.1", "info": "127.0.4.2", "in-band": "127.0.4.3"}
TRUNKS = "".join(f'[[trunk]]\nname = "{way}"\nzone = "trunk"\npeers = ["{address}"]\ndtmf = "{way}"\n\n' for way, address in ADDRESSES.items())
LEAD_SECONDS = 0.7
SECONDS = 13
# Q.850: incompatible destination.
FAX_CAUSE, FAX_SECONDS = 88, 10

test = Tests()


def make_gateway(folder):
    gateway = own_gateway.OwnGateway(folder)
    # The first whose addresses fit counts.
    gateway.config.write_text(gateway.config.read_text().replace("[[trunk]]", TRUNKS + "[[trunk]]", 1))
    return gateway


def events(script, keys):
    return script.digits(keys)


def sound(script, keys):
    return script.sound(rtp_script.keys_in_sound(keys))


def nothing(script, keys):
    return script.silence(0.2 * len(keys))


def pressing(way, meeting):
    """A caller's script and steps."""
    press = {"rfc4733": events, "in-band": sound, "info": nothing}[way]
    script = rtp_script.Script().silence(LEAD_SECONDS)
    press(press(script, meeting + "#").silence(LEAD_SECONDS), GUEST + "#")
    if way != "info":
        return script.silence(SECONDS), leaving(SECONDS)
    first, pause = len(meeting) + 3, sipp_cases.pause(round(1000 * LEAD_SECONDS))
    keys = pause + sipp_cases.with_digits(INFO, meeting + "#", 2) + pause + sipp_cases.with_digits(INFO, GUEST + "#", first)
    return script.silence(SECONDS), keys + sipp_cases.pause(5000) + sipp_cases.bye(40)


@test
def who_comes_by_the_way_of_its_trunk_joins_and_no_other(world):
    calls = {}
    for trunk, address in ADDRESSES.items():
        for way in ADDRESSES:
            script, steps = pressing(way, world.meeting())
            calls[trunk, way] = world.dial(script, steps=steps, address=address)
    for (trunk, way), call in calls.items():
        wanted = [*KEYED, Said("joined-as-guest")] if way == trunk else [Said("welcome"), Said("ask-meeting-id")]
        expect(not call.result().fault, f"{way} on {trunk}: {call.result().fault}")
        judge(call, wanted, 0)
    return f"{len(calls)} callers"


@test
def a_fax_machine_that_calls_ends_the_call(world):
    """ITU-T T.30 §4: 1100 Hz for half a second each three and a half."""
    script = rtp_script.Script().silence(1)
    for _ in range(3):
        script.tone(1100, 0.5).silence(3)
    ended, _, places = hears(world.dial(script), [begun("welcome")], FAX_CAUSE)
    expect(len(ended.heard) < 50 * FAX_SECONDS, f"it took {len(ended.heard) / 50:.1f} s")
    return f"{told(places)}, over after {len(ended.heard) / 50:.1f} s"


test.run(sys.argv[1:], make_gateway, __doc__)
