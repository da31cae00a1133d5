"""A gateway for one script by itself, on free ports, with what the script needs of settings.

GATEWAY_PROGRAM  the gateway, target/ci/gateway unless said
"""

import atexit
import json
import os
import pathlib
import signal
import subprocess
import time
import urllib.error
import urllib.request

import gateway_under_test

ROOT = pathlib.Path(__file__).resolve().parents[2]
READY_SECONDS = 20
END_SECONDS = 20
TRIES = 3
TOKEN = "demo-token"


def program():
    return os.environ.get("GATEWAY_PROGRAM") or ROOT / os.environ.get("CARGO_TARGET_DIR", "target") / "ci/gateway"


class OwnGateway:
    """The demo's configuration with `settings` laid over it and `more` behind it. `prefix` goes before its command."""

    def __init__(self, folder, settings=(), more="", rtp_ports=200, prefix=()):
        self.folder, self.prefix, self.process = pathlib.Path(folder), list(prefix), None
        first = gateway_under_test.keep_ports(rtp_ports + 5)
        media = range(first + 2, first + 2 + rtp_ports)
        self.at = gateway_under_test.Gateway("127.0.0.1", first, f"http://127.0.0.1:{first + 1}", TOKEN, media)
        self.tls = ("127.0.0.1", media.stop + 1)
        # For one more listener of `more`.
        self.spare = ("127.0.0.1", media.stop + 2)
        self.config = self.folder / "gateway.toml"
        self.config.write_text((ROOT / "conf/demo.toml").read_text() + more)
        self.log = self.folder / "gateway.log"
        self.settings = [f"prompts={ROOT / 'conf/prompts'}", *(f"listener.{i}.address=127.0.0.1:{first}" for i in (0, 1)), f"listener.2.address=127.0.0.1:{media.stop + 1}", f"http.address=127.0.0.1:{first + 1}",
                         f"media.range.0.ports={media.start}-{media.stop - 1}", f"media.range.0.probe={media.stop}", "media.quarantine=1s", f"state={self.folder}/state", *settings]
        # Whatever a script ends by.
        atexit.register(lambda: self.runs() and self.kill())

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.end()

    def start(self):
        """Once more, where a port is somebody's for a moment: while a gateway is down its ports are free for all."""
        for attempt in range(TRIES):
            fault = self.try_to_start()
            if not fault:
                return
            if attempt + 1 == TRIES or "Address already in use" not in fault:
                raise SystemExit(f"FAILED the gateway is not ready: {fault}")
            time.sleep(1)

    def try_to_start(self):
        """What is wrong, if it does not come up."""
        command = [*gateway_under_test.URGENT, *self.prefix, program(), "run", "--config", self.config, *(f"--set={setting}" for setting in self.settings)]
        with open(self.log, "a") as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=log, stdin=subprocess.DEVNULL)
        until = time.monotonic() + READY_SECONDS
        while not self.is_ready():
            if time.monotonic() > until or not self.runs():
                self.kill()
                return self.last_log()
            time.sleep(0.02)
        return None

    def runs(self):
        return self.process is not None and self.process.poll() is None

    def is_ready(self):
        try:
            return self.ask("GET", "/readyz")[0] == 200
        except OSError:
            return False

    def kill(self):
        if self.runs():
            self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def end(self):
        """By SIGTERM; what is wrong about how it ended, if anything is."""
        if not self.runs():
            return f"it ended by itself: {self.last_log()}"
        self.process.send_signal(signal.SIGTERM)
        try:
            code = self.process.wait(END_SECONDS)
        except subprocess.TimeoutExpired:
            self.kill()
            return f"still there {END_SECONDS} s after SIGTERM"
        if code != 0 or "panicked at" in self.log.read_text(errors="replace"):
            return f"exit code {code}: {self.last_log()}"
        return None

    def last_log(self):
        return self.log.read_text(errors="replace")[-2000:]

    def ask(self, method, path, value=None, seconds=5):
        """Status and body; OSError if there is no answer."""
        body = None if value is None else json.dumps(value).encode()
        headers = {"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/json"}
        request = urllib.request.Request(self.at.http + path, body, headers, method=method)
        try:
            with urllib.request.urlopen(request, timeout=seconds) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as refusal:
            return refusal.code, refusal.read().decode()

    def make_meeting(self, meeting, **more):
        new = {"id": meeting, "tenant": "demo", "host_password": "4321", "guest_password": "1234", **more}
        status, body = self.ask("POST", "/v1/meetings", new)
        if status != 201:
            raise SystemExit(f"FAILED meeting {meeting} was not made: {status} {body}")
        return json.loads(body)

    def control(self, meeting, **what):
        status, body = self.ask("POST", f"/v1/meetings/{meeting}/control", what)
        if status != 204:
            raise SystemExit(f"FAILED {what} for meeting {meeting}: {status} {body}")

    def participants(self, meeting):
        status, body = self.ask("GET", f"/v1/meetings/{meeting}")
        return json.loads(body)["participants"] if status == 200 else []

    def wait_for(self, meeting, wanted, seconds=20):
        """Until `wanted` holds of its participants; whether it does."""
        until = time.monotonic() + seconds
        while not wanted(self.participants(meeting)):
            if time.monotonic() > until:
                return False
            time.sleep(0.1)
        return True

    def metric(self, name, **labels):
        total = 0.0
        for line in self.ask("GET", "/metrics")[1].splitlines():
            if line.startswith(name) and all(f'{label}="{value}"' in line for label, value in labels.items()):
                total += float(line.rsplit(" ", 1)[1])
        return total
