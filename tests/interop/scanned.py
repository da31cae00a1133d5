#!/usr/bin/python3
"""sipvicious attacks a gateway (SEC-2): a line each, exit code 1 if one fails.

usage: scanned.py

Run in the virtual environment that tests/setup makes. svmap under its own name finds no SIP at all. Under another name, as any telephone,
svwar finds no account, svcrack no password, and neither locks out a device that registered well from the very same address. A
flood of noise from one address does not keep a device at another from registering.
"""

import pathlib
import shutil
import socket
import subprocess
import sys
import time

sys.dont_write_bytecode = True

import sipvicious

import by_itself
import own_gateway
from registering import Device

# No trunk is here: those are heard whatever they do.
SETTINGS = ["listener.0.policy=accounts", 'trunk.0.peers=["192.0.2.0/24"]']
OWN_NAME, OTHER_NAME = "friendly-scanner", "Desk phone 7"
REAL, UNREAL = "1001-1005", "2001-2005"
SECONDS = 60
NOISE = 20_000
# As many wrong passwords as slow down who guesses at a device that is known.
LOOKED_AT = 10


class Room(Device):
    realm, asked = "gateway", ["MD5"]

    def __init__(self, gateway, account, address):
        super().__init__(gateway, account, f"Demo-{account}", algorithm="MD5")
        self.socket.close()
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.settimeout(2)
        self.socket.bind((address, 0))
        self.socket.connect((gateway.at.host, gateway.at.port))
        self.port = self.socket.getsockname()[1]


def scanned(folder):
    tools = masked(folder)
    with own_gateway.OwnGateway(folder, SETTINGS) as gateway:
        room = Room(gateway, "1001", "127.0.0.1")
        faults = [fault for fault in (room.challenged() or room.expect(200, room.credentials()),) if fault]
        faults += under_its_own_name(gateway, folder)
        faults += accounts(gateway, tools)
        faults += passwords(gateway, tools)
        # The owner goes on, from the attacker's address.
        faults += [f"the owner: {fault}" for fault in (room.challenged() or room.expect(200, room.credentials()),) if fault]
        faults += noise(gateway)
        if fault := gateway.end():
            faults.append(fault)
    return faults


def masked(folder):
    """The same tools, that call themselves a telephone."""
    package = folder / "masked" / "sipvicious"
    shutil.copytree(pathlib.Path(sipvicious.__file__).parent, package)
    for file in package.rglob("*.py"):
        file.write_text(file.read_text().replace(OWN_NAME, OTHER_NAME))
    return package.parent


def attack(tool, place, *words):
    """What it said."""
    run = f"import sys; sys.path.insert(0, {str(place)!r}); from sipvicious import {tool}; sys.argv[0] = {tool!r}; {tool}.main()"
    command = [sys.executable, "-c", run, *map(str, words)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS, cwd=place)
    return done.stdout + done.stderr


def under_its_own_name(gateway, folder):
    here = pathlib.Path(sipvicious.__file__).parents[1]
    before = gateway.metric("gateway_unheard_total", reason="scanner")
    said = attack("svmap", here, "-p", gateway.at.port, gateway.at.host)
    faults = [] if f"{gateway.at.host}:{gateway.at.port}" not in said else [f"svmap is answered: {said}"]
    if gateway.metric("gateway_unheard_total", reason="scanner") <= before:
        faults.append("no scanner is counted")
    if not faults:
        print("       svmap: nobody is there")
    return faults


def accounts(gateway, tools):
    """What it makes of accounts that are there, and of those that are not."""
    for names in (REAL, UNREAL):
        for force in ((), ("--force",)):
            said = attack("svwar", tools, *force, "-m", "REGISTER", "-p", gateway.at.port, "-e", names, gateway.at.host)
            if "found nothing" not in said or not ("401" in said or "authentication request" in said):
                return [f"svwar, accounts {names}: {said}"]
    print("       svwar: nothing, of accounts that are there and of others")
    return []


def passwords(gateway, tools):
    said = attack("svcrack", tools, "-u", "1001", "-r", "100-140", "-p", gateway.at.port, gateway.at.host)
    tried = gateway.metric("gateway_registration_attempts_total", outcome="wrong_password")
    if "found nothing" not in said or tried < LOOKED_AT:
        return [f"svcrack, of which {tried:.0f} tries were looked at: {said}"]
    print(f"       svcrack: nothing; {tried:.0f} of its tries were looked at")
    return []


def noise(gateway):
    """What is no SIP, from one address, as fast as Python sends it; meanwhile others register."""
    flood = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    flood.bind(("127.0.0.66", 0))
    flood.connect((gateway.at.host, gateway.at.port))
    faults, slowest = [], 0.0
    for number in range(2, 8):
        for _ in range(NOISE // 6):
            flood.send(b"\xff" * 200)
        room = Room(gateway, f"100{number}", "127.0.0.9")
        begun = time.monotonic()
        try:
            fault = room.challenged() or room.expect(200, room.credentials())
        except OSError as error:
            fault = f"no answer: {error}"
        slowest = max(slowest, time.monotonic() - begun)
        faults += [f"under a flood: {fault}"] if fault else []
    # Figures are gathered some times a second.
    time.sleep(1)
    if (dropped := gateway.metric("gateway_unheard_total", reason="budget")) < NOISE / 2:
        faults.append(f"the flood is not held off: of {NOISE} {dropped:.0f} were dropped")
    print(f"       under a flood of noise a device registers within {slowest * 1000:.0f} ms")
    return faults


if __name__ == "__main__":
    by_itself.run(scanned, __doc__, "sipvicious finds nobody, guesses nothing and locks nobody out")
