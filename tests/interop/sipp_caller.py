"""SIPp as a caller: a scenario and a capture go in; how it went, and what was heard, come out."""

import contextlib
import ctypes
import dataclasses
import pathlib
import re
import socket
import struct
import subprocess
import threading
import time

import gateway_under_test
import sipp_steps

ETH_P_IP = 0x0800
PACKET_OUTGOING = 4
SO_ATTACH_FILTER, SO_TIMESTAMP = 26, 29


@dataclasses.dataclass(frozen=True)
class Ended:
    """How a call went: SIPp's complaints, the Q.850 cause of the BYE that came, the RTP that came with its times."""

    fault: str
    cause: int
    acknowledged: float
    heard: list


def call(gateway, ports, folder, script, *, caller, number, seconds, steps=None, headers=(), address="127.0.0.1"):
    """Plays a script into a call from `address`, until the gateway hangs up or the `steps` are done."""
    folder, port = pathlib.Path(folder), ports.take()
    folder.mkdir(parents=True, exist_ok=True)
    script.write(folder / "caller.pcap")
    content = sipp_steps.sdp(f"{script.codec.payload_type} {script.event}", event=script.event)
    steps = sipp_steps.call(headers=headers, content=content) + sipp_steps.play() + (steps or sipp_steps.hung_up())
    file = folder / "call.xml"
    file.write_text(sipp_steps.scenario("call", steps))
    with Listener(port + 2, gateway) as listener:
        process = start(file, folder, port, "udp", seconds, ["-s", number, "-key", "caller", caller, f"{gateway.host}:{gateway.port}"], address)
        try:
            code = process.wait(seconds + 10)
        except subprocess.TimeoutExpired:
            process.kill()
            code = process.wait()
    messages = "".join(file.read_text(errors="replace") for file in folder.glob("*.messages"))
    fault = "" if code == 0 else f"SIPp exit code {code}: {last_words(folder)}"
    if not fault and not listener.timed:
        fault = f"nothing came to port {port + 2}: {re.findall('m=audio.*', messages)}"
    return Ended(fault, cause_of(messages), acknowledged(messages), listener.timed)


def cause_of(messages):
    """0 where no BYE came."""
    bye = re.search(r"message received \[\d+\] bytes ?:\s+BYE .*?\n\s*\n", messages, re.DOTALL)
    reason = bye and re.search(r"^Reason: *Q\.850 *;.*\bcause *= *(\d+)", bye[0], re.MULTILINE)
    return int(reason[1]) if reason else 0


def acknowledged(messages):
    """When the ACK left, in seconds of the day as `time.time()` counts them; 0 where it didn't."""
    found = re.search(r"-+ (\d{4}-\d\d-\d\d)[ \t](\d\d:\d\d:\d\d)\.(\d+)\n\w+ message sent[^\n]*\n\s*ACK ", messages)
    if not found:
        return 0.0
    return time.mktime(time.strptime(f"{found[1]} {found[2]}", "%Y-%m-%d %H:%M:%S")) + float(f"0.{found[3]}")


def start(file, folder, port, transport, seconds, more, address="127.0.0.1"):
    stem, address = file.stem + str(port), "[::1]" if transport.endswith("6") else address
    command = [*gateway_under_test.URGENT, "sipp", "-sf", file, "-i", address, "-p", port, "-mi", address.strip("[]"), "-mp", port + 2, "-m", 1, "-l", 1, "-t", f"{transport[0]}1",
               "-nostdin", "-timeout", seconds, "-timeout_error", "-trace_err", "-error_file", folder / f"{stem}.errors",
               "-trace_msg", "-message_file", folder / f"{stem}.messages", *more]
    with open(folder / f"{stem}.screen", "w") as screen:
        return subprocess.Popen(list(map(str, command)), cwd=folder, stdout=screen, stderr=screen)


def last_words(folder):
    """What SIPp complained of, and the last message it saw."""
    errors = "".join(file.read_text(errors="replace") for file in folder.glob("*.errors")).strip().splitlines()
    messages = "".join(file.read_text(errors="replace") for file in folder.glob("*.messages")).strip().splitlines()
    return "\n    ".join(["", *errors[:12], "last messages:", *messages[-40:]])


class Ports:
    """Eight neighbouring ports for each call, none given twice."""

    def __init__(self, avoid):
        self.avoid, self.given, self.lock = avoid, set(), threading.Lock()

    def take(self):
        with self.lock:
            while True:
                first = gateway_under_test.free_ports(8, self.avoid)
                if not self.given & set(range(first, first + 8)):
                    self.given.update(range(first, first + 8))
                    return first


class Listener(threading.Thread):
    """Reads RTP to one port off the loopback interface: SIPp does not keep what it hears. Only the gateway's counts."""

    def __init__(self, port, gateway, wanted=True):
        super().__init__(daemon=True)
        self.gateway, self.timed, self.ended = gateway, [], not wanted
        # Nothing comes before it is bound, so nothing that is not filtered.
        self.socket = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, 0)
        only(self.socket, port)
        self.socket.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMP, 1)
        self.socket.bind(("lo", ETH_P_IP))
        self.socket.settimeout(0.2)

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.ended = True
        self.join()
        self.socket.close()

    @property
    def packets(self):
        return [packet for _, packet in self.timed]

    def run(self):
        while not self.ended:
            with contextlib.suppress(TimeoutError):
                packet, told, _, address = self.socket.recvmsg(2048, 64)
                header = (packet[0] & 0x0F) * 4
                source, rtp = int.from_bytes(packet[header:header + 2], "big"), packet[header + 8:]
                # On loopback each packet passes twice: out and in.
                if address[2] != PACKET_OUTGOING and self.gateway.may_send_from(source) and rtp[:1] and rtp[0] >> 6 == 2:
                    seconds, micros = struct.unpack("ll", told[0][2])
                    self.timed.append((seconds + micros / 1e6, rtp))


def only(one, port):
    """The kernel passes up UDP to one port alone: each listener would look at all callers' packets otherwise."""
    code = [(0x30, 0, 0, 9), (0x15, 0, 4, socket.IPPROTO_UDP), (0xB1, 0, 0, 0), (0x48, 0, 0, 2), (0x15, 0, 1, port), (0x06, 0, 0, 65535), (0x06, 0, 0, 0)]
    instructions = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *one) for one in code))
    one.setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER, struct.pack("HL", len(code), ctypes.addressof(instructions)))
