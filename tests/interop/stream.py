#!/usr/bin/python3
"""Sends what SIPp cannot: bytes in pieces, keep-alives, STUN, one request by two sockets; a line each, exit code 1 if one fails.

usage: stream.py [NAME ...]

The gateway is named by gateway_under_test.py.

GATEWAY_SIP6  an IPv6 listener, [::1]:PORT, unless it has none
"""

import concurrent.futures
import itertools
import os
import re
import secrets
import socket
import struct
import sys
import time

sys.dont_write_bytecode = True

import gateway_under_test

GATEWAY = gateway_under_test.from_environment()
ADDRESS = (GATEWAY.host, GATEWAY.port)
SIX = os.environ.get("GATEWAY_SIP6", "")

ANSWER_SECONDS = 4
SILENT_SECONDS = 0.5
# 64*T1 with the default of 500 ms, and a little.
CLOSE_SECONDS = 34
COOKIE = 0x2112A442

numbers = itertools.count(1)
tests = {}


def test(function):
    tests[function.__name__.replace("_", "-")] = function
    return function


# STUN on the SIP port (RFC 5626 §3.5.2, RFC 8489).

@test
def stun_tells_where_a_datagram_came_from():
    with datagrams() as one:
        mapped = binding(one, ADDRESS)
        expect(mapped == one.getsockname()[:2], f"{mapped} for {one.getsockname()}")


@test
def stun_over_ipv6():
    if not SIX:
        return
    with datagrams(socket.AF_INET6, "::1") as one:
        mapped = binding(one, six_address())
        expect(mapped == one.getsockname()[:2], f"{mapped} for {one.getsockname()}")


@test
def stun_indications_and_scraps_are_not_answered():
    with datagrams() as one:
        for scrap in (struct.pack("!HHI", 0x0011, 0, COOKIE) + bytes(12), struct.pack("!HHI", 0x0001, 8, COOKIE) + bytes(12), b"\0\1"):
            one.sendto(scrap, ADDRESS)
        expect(silent(one), "something came back")


# UDP.

@test
def line_ends_in_a_datagram_are_not_answered():
    with datagrams() as one:
        one.sendto(b"\r\n\r\n", ADDRESS)
        expect(silent(one), "something came back")


@test
def answers_go_to_the_port_of_the_via():
    with datagrams() as sender, datagrams() as named:
        sender.sendto(options(via=via_to(named), transport=b"UDP"), ADDRESS)
        expect(read_datagram(named).startswith(b"SIP/2.0 200"), "no 200")


@test
def answers_go_to_the_source_with_rport():
    """RFC 3581 §4."""
    with datagrams() as sender, datagrams() as named:
        sender.sendto(options(via=via_to(named) + b";rport", transport=b"UDP"), ADDRESS)
        answer = read_datagram(sender)
        expect(b"rport=%d" % sender.getsockname()[1] in answer and b"received=127.0.0.1" in answer, "no rport= and received= in the Via")


@test
def an_invite_that_comes_again_by_another_socket_makes_one_call():
    with datagrams() as first, datagrams() as second:
        call = Call(first)
        first.sendto(call.invite("9003"), ADDRESS)
        call.until(180)
        second.sendto(call.invite("9003"), ADDRESS)
        again = call.read()
        expect(again.startswith(b"SIP/2.0 180"), f"came {first_line(again)}")
        expect(tag_of(again) == call.tag, "another To tag: a second call")
        first.sendto(call.request(b"CANCEL", b"9003", branch=call.branch), ADDRESS)
        call.until(487)
        first.sendto(call.request(b"ACK", b"9003", branch=call.branch, to_tag=call.tag), ADDRESS)


@test
def a_cancel_right_behind_its_invite():
    """SIPp hears nothing while it sends: here both are under way before anything comes back."""
    with datagrams() as one, connection() as other:
        for call in (Call(one), Call(other)):
            cancel = call.request(b"CANCEL", b"9003", branch=call.branch)
            if call.is_stream:
                other.sendall(call.invite("9003") + cancel)
            else:
                one.sendto(call.invite("9003"), ADDRESS)
                one.sendto(cancel, ADDRESS)
            call.until(487)
            call.send(call.request(b"ACK", b"9003", branch=call.branch, to_tag=call.tag), ADDRESS)


@test
def a_call_goes_on_from_another_port():
    """A NAT gave the caller a new port: its BYE is of its dialog all the same."""
    with datagrams() as first, datagrams() as second:
        call = Call(first)
        call.up(ADDRESS)
        second.sendto(call.request(b"BYE", call.contact, number=2, to_tag=call.tag, via=via_to(second)), ADDRESS)
        answer = read_datagram(second)
        expect(answer.startswith(b"SIP/2.0 200"), f"came {first_line(answer)}")


