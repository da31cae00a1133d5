#!/usr/bin/python3
"""Three baresip phones dial in: A and B meet, C sits in another meeting. Who hears whom is read from the sound.

usage: baresip_meeting.py [--stand-in]

Each phone sends a tone of its own, and records what it hears. At the end A must hear B's tone and not its own
or C's, B A's and not its own or C's, C neither (MEET-7, ISO-1). Then A presses *6, and B must hear nobody (DIAL-8). The gateway must show what it measures of both
directions, by what baresip says in RTCP too (MEDIA-7). --stand-in tests this script: A calls B directly.

baresip needs no sound card: aufile plays the tone from a file, aubridge swallows what would be played, sndfile
records it on the way there, ctrl_tcp takes commands as JSON in netstrings.

GATEWAY_ACCESS      access number, 02153290005 unless said
GATEWAY_MEETING     meeting of A and B as ID:PASSWORD, 900100001:1234 unless said
GATEWAY_MEETING_2   meeting of C, 900100002:1234 unless said
"""

import array
import json
import math
import os
import pathlib
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
import wave

sys.dont_write_bytecode = True

import gateway_under_test

ACCESS = os.environ.get("GATEWAY_ACCESS", "02153290005")
MEETING = os.environ.get("GATEWAY_MEETING", "900100001:1234").split(":")
MEETING_2 = os.environ.get("GATEWAY_MEETING_2", "900100002:1234").split(":")

RATE = 8000
# None is a multiple or a mirror image of another, nor a DTMF or call-progress frequency.
HERTZ = {"A": 430, "B": 590, "C": 1040}

# A digit takes baresip 0.2 s; a verdict and its announcement, and entry tones, are over after SETTLE.
DIGIT_SECONDS = 0.3
PASSWORD_AFTER = 1.5
SETTLE = 8.0
TALK = 5.0

WINDOW = RATE // 10
HEARD_DBFS = -36.0
UNHEARD_DBFS = -50.0

# SIP takes a port and, for TLS, the next one.
PORTS_PER_PHONE = 24

CONFIG = """\
poll_method epoll
net_interface 127.0.0.1
sip_listen 127.0.0.1:{sip}
ctrl_tcp_listen 127.0.0.1:{control}
rtp_ports {media}-{media_end}
call_local_timeout 30
audio_source aufile,{folder}/tone.wav
audio_player aubridge,unheard
audio_alert aubridge,alert
ausrc_srate 8000
auplay_srate 8000
ausrc_channels 1
auplay_channels 1
jitter_buffer_delay 2-10
snd_path {folder}
module_path {modules}
module g711.so
module aufile.so
module aubridge.so
module sndfile.so
module_tmp account.so
module_app menu.so
module_app ctrl_tcp.so
"""


def main():
    stand_in = sys.argv[1:] == ["--stand-in"]
    if sys.argv[1:] and not stand_in:
        sys.exit(__doc__)
    if not shutil.which("baresip"):
        sys.exit("baresip is not installed: run tests/setup")
    gateway = gateway_under_test.from_environment()
    with tempfile.TemporaryDirectory(prefix="baresip-") as folder:
        phones = {}
        try:
            for name in "AB" if stand_in else "ABC":
                ports = [range(phone.first, phone.first + PORTS_PER_PHONE) for phone in phones.values()]
                avoid = [*gateway.media, *(port for taken in ports for port in taken)]
                phones[name] = Phone(name, pathlib.Path(folder) / name, avoid, answers=stand_in and name == "B")
            faults = call_each_other(phones) if stand_in else meet(phones, gateway)
        finally:
            for phone in phones.values():
                phone.stop()
    print("\n".join(f"FAILED {fault}" for fault in faults) if faults else "ok     who should hear whom does, and nobody else")
    sys.exit(1 if faults else 0)


