"""baresip as a phone: it sends a tone, records what it hears, and takes commands.

It needs no sound card: aufile plays the tone from a file, aubridge swallows what would be played, sndfile records it on the way
there, ctrl_tcp takes commands as JSON in netstrings.
"""

import array
import atexit
import functools
import json
import math
import os
import pathlib
import shutil
import socket
import subprocess
import tempfile
import time
import wave

import gateway_under_test

RATE = 8000
# A digit takes baresip 0.2 s.
DIGIT_SECONDS = 0.3
# The password's prompt begins by then.
PASSWORD_AFTER = 1.5
# SIP takes a port and, for TLS, the next one.
PORTS_PER_PHONE = 24

CONFIG = """\
poll_method epoll
net_interface {address}
sip_listen 127.0.0.1:{sip}
ctrl_tcp_listen 127.0.0.1:{control}
rtp_ports {media}-{media_end}
call_local_timeout 30
audio_source aufile,{folder}/tone.wav
audio_player aubridge,unheard
audio_alert aubridge,alert
ausrc_srate {rate}
auplay_srate {rate}
ausrc_channels 1
auplay_channels 1
jitter_buffer_delay 2-10
snd_path {folder}
module_path {modules}
module g711.so
module g722.so
module opus.so
module aufile.so
module aubridge.so
module sndfile.so
{instance}module_tmp account.so
module_app menu.so
module_app ctrl_tcp.so
"""


# The rate of each codec's sound, and baresip's name for it, without which it offers all that it has.
RATES = {"pcma": RATE, "g722": 16000, "opus": 48000}
NAMES = {"pcma": "pcma", "g722": "G722/16000/1", "opus": "opus/48000/2"}


class Phone:
    def __init__(self, user, hertz, folder, avoid, answers=False, codec="pcma", encryption=None, settings="", account=None, ice=None, instance=None, certificate=None):
        """`ice`: the address that it is to have, and check by. `instance`: the UUID that it registers by. `certificate`: P-256, if it is
        not to show its own, of RSA."""
        self.folder, self.user, self.rate = folder, user, RATES[codec]
        self.first = gateway_under_test.free_ports(PORTS_PER_PHONE, set(avoid))
        folder.mkdir()
        write_tone(folder / "tone.wav", hertz, self.rate)
        (folder / "config").write_text(CONFIG.format(
            sip=self.first, control=self.first + 2, media=self.first + 4, media_end=self.first + PORTS_PER_PHONE - 1,
            folder=folder, modules=modules(), rate=self.rate, instance="module_tmp uuid.so\n" if instance else "", address=ice or "127.0.0.1") + encryption_module(encryption) + ("module ice.so\n" if ice else "") + settings)
        mode = "auto" if answers else "manual"
        mediaenc = (f";mediaenc={encryption}" if encryption else "") + (";medianat=ice" if ice else "")
        account = account or f"<sip:{self.user}@127.0.0.1>;regint=0"
        (folder / "accounts").write_text(f"{account};audio_codecs={NAMES[codec]};answermode={mode}{mediaenc}\n")
        (folder / "contacts").write_text("")
        if instance:
            (folder / "uuid").write_text(instance)
        self.log = open(folder / "log", "w")
        environment = {**os.environ, **p256_certificate()} if certificate == "P-256" else None
        self.process = subprocess.Popen([*gateway_under_test.URGENT, "baresip", "-4", "-f", folder], stdin=subprocess.DEVNULL, stdout=self.log,
                                        stderr=subprocess.STDOUT, env=environment)
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

    def join(self, access, meeting):
        """Calls an access number and keys a meeting, an ID and a password; whether it was answered."""
        if not self.dial(access):
            return False
        time.sleep(1)
        self.press(meeting[0] + "#")
        time.sleep(PASSWORD_AFTER)
        self.press(meeting[1] + "#")
        return True

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

    def ending(self):
        """What it was told as its call ended."""
        self.read()
        return next((entry["param"] for entry in self.events if entry.get("type") == "CALL_CLOSED"), "")

    def digits(self):
        self.read()
        return [entry["param"] for entry in self.events if entry.get("type") == "CALL_DTMF_START"]

    def heard(self):
        """What sndfile recorded of the last call, decoded."""
        recordings = sorted(self.folder.glob("dump-*-dec.wav"))
        if not recordings:
            return array.array("h")
        with wave.open(str(recordings[-1])) as file:
            assert (file.getframerate(), file.getsampwidth()) == (self.rate, 2), "another codec was taken"
            return array.array("h", file.readframes(file.getnframes()))[::file.getnchannels()]

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


def encryption_module(name):
    if not name:
        return ""
    return "module dtls_srtp.so\n" if name.startswith("dtls") else "module srtp.so\n"


@functools.cache
def p256_certificate():
    """What has baresip 1.0 show a certificate on P-256, as later versions do by themselves, in place of RSA's."""
    folder = pathlib.Path(tempfile.mkdtemp(prefix="baresip-certificate-"))
    atexit.register(shutil.rmtree, folder)
    pem, library = folder / "certificate.pem", folder / "certificate.so"
    source = pathlib.Path(__file__).with_name("baresip_certificate.c")
    subprocess.run(["cc", "-shared", "-fPIC", "-o", library, source], check=True)
    made = subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
         "-subj", "/CN=dtls@baresip", "-keyout", "-", "-out", "-"], check=True, capture_output=True)
    pem.write_bytes(made.stdout)
    return {"LD_PRELOAD": str(library), "BARESIP_CERTIFICATE": str(pem)}


def write_tone(path, hertz, rate=RATE):
    """A frequency, or several. Two minutes; 0.8 s on and 0.2 s off with soft edges, lest a gateway take it for the noise of an idle line."""
    second = array.array("h")
    soft = rate / 50
    tones = [hertz] if isinstance(hertz, int) else hertz
    for i in range(rate):
        edge = max(0.0, min(1.0, i / soft, (0.8 * rate - i) / soft))
        second.append(round(9000 * edge * sum(math.sin(2 * math.pi * tone * i / rate) for tone in tones) / len(tones)))
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(second.tobytes() * 120)