@test
def the_version_in_o_stays_on_a_refresh_and_rises_with_a_change():
    """RFC 3264 §8, RFC 4028 §7.4."""
    with datagrams() as one:
        call = Call(one)
        first = call.up(ADDRESS)
        same = call.reoffer(ADDRESS, 2, description())
        changed = call.reoffer(ADDRESS, 3, description(version=2, direction="sendonly"))
        call.hang_up(ADDRESS, 4)
        versions = [int(re.search(rb"o=\S+ \S+ (\d+) ", answer)[1]) for answer in (first, same, changed)]
        expect(versions[1] == versions[0] and versions[2] == versions[0] + 1, f"versions {versions}")
        sessions = {re.search(rb"o=\S+ (\S+) ", answer)[1] for answer in (first, same, changed)}
        expect(len(sessions) == 1, f"session ids {sessions}")


# Streams (RFC 3261 §18.3, RFC 5626 §3.5.1).

@test
def a_ping_is_answered_by_a_pong():
    with connection() as one:
        one.sendall(b"\r\n\r\n")
        pong = one.recv(100)
        expect(pong == b"\r\n", f"{pong!r}")


@test
def a_ping_in_two_pieces_and_a_request_behind_it():
    with connection() as one:
        one.sendall(b"\r\n")
        time.sleep(0.1)
        one.sendall(b"\r\n" + options())
        got = Stream(one)
        expect(got.bytes(2) == b"\r\n", "no pong")
        expect(got.message().startswith(b"SIP/2.0 200"), "no 200")


@test
def a_request_byte_by_byte():
    with connection() as one:
        for byte in options():
            one.sendall(bytes([byte]))
        expect(Stream(one).message().startswith(b"SIP/2.0 200"), "no 200")


@test
def a_request_cut_at_each_of_its_line_ends():
    message = options(body=b"x" * 10)
    for found in re.finditer(rb"\r\n", message):
        for cut in (found.start(), found.start() + 1, found.end()):
            with connection() as one:
                one.sendall(message[:cut])
                time.sleep(0.02)
                one.sendall(message[cut:])
                expect(Stream(one).message().startswith(b"SIP/2.0 200"), f"no 200 when cut at {cut}")


@test
def fifty_requests_in_one_piece_are_answered_in_order():
    with connection() as one:
        requests = [options() for _ in range(50)]
        one.sendall(b"".join(requests))
        got = Stream(one)
        for request in requests:
            answer = got.message()
            expect(header(answer, b"Call-ID") == header(request, b"Call-ID"), "out of order")


@test
def one_request_and_half_of_the_next():
    with connection() as one:
        first, second = options(body=b"y" * 700), options()
        one.sendall(first + second[:40])
        got = Stream(one)
        expect(header(got.message(), b"Call-ID") == header(first, b"Call-ID"), "the first")
        one.sendall(second[40:])
        expect(header(got.message(), b"Call-ID") == header(second, b"Call-ID"), "the second")


@test
def line_ends_in_front_of_a_request_are_passed_over():
    with connection() as one:
        one.sendall(b"\r\n" + options())
        expect(Stream(one).message().startswith(b"SIP/2.0 200"), "no 200")


@test
def a_body_of_sixty_thousand_bytes():
    with connection() as one:
        one.sendall(options(body=b"z" * 60_000))
        expect(Stream(one).message().startswith(b"SIP/2.0 200"), "no 200")


@test
def a_message_beyond_the_limit_is_refused_and_the_connection_closed():
    with connection() as one:
        one.sendall(options(body=b"", length=10_000_000))
        got = Stream(one)
        status = first_line(got.message()).split()[1]
        expect(status in (b"413", b"513", b"400"), f"came {status}")
        expect(got.is_closed(ANSWER_SECONDS), "not closed")


@test
def a_request_without_content_length_is_refused_and_the_connection_closed():
    """RFC 3261 §18.3: there it must stand."""
    with connection() as one:
        one.sendall(re.sub(rb"Content-Length: 0\r\n", b"", options()))
        got = Stream(one)
        expect(got.message().startswith(b"SIP/2.0 400"), "no 400")
        expect(got.is_closed(ANSWER_SECONDS), "not closed")