def meet(phones, gateway):
    where = f"sip:{ACCESS}@{gateway.host}:{gateway.port}"
    for name, (meeting, password) in {"A": MEETING, "B": MEETING, "C": MEETING_2}.items():
        phone = phones[name]
        if not phone.dial(where):
            return [f"{name}: no answer to {where}; {phone.last_words()}"]
        time.sleep(1)
        phone.press(meeting + "#")
        time.sleep(PASSWORD_AFTER)
        phone.press(password + "#")
    time.sleep(SETTLE + TALK)
    muted_at = time.monotonic()
    phones["A"].press("*6")
    time.sleep(SETTLE + TALK)
    after = time.monotonic() - muted_at
    faults = [f"{name}: the call ended by itself" for name, phone in phones.items() if not phone.in_call()]
    faults += badly_measured(gateway)
    for phone in phones.values():
        phone.command("hangup")
    time.sleep(1)
    recordings = {name: phone.heard() for name, phone in phones.items()}
    before = {name: samples[:-int(after * RATE)] for name, samples in recordings.items()}
    faults += hearing(before, {"A": "B", "B": "A", "C": ""})
    print("       A has muted itself")
    return faults + hearing(recordings, {"A": "B", "B": "", "C": ""})


def badly_measured(gateway):
    """On loopback nothing is lost, and little time passes."""
    request = urllib.request.Request(f"{gateway.http}/v1/calls", headers={"Authorization": f"Bearer {gateway.token}"})
    with urllib.request.urlopen(request, timeout=5) as answer:
        calls = json.load(answer)
    faults = [] if len(calls) >= 3 else [f"the gateway shows {len(calls)} calls"]
    for call in calls:
        for way in ("inbound", "outbound"):
            shown = call[way]
            figures = [shown[name] for name in ("loss_percent", "jitter_ms", "delay_estimated_ms", "mos")]
            print(f"       {call['caller']} {way}: loss {figures[0]} %, jitter {figures[1]} ms, delay {figures[2]} ms, MOS {figures[3]}, {shown['signal']}")
            if None in figures or figures[0] > 1 or figures[2] > 100 or figures[3]["score"] < 4.2 or shown["signal"] != "green":
                faults.append(f"call {call['call']}, {way}: {shown}")
    return faults


def call_each_other(phones):
    if not phones["A"].dial(f"sip:{phones['B'].user}@127.0.0.1:{phones['B'].first}"):
        return [f"A: no answer; {phones['A'].last_words()}"]
    time.sleep(1)
    phones["A"].press(MEETING[0] + "#")
    time.sleep(TALK + 1)
    phones["A"].command("hangup")
    time.sleep(1)
    faults = hearing({name: phone.heard() for name, phone in phones.items()}, {"A": "B", "B": "A"})
    pressed = "".join(phones["B"].digits())
    return faults + ([] if pressed == MEETING[0] + "#" else [f"B got the digits {pressed!r}"])


