"""Finds or starts the emulator's binary. A process that was started ends with this one, however this one ends."""

import json
import os
import random
import shutil
import subprocess
import tempfile
import threading
import urllib.parse
from pathlib import Path

from .control import Control, ControlError
from .hub import Hub
from .trust import write_bundle

_START_WITHIN = 30  # seconds
_PORT_NOT_AVAILABLE = 3  # the binary's exit status
_TRIES = 3

# Settings of the binary that are this module's own to choose.
_OWN_SETTINGS = ("CONFIG", "DATA", "IN_MEMORY", "CA_DIR", "LISTEN", "READY_FILE", "LOG_FORMAT")


class EmulatorError(Exception):
    """The emulator cannot be found, or does not start."""


def find_binary(binary=None):
    """`binary`, else what IOTHUB_BINARY names, else `iothub-emulator` in PATH."""
    wanted = binary or os.environ.get("IOTHUB_BINARY") or "iothub-emulator"
    found = shutil.which(wanted)
    if found is None:
        raise EmulatorError(
            f"there is no program '{wanted}': name the binary in IOTHUB_BINARY, or a hub that runs in IOTHUB_CONTROL_URL"
        )
    return found


def find_or_start(binary=None, flags=(), listen=None):
    """The emulator that IOTHUB_CONTROL_URL names (as http://localhost:8890), else one of its own."""
    url = os.environ.get("IOTHUB_CONTROL_URL")
    return Emulator.running(url, binary=binary) if url else Emulator.start(binary, flags, listen)


