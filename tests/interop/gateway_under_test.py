"""Where the gateway under test is, and free ports for those who call it.

GATEWAY_SIP   HOST:PORT of its SIP listener, 127.0.0.1:5060 unless said
GATEWAY_HTTP  its HTTP API, http://127.0.0.1:8080 unless said
GATEWAY_TOKEN the API's token
GATEWAY_RTP   LOW-HIGH, its media ports: callers keep out of them
"""

import dataclasses
import os
import random
import socket
import urllib.parse


# Sound is made in real time, whatever else the machine is doing; without the right to it nice only complains.
URGENT = ("nice", "-n", "-15") if os.geteuid() == 0 else ()


@dataclasses.dataclass(frozen=True)
class Gateway:
    host: str
    port: int
    http: str
    token: str
    media: range

    def sip(self, transport, six=""):
        """Where a caller by that transport sends; `six` is the IPv6 listener."""
        return six if transport.endswith("6") else f"{self.host}:{self.port}"

    def may_send_from(self, port):
        """Anywhere, where GATEWAY_RTP does not say."""
        return port in self.media or self.media == range(1)


def from_environment():
    host, _, port = os.environ.get("GATEWAY_SIP", "127.0.0.1:5060").rpartition(":")
    low, _, high = os.environ.get("GATEWAY_RTP", "0-0").partition("-")
    http = os.environ.get("GATEWAY_HTTP", "http://127.0.0.1:8080")
    for named in (host, urllib.parse.urlsplit(http).hostname):
        if not named.startswith("127."):
            raise SystemExit(f"{named}: these tests send to 127.0.0.0/8 only")
    return Gateway(host, int(port), http, os.environ.get("GATEWAY_TOKEN", ""), range(int(low), int(high) + 1))


# Below the system's own choices: those of callers, and those of gateways in blocks of so many. A gateway's stay whose they
# are while nobody listens, for one that was killed starts on them again.
OF_CALLERS, OF_GATEWAYS, BLOCK = range(22000, 32000, 2), range(10000, 22000, 256), 256
kept = []


def free_ports(count, avoid=range(0), address="127.0.0.1"):
    """The first of `count` neighbouring ports, even, free for UDP and TCP."""
    for _ in range(200):
        wanted = ports_from(random.choice(OF_CALLERS), count)
        if not any(port in avoid for port in wanted) and all(is_free(address, port) for port in wanted):
            return wanted.start
    raise SystemExit(f"no {count} free ports in a row")


def keep_ports(count, address="127.0.0.1"):
    """The same for a gateway: they are no other script's until this one ends."""
    for _ in range(200):
        wanted = ports_from(random.choice(OF_GATEWAYS), count)
        if keep(wanted[::BLOCK]) and all(is_free(address, port) for port in wanted):
            return wanted.start
    raise SystemExit(f"no {count} free ports in a row")


def ports_from(first, count):
    return range(first, first + count)


def keep(blocks):
    """A name that is bound is a lock that goes with its process."""
    locks = [socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) for _ in blocks]
    try:
        for block, lock in zip(blocks, locks):
            lock.bind(f"\0gateway-test-ports-{block}")
    except OSError:
        for lock in locks:
            lock.close()
        return False
    kept.extend(locks)
    return True


def is_free(address, port):
    for kind in (socket.SOCK_DGRAM, socket.SOCK_STREAM):
        with socket.socket(socket.AF_INET, kind) as probe:
            try:
                probe.bind((address, port))
            except OSError:
                return False
    return True
