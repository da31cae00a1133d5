#!/usr/bin/python3
"""Meetings that are booked elsewhere (CORE-1, CORE-2), by SIPp and to the ear: a line each, exit code 1 if one fails.

usage: directory.py [NAME ...]

The gateway asks two directories. One takes connections and says nothing; the other is Python's http.server, which is not there at
first, comes, and goes again. Needs root and numpy.
"""

import http.server
import json
import re
import socket
import sys
import threading

sys.dont_write_bytecode = True

import own_gateway
import rtp_script
from dial_tests import GUEST, HOST, Tests, begun, ends, expect, judge, leaving, told
from heard import Said

TOKEN = "directory-token"
# Q.850: temporary failure.
UNREACHABLE = 41
BOOKED = "940000001"

test = Tests()


def bound():
    """A port that is ours, and refuses connections until somebody listens."""
    one = socket.socket()
    one.bind(("127.0.0.1", 0))
    return one


silent, other = bound(), bound()
silent.listen(64)


class Answer(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        meeting = re.fullmatch(r"/v1/meetings/(\d+)", self.path)
        known = meeting and meeting[1] == BOOKED
        status = 401 if self.headers["Authorization"] != f"Bearer {TOKEN}" else 200 if known else 404
        meeting = {"id": BOOKED, "tenant": "demo", "host_password": HOST, "guest_password": GUEST}
        body = json.dumps(meeting).encode() if status == 200 else b"{}"
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


class Directory:
    """Listens while it is entered, on a socket that lives on."""

    def __enter__(self):
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answer, bind_and_activate=False)
        self.server.daemon_threads = True
        self.server.socket.close()
        self.server.socket = other
        self.server.server_activate()
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()


def make_gateway(folder):
    urls = ", ".join(f'"http://127.0.0.1:{one.getsockname()[1]}"' for one in (silent, other))
    more = f'\n[directory]\nurls = [{urls}]\ntoken = "{TOKEN}"\ntimeout = "2s"\n'
    return own_gateway.OwnGateway(folder, ["ivr.bound=40s"], more)


def keyed(meeting):
    """The directory takes its second, or has none to take."""
    return rtp_script.Script().silence(0.7).digits(meeting + "#").silence(3).digits(GUEST + "#")


def joins(world, meeting):
    script = keyed(meeting).silence(3)
    wanted = [begun("welcome"), begun("ask-password"), Said("joined-as-guest")]
    return judge(world.dial(script, steps=leaving(script.seconds())), wanted, 0)


def is_told_so(world, meeting):
    return ends(world.dial(keyed(meeting).silence(10)), [begun("welcome"), Said("core-unreachable")], UNREACHABLE)


@test
def away_then_there_then_away_again(world):
    """DIAL-6, CORE-2: callers hear so; nothing hangs; it recovers by itself."""
    words = is_told_so(world, BOOKED)
    with Directory():
        joins(world, BOOKED)
        script = keyed("940000002").silence(7)
        wrong = [begun("welcome"), begun("ask-password"), Said("wrong"), Said("ask-meeting-id")]
        judge(world.dial(script, steps=leaving(script.seconds())), wrong, 0)
    joins(world, BOOKED)
    is_told_so(world, "940000003")
    metrics = world.gateway.ask("GET", "/metrics")[1]
    said = dict(re.findall(r'gateway_directory_answers_total\{said="(\w+)"\} (\d+)', str(metrics)))
    expect(said.keys() == {"meeting", "nobody", "unreachable"}, f"counted: {said}")
    return words


@test
def a_meeting_of_our_own_needs_no_directory(world):
    return told(joins(world, world.meeting())[2])


test.run(sys.argv[1:], make_gateway, __doc__)