class Emulator:
    """An emulator's process with its hubs. A context manager, which ends what it made."""

    def __init__(self, control, binary, flags, process, folder, ca_folder):
        self.control = control
        self._binary = binary
        self._flags = flags
        self._process = process
        self._folder = folder
        self._ca_folder = ca_folder
        self._trust = None
        self._made = []  # hubs of this process
        self._others = []  # processes with a hub each
        self.default_hub = Hub(self, control, control.get("connection-strings"), remove=None)

    @classmethod
    def start(cls, binary=None, flags=(), listen=None, *, ca_folder=None):
        """A process of its own, in memory, on an address of the loopback that is nobody else's (or `listen`) and there on
        the ports that the SDKs look for. `flags` are those of `iothub-emulator serve`. Raises EmulatorError."""
        binary = find_binary(binary)
        folder = Path(tempfile.mkdtemp(prefix="iothub-emulator-"))
        ca_folder = ca_folder or folder / "ca"
        try:
            for tries_left in reversed(range(_TRIES)):
                # 127.0.0.* is where hubs of a process get their addresses from.
                address = listen or "127." + ".".join(str(random.randint(1, 254)) for _ in range(3))
                process = _start_process([binary, "exec", *flags, "--ca-dir", ca_folder, "--listen", address], folder)
                if process.returncode is None:
                    break
                if process.returncode != _PORT_NOT_AVAILABLE or listen or not tries_left:
                    log = (folder / "hub.log").read_text(errors="replace")
                    raise EmulatorError(f"{binary} ended with status {process.returncode}:\n{log[-4000:]}")
            port = json.loads(_run_file(folder).read_text())["ports"]["portal"]
            host = f"[{address}]" if ":" in address else "localhost" if address == "*" else address
            control = Control(f"http://{host}:{port}", os.environ.get("IOTHUB_EMULATOR_CONTROL_TOKEN"))
            return cls(control, binary, tuple(flags), process, folder, ca_folder)
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise

    @classmethod
    def running(cls, url, token=None, binary=None):
        """One that runs: its control API's address, with the token of IOTHUB_EMULATOR_CONTROL_TOKEN. It is left running."""
        control = Control(url, token or os.environ.get("IOTHUB_EMULATOR_CONTROL_TOKEN"))
        try:
            return cls(control, binary, (), None, Path(tempfile.mkdtemp(prefix="iothub-emulator-")), None)
        except (OSError, ControlError) as error:
            raise EmulatorError(f"no emulator answers at {url}: {error}") from error

    @property
    def is_own(self):
        """Whether this object started it."""
        return self._process is not None

    def new_hub(self, name=None, snapshot=None):
        """A hub with nothing in it, or with what a snapshot has: with all to itself. Hub.remove() ends it. Where the
        emulator has no second address to give, it is a process of its own; a snapshot cannot be had then."""
        wanted = {key: value for key, value in (("name", name), ("snapshot", snapshot)) if value}
        try:
            strings = self.control.post("hubs", wanted)
        except ControlError as refusal:
            if refusal.status not in (404, 500, 501) or wanted:
                raise
            return self._hub_of_another_process()
        path = f"hubs/{urllib.parse.quote(strings['hub'], safe='')}"
        hub = Hub(self, self.control.of(strings["hub"]), strings, remove=lambda: self._remove(hub, path))
        self._made.append(hub)
        return hub

    def _remove(self, hub, path):
        self._made.remove(hub)
        self.control.delete(path)

    def _hub_of_another_process(self):
        other = Emulator.start(self._binary, self._flags, ca_folder=self._ca_folder)
        self._others.append(other)
        other.default_hub._remove = other.stop
        return other.default_hub

    def trust(self):
        """The environment's variables by which OpenSSL, requests, Node and (of an own process) Java trust its hubs."""
        if not self._trust:
            self._trust = self._own_trust() if self.is_own else write_bundle(self._folder, self.control.get("ca.pem"))
        return self._trust

    def _own_trust(self):
        command = [self._binary, "env", "--format", "json", "--ca-dir", self._ca_folder]
        printed = subprocess.run(command, env=_environment(self._folder), check=True, capture_output=True, text=True)
        of_a_hub = ("IOTHUB_CONNECTION_STRING", "EVENTHUB_CONNECTION_STRING", "IOTHUB_POLICIES")
        return {name: value for name, value in json.loads(printed.stdout).items() if name not in of_a_hub}

    def log(self):
        """What an own process has logged so far."""
        file = self._folder / "hub.log"
        return file.read_text(errors="replace") if file.exists() else ""

    def stop(self):
        """Ends the hubs that were made, and the process if it is an own one."""
        for other in self._others:
            other.stop()
        if self._process is not None:
            self._process.stdin.close()  # The command of `exec` reads its end, and `exec` ends with it
            try:
                self._process.wait(10)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
            self._process.stdout.close()
        else:
            for hub in list(self._made):
                hub.remove()
        shutil.rmtree(self._folder, ignore_errors=True)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()


def _run_file(folder):
    return folder / "iothub-emulator" / "running.json"


def _environment(folder):
    """Settings of the binary by environment stay, but for those that would lead it out of the folder."""
    unwanted = {f"IOTHUB_EMULATOR_{name}" for name in _OWN_SETTINGS}
    kept = {name: value for name, value in os.environ.items() if name not in unwanted}
    return {**kept, "XDG_DATA_HOME": str(folder)}


def _start_process(command, folder):
    """`exec -- cat` runs a hub for as long as its standard input is open: until stop(), or until this process is no more.
    That `cat` echoes says that the hub serves. Returns the process, ended (`returncode`) if it does not."""
    with (folder / "hub.log").open("ab") as log:
        process = subprocess.Popen(
            [*command, "--", "cat"],
            env=_environment(folder),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            start_new_session=True,  # a Ctrl-C ends the tests, which then end the hub
        )
    too_late = threading.Timer(_START_WITHIN, process.kill)
    too_late.start()
    try:
        try:
            process.stdin.write(b"ready\n")
            process.stdin.flush()
        except BrokenPipeError:
            pass
        if process.stdout.readline() != b"ready\n":
            process.wait()
    finally:
        too_late.cancel()
    return process
