"""The hub under test as a process on ports that the system picks."""

import json
import os
import pathlib
import re
import signal
import ssl
import subprocess
import time

from model import Broken

POLICY_KEY = re.compile("SharedAccessKey=(.*)$")


class Hub:
    def __init__(self, binary, folder):
        self.binary = binary
        self.folder = folder
        self.data = folder / "data"
        self.log_file = folder / "hub.log"
        self.ready_file = folder / "ready.json"
        self.slowest_start = 0
        self.process = None

    @property
    def database(self):
        return self.data / "hub.db"

    def spawn(self, *flags, **options):
        """Options are those of Popen."""
        self.ready_file.unlink(missing_ok=True)
        ports = [word for name in ("https", "mqtts", "amqps", "amqp", "portal") for word in (f"--{name}-port", "0")]
        command = [self.binary, "serve", "--data", self.data, "--ca-dir", self.folder / "ca",
                   "--ready-file", self.ready_file, *ports, *flags]  # fmt: skip
        with self.log_file.open("wb") as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=log, **options)

    def start(self, *flags, **options):
        began = time.monotonic()
        self.spawn(*flags, **options)
        while not self.ready_file.exists():
            if self.process.poll() is not None or time.monotonic() > began + 60:
                raise Broken(f"the hub does not start:\n{self.log()[-3000:]}")
            time.sleep(0.002)
        self.slowest_start = max(self.slowest_start, time.monotonic() - began)
        ready = json.loads(self.ready_file.read_text())
        self.ports = ready["ports"]
        self.policy_key = POLICY_KEY.search(ready["connectionStrings"]["iothubowner"])[1]
        self.tls = ssl.create_default_context(cafile=ready["caFile"])

    def log(self):
        return self.log_file.read_text(errors="replace")

    def kill(self):
        if self.process:
            self.process.kill()
            self.process.wait()

    def ask_to_end(self):
        self.process.send_signal(signal.SIGTERM)

    def await_end(self, expected=0):
        status = self.process.wait(20)
        if status != expected:
            raise Broken(f"the hub ended with status {status}, not {expected}:\n{self.log()[-3000:]}")

    def stop(self):
        self.ask_to_end()
        self.await_end()

    def cpu_seconds(self):
        """Processor time that it has used so far."""
        fields = pathlib.Path(f"/proc/{self.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
