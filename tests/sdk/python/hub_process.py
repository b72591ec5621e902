"""The hub under test, as a process that can be stopped, killed and started again on the same data."""

import json
import os
import signal
import subprocess

from eventually import SLOWNESS, eventually

# What could lead a client or the hub away from the defaults that are tested here.
_INHERITED_AND_UNWANTED = {
    "SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "NODE_EXTRA_CA_CERTS", "JAVA_TOOL_OPTIONS",
    "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy",
    "IOTHUB_CONNECTION_STRING", "IOTHUB_POLICIES", "EVENTHUB_CONNECTION_STRING",
}  # fmt: skip


def plain_environment():
    return {
        name: value
        for name, value in os.environ.items()
        if name not in _INHERITED_AND_UNWANTED and not name.startswith("IOTHUB_EMULATOR_")
    }


class HubProcess:
    def __init__(self, binary, folder):
        self.binary = binary
        self.data = folder / "data"
        self.ca_folder = folder / "ca"
        self.log_file = folder / "hub.log"
        self._ready_file = folder / "ready.json"
        self.flags = []
        self._process = None
        self._ready = None

    @property
    def running(self):
        return self._process is not None and self._process.poll() is None

    @property
    def ca_file(self):
        return self._ready["caFile"]

    @property
    def ports(self):
        return self._ready["ports"]

    def connection_string(self, policy="iothubowner"):
        return self._ready["connectionStrings"][policy]

    @property
    def event_hub_connection_string(self):
        return self._ready["eventHubConnectionString"]

    @property
    def host(self):
        """The hub's name for device clients: they take a port in HostName for a part of the name."""
        parts = dict(part.split("=", 1) for part in self.connection_string().split(";"))
        return parts["HostName"].split(":")[0]

    def environment(self):
        """What a client program of this hub finds in its environment."""
        return {
            **plain_environment(),
            "IOTHUB_CONNECTION_STRING": self.connection_string(),
            "EVENTHUB_CONNECTION_STRING": self.event_hub_connection_string,
            "SSL_CERT_FILE": self.ca_file,
            "REQUESTS_CA_BUNDLE": self.ca_file,
        }

    def start(self, *flags):
        assert not self.running
        self._ready_file.unlink(missing_ok=True)
        command = [
            self.binary, "serve", "--data", self.data, "--ca-dir", self.ca_folder, "--ready-file", self._ready_file,
            *self.flags, *flags,
        ]  # fmt: skip
        with self.log_file.open("ab") as log:
            self._process = subprocess.Popen(command, env=plain_environment(), stdout=log, stderr=log)
        eventually(lambda: self._ready_file.exists() or not self.running, "the hub is ready", 15)
        assert self.running, f"the hub ended with status {self._process.returncode}:\n{self.log()}"
        self._ready = json.loads(self._ready_file.read_text())

    def stop(self):
        """SIGTERM, which must end in exit status 0: under sanitizers that includes their verdict."""
        assert self.running, f"the hub had ended with status {self._process.returncode}:\n{self.log()[-4000:]}"
        self._process.send_signal(signal.SIGTERM)
        try:
            status = self._process.wait(5 * SLOWNESS)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError("the hub did not end at SIGTERM") from None
        assert status == 0, f"the hub ended with status {status}:\n{self.log()[-4000:]}"

    def kill(self):
        """SIGKILL: nothing is flushed, no socket is closed politely."""
        self._process.kill()
        self._process.wait()

    def run(self, *arguments, **options):
        """Runs one of the binary's other commands to its end."""
        options = {
            "env": plain_environment(),
            "timeout": 60 * SLOWNESS,
            "capture_output": True,
            "text": True,
            **options,
        }
        return subprocess.run([self.binary, *arguments], **options)

    def resident_bytes(self):
        """Of its memory, what is in RAM."""
        with open(f"/proc/{self._process.pid}/status") as status:
            kilobytes = next(line.split()[1] for line in status if line.startswith("VmRSS:"))
        return int(kilobytes) * 1024

    def log(self):
        return self.log_file.read_text(errors="replace")