def hearing(recordings, wanted):
    """Prints the level of each tone in each recording's last TALK seconds; returns what is not as wanted."""
    faults = []
    for listener, samples in recordings.items():
        if len(samples) < (TALK - 1) * RATE:
            faults.append(f"{listener} recorded {len(samples) / RATE:.1f} s only")
            continue
        samples = samples[-int(TALK * RATE):][:-RATE // 4]
        row = []
        for talker, hertz in HERTZ.items():
            levels = sorted(tone_dbfs(samples[i:i + WINDOW], hertz) for i in range(0, len(samples) - WINDOW + 1, WINDOW))
            # Heard: most of the time. Not heard: not for one tenth of a second.
            middle, loudest = levels[len(levels) // 2], levels[-1]
            row.append(f"{talker} {middle:6.1f} (at most {loudest:6.1f})")
            if talker in wanted[listener] and middle < HEARD_DBFS:
                faults.append(f"{listener} does not hear {talker}: {middle:.1f} dBFS")
            if talker not in wanted[listener] and loudest > UNHEARD_DBFS:
                faults.append(f"{listener} hears {talker}: {loudest:.1f} dBFS")
        print(f"       {listener} hears, in dBFS: {', '.join(row)}")
    return faults


def tone_dbfs(samples, hertz):
    """One line of the Fourier transform, under a Hann window; a full-scale sine is 0 dBFS."""
    turn = 2 * math.pi * hertz / RATE
    real = imaginary = 0.0
    for i, sample in enumerate(samples):
        weighted = sample * (1 - math.cos(2 * math.pi * i / len(samples)))
        real += weighted * math.cos(turn * i)
        imaginary += weighted * math.sin(turn * i)
    amplitude = 2 * math.hypot(real, imaginary) / len(samples) / 32768
    return 20 * math.log10(max(amplitude, 1e-6))


class Phone:
    def __init__(self, name, folder, avoid, answers):
        self.folder, self.digits_heard = folder, []
        self.first = gateway_under_test.free_ports(PORTS_PER_PHONE, set(avoid))
        folder.mkdir()
        write_tone(folder / "tone.wav", HERTZ[name])
        (folder / "config").write_text(CONFIG.format(
            sip=self.first, control=self.first + 2, media=self.first + 4, media_end=self.first + PORTS_PER_PHONE - 1,
            folder=folder, modules=modules()))
        mode = "auto" if answers else "manual"
        self.user = f"1380000000{ord(name) - ord('A') + 1}"
        (folder / "accounts").write_text(f"<sip:{self.user}@127.0.0.1>;regint=0;audio_codecs=pcma;answermode={mode}\n")
        (folder / "contacts").write_text("")
        self.log = open(folder / "log", "w")
        self.process = subprocess.Popen(["baresip", "-4", "-f", folder], stdin=subprocess.DEVNULL, stdout=self.log,
                                        stderr=subprocess.STDOUT)
        self.socket, self.received, self.events = self.connect(self.first + 2), b"", []

    def connect(self, port):
        for _ in range(100):
            try:
                return socket.create_connection(("127.0.0.1", port))
            except ConnectionRefusedError:
                if self.process.poll() is not None:
                    break
                time.sleep(0.1)
        raise SystemExit(f"baresip did not start; {self.last_words()}")

    def command(self, name, parameters=""):
        body = json.dumps({"command": name, "params": parameters}).encode()
        self.socket.sendall(b"%d:%s," % (len(body), body))

    def dial(self, uri):
        self.command("dial", uri)
        return self.wait_for("CALL_ESTABLISHED", 10)

    def press(self, digits):
        for digit in digits:
            self.command("sndcode", digit)
            time.sleep(DIGIT_SECONDS)

    def wait_for(self, event, seconds):
        until = time.monotonic() + seconds
        while not self.seen(event):
            if time.monotonic() > until or self.seen("CALL_CLOSED"):
                return False
            time.sleep(0.05)
        return True

    def seen(self, event):
        self.read()
        return any(entry.get("type") == event for entry in self.events)

    def in_call(self):
        return self.seen("CALL_ESTABLISHED") and not self.seen("CALL_CLOSED")

    def read(self):
        """Takes in the netstrings that have come."""
        self.socket.setblocking(False)
        try:
            while more := self.socket.recv(65536):
                self.received += more
        except BlockingIOError:
            pass
        finally:
            self.socket.setblocking(True)
        while b":" in self.received:
            length, rest = self.received.split(b":", 1)
            if len(rest) <= int(length):
                return
            self.events.append(json.loads(rest[:int(length)]))
            self.received = rest[int(length) + 1:]

    def digits(self):
        self.read()
        return [entry["param"] for entry in self.events if entry.get("type") == "CALL_DTMF_START"]

    def heard(self):
        """What sndfile recorded of the last call, decoded."""
        recordings = sorted(self.folder.glob("dump-*-dec.wav"))
        if not recordings:
            return array.array("h")
        with wave.open(str(recordings[-1])) as file:
            assert (file.getframerate(), file.getnchannels(), file.getsampwidth()) == (RATE, 1, 2), "G.711 is 8 kHz mono"
            return array.array("h", file.readframes(file.getnframes()))

    def last_words(self):
        self.log.flush()
        lines = [line for line in (self.folder / "log").read_text(errors="replace").split("\n") if line.strip(" \r\0")]
        return "\n       ".join(["baresip said:", *lines[-12:]])

    def stop(self):
        self.process.terminate()
        try:
            self.process.wait(5)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.log.close()


def modules():
    for folder in ("/usr/lib/baresip/modules", "/usr/local/lib/baresip/modules"):
        if os.path.isdir(folder):
            return folder
    raise SystemExit("baresip has no modules: run tests/setup")


def write_tone(path, hertz):
    """Two minutes; 0.8 s on and 0.2 s off with soft edges, lest a gateway take it for the noise of an idle line."""
    second = array.array("h")
    for i in range(RATE):
        edge = max(0.0, min(1.0, i / 160, (0.8 * RATE - i) / 160))
        second.append(round(9000 * edge * math.sin(2 * math.pi * hertz * i / RATE)))
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes(second.tobytes() * 120)


main()