@test
def noise_closes_the_connection():
    for noise in (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc", b"\0" * 100, b"{}\n"):
        with connection() as one:
            one.sendall(noise)
            expect(Stream(one).is_closed(ANSWER_SECONDS), f"{noise[:8]!r}")


@test
def a_request_that_is_never_finished_is_given_up_after_64_t1():
    with connection() as one:
        one.sendall(options()[:60])
        expect(Stream(one).is_closed(CLOSE_SECONDS), "still open")


@test
def answers_come_back_by_the_connection_whatever_the_via_says():
    """RFC 3261 §18.2.2."""
    with connection() as one:
        one.sendall(options(via=b"192.0.2.1:9"))
        answer = Stream(one).message()
        expect(b"received=127.0.0.1" in answer, "no received in the Via")


@test
def an_answer_whose_connection_is_gone_comes_by_another():
    """RFC 3261 §18.2.2: to the address of the Via. 9002 answers after two seconds."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(ANSWER_SECONDS)
        with connection() as one:
            call = Call(one, via=via_to(listener))
            one.sendall(call.invite("9002"))
            call.until(180)
        other, _ = listener.accept()
        with other:
            other.settimeout(ANSWER_SECONDS)
            call.stream = Stream(other)
            answer = call.until(200)
            other.sendall(call.request(b"ACK", call.contact, to_tag=call.tag))
            other.sendall(call.request(b"BYE", call.contact, number=2, to_tag=call.tag))
            call.until(200)
            expect(b"m=audio" in answer, "no description in the 200")


@test
def a_call_outlives_its_connection():
    with connection() as one:
        call = Call(one)
        call.up()
    with connection() as other:
        other.sendall(call.request(b"BYE", call.contact, number=2, to_tag=call.tag, via=via_to(other)))
        expect(Stream(other).message().startswith(b"SIP/2.0 200"), "no 200")


@test
def two_hundred_connections_at_once():
    held = [connection() for _ in range(200)]
    try:
        for one in held:
            one.sendall(options())
        answered = sum(Stream(one).message().startswith(b"SIP/2.0 200") for one in held)
        expect(answered == 200, f"{answered} answered")
    finally:
        for one in held:
            one.close()


# What the tests are written with.

class Failed(Exception):
    pass


def expect(holds, words):
    if not holds:
        raise Failed(words)


def datagrams(family=socket.AF_INET, address="127.0.0.1"):
    one = socket.socket(family, socket.SOCK_DGRAM)
    one.bind((address, 0))
    one.settimeout(ANSWER_SECONDS)
    return one


def connection():
    return socket.create_connection(ADDRESS, timeout=ANSWER_SECONDS)


def six_address():
    host, _, port = SIX.rpartition(":")
    return host.strip("[]"), int(port)


def binding(one, address):
    """The address that a STUN binding request is told it came from."""
    transaction = secrets.token_bytes(12)
    one.sendto(struct.pack("!HHI", 0x0001, 0, COOKIE) + transaction, address)
    answer = one.recv(2048)
    kind, length, cookie = struct.unpack_from("!HHI", answer)
    expect(kind == 0x0101 and cookie == COOKIE and answer[8:20] == transaction and len(answer) == 20 + length, f"no binding success: {answer.hex()}")
    at = 20
    while at < len(answer):
        attribute, size = struct.unpack_from("!HH", answer, at)
        if attribute == 0x0020:
            family, port = answer[at + 5], struct.unpack_from("!H", answer, at + 6)[0] ^ COOKIE >> 16
            key = struct.pack("!I", COOKIE) + transaction
            octets = bytes(a ^ b for a, b in zip(answer[at + 8:at + 4 + size], key))
            return socket.inet_ntop(socket.AF_INET6 if family == 2 else socket.AF_INET, octets), port
        at += 4 + (size + 3) // 4 * 4
    raise Failed("no XOR-MAPPED-ADDRESS")


def silent(one):
    one.settimeout(SILENT_SECONDS)
    try:
        one.recv(2048)
        return False
    except TimeoutError:
        return True


def read_datagram(one):
    try:
        return one.recv(65535)
    except TimeoutError:
        raise Failed("no answer") from None


def via_to(one):
    return b"%s:%d" % (one.getsockname()[0].encode(), one.getsockname()[1])


def options(via=b"127.0.0.1:9", body=b"", length=None, transport=b"TCP"):
    number = next(numbers)
    length = len(body) if length is None else length
    kind = b"Content-Type: text/plain\r\n" if body else b""
    return (b"OPTIONS sip:ping@127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/%s %s;branch=z9hG4bKs%d\r\nFrom: <sip:judge@127.0.0.1>;tag=1\r\nTo: <sip:ping@127.0.0.1>\r\n"
            b"Call-ID: stream-%d-%s@127.0.0.1\r\nCSeq: 1 OPTIONS\r\nMax-Forwards: 70\r\n%sContent-Length: %d\r\n\r\n%s"
            % (transport, via, number, number, RUN, kind, length, body))


def description(version=1, direction="sendrecv"):
    return (f"v=0\r\no=- 1 {version} IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 9 RTP/AVP 8 101\r\na=rtpmap:8 PCMA/8000\r\n"
            f"a=rtpmap:101 telephone-event/8000\r\na={direction}\r\n").encode()


def first_line(message):
    return message.split(b"\r\n")[0]


def header(message, name):
    found = re.search(rb"(?im)^" + name + rb"\s*:\s*([^\r\n]*)", message)
    return found[1] if found else b""


def tag_of(answer):
    found = re.search(rb"tag=([^\s;]+)", header(answer, b"To"))
    return found[1] if found else b""


class Call:
    """A caller, by datagrams or by a stream."""

    def __init__(self, one, via=None):
        self.socket, self.via = one, via or via_to(one)
        self.is_stream = one.type & socket.SOCK_STREAM == socket.SOCK_STREAM
        self.stream = Stream(one) if self.is_stream else None
        self.number, self.tag, self.contact = next(numbers), b"", b"sip:nobody@127.0.0.1"
        self.branch = b"z9hG4bKc%d-%s" % (self.number, RUN)

    def request(self, method, target, *, number=1, branch=None, to_tag=b"", body=b"", via=None):
        target = target if target.startswith(b"sip:") else b"sip:%s@127.0.0.1:%d" % (target, GATEWAY.port)
        branch = branch or b"z9hG4bKr%d-%s" % (next(numbers), RUN)
        lines = [
            b"%s %s SIP/2.0" % (method, target), b"Via: SIP/2.0/%s %s;branch=%s" % (b"TCP" if self.is_stream else b"UDP", via or self.via, branch),
            b"From: <sip:judge@127.0.0.1>;tag=c%d" % self.number, b"To: <sip:called@127.0.0.1>" + (b";tag=" + to_tag if to_tag else b""),
            b"Call-ID: call-%d-%s@127.0.0.1" % (self.number, RUN), b"CSeq: %d %s" % (number, method), b"Max-Forwards: 70",
            b"Contact: <sip:judge@%s>" % self.via, *([b"Content-Type: application/sdp"] if body else []), b"Content-Length: %d" % len(body), b"", body,
        ]
        return b"\r\n".join(lines)

    def invite(self, number):
        return self.request(b"INVITE", number.encode(), branch=self.branch, body=description())

    def send(self, message, address):
        if self.is_stream:
            self.socket.sendall(message)
        else:
            self.socket.sendto(message, address)

    def read(self):
        return self.stream.message() if self.stream else read_datagram(self.socket)

    def until(self, status):
        """Whatever comes before it is passed over."""
        for _ in range(20):
            answer = self.read()
            self.tag = tag_of(answer) or self.tag
            found = re.search(rb"<([^>]+)>", header(answer, b"Contact"))
            self.contact = found[1] if found else self.contact
            if answer.startswith(b"SIP/2.0 %d " % status):
                return answer
        raise Failed(f"no {status}")

    def up(self, address=None):
        self.send(self.invite("9001"), address)
        answer = self.until(200)
        self.send(self.request(b"ACK", self.contact, to_tag=self.tag), address)
        return answer

    def reoffer(self, address, number, body):
        self.send(self.request(b"INVITE", self.contact, number=number, to_tag=self.tag, body=body), address)
        answer = self.until(200)
        self.send(self.request(b"ACK", self.contact, number=number, to_tag=self.tag), address)
        return answer

    def hang_up(self, address, number):
        self.send(self.request(b"BYE", self.contact, number=number, to_tag=self.tag), address)
        self.until(200)


class Stream:
    def __init__(self, one):
        self.socket, self.buffer = one, b""

    def bytes(self, count):
        while len(self.buffer) < count:
            self.fill()
        read, self.buffer = self.buffer[:count], self.buffer[count:]
        return read

    def message(self):
        while b"\r\n\r\n" not in self.buffer:
            self.fill()
        head = self.buffer.partition(b"\r\n\r\n")[0]
        return self.bytes(len(head) + 4 + int(header(head, b"Content-Length") or 0))

    def fill(self):
        try:
            read = self.socket.recv(65535)
        except TimeoutError:
            raise Failed(f"no answer, {self.buffer[:60]!r}") from None
        except ConnectionError:
            read = b""
        expect(read, "the connection was closed")
        self.buffer += read

    def is_closed(self, seconds):
        self.socket.settimeout(seconds)
        try:
            while self.socket.recv(65535):
                pass
            return True
        except TimeoutError:
            return False
        except ConnectionError:
            return True


RUN = secrets.token_hex(4).encode()


def main():
    names = sys.argv[1:] or list(tests)
    if unknown := [name for name in names if name not in tests]:
        sys.exit(f"no test {', '.join(unknown)}\n{__doc__}")
    failed = 0
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        for name, fault in zip(names, pool.map(lambda name: fault_of(tests[name]), names)):
            print(f"FAILED {name}: {fault}" if fault else f"ok     {name}", flush=True)
            failed += bool(fault)
    sys.exit(1 if failed else 0)


def fault_of(function):
    try:
        function()
        return None
    except Failed as fault:
        return str(fault)
    except OSError as error:
        return f"{type(error).__name__}: {error}"


if __name__ == "__main__":
    main()
