"""A network that drops packets: iptables in the namespace that scripts/own-network made, never on the machine itself."""

import shutil
import socket
import subprocess

import pytest

IPTABLES = shutil.which("iptables", path="/usr/sbin:/sbin:/usr/bin:/bin")


class Network:
    """Between a device and the ports that it uses; services reach the hub by others."""

    def __init__(self, port):
        self._port = str(port)

    def silent(self):
        """Nothing passes, and nobody is told: a cable is pulled."""
        self._rules(("--dport", "-j DROP"), ("--sport", "-j DROP"))

    def deaf(self):
        """The hub's packets arrive, the device's are lost."""
        self._rules(("--dport", "-j DROP"))

    def mute(self):
        """The device's packets arrive, the hub's are lost."""
        self._rules(("--sport", "-j DROP"))

    def cut(self):
        """Nothing passes, and what the device sends is answered with RST: a router that has forgotten the link. The hub
        goes on to believe in it."""
        self._rules(
            ("--dport", "-j REJECT --reject-with tcp-reset"),
            ("--sport", "--tcp-flags RST RST -j ACCEPT"),
            ("--sport", "-j DROP"),
        )

    def restore(self):
        self._rules()

    def _rules(self, *rules):
        """In place of the rules before, in one step: nothing slips through between."""
        lines = [f"-A INPUT -p tcp {direction} {self._port} {rest}" for direction, rest in rules]
        table = "\n".join(["*filter", ":INPUT ACCEPT", *lines, "COMMIT", ""])
        subprocess.run([f"{IPTABLES}-restore"], input=table, text=True, check=True, capture_output=True)


def own_network():
    """Skips the test where there is no network that may be broken."""
    if [name for _, name in socket.if_nameindex()] != ["lo"]:
        pytest.skip("this is the machine's own network: no namespace may be made here")
    if IPTABLES is None:
        pytest.skip("no iptables (scripts/setup --tests)")
    if subprocess.run([IPTABLES, "--list"], capture_output=True).returncode != 0:
        pytest.skip("iptables does not work here")
