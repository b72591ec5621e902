"""The goals of the benchmark, each a figure of ours or its ratio to a peer's in the same round, and why one is missed."""

import dataclasses
import statistics

from servers import AZURITE, DISK, MEMORY, NGINX, NODELAY, STOCK


def ratios(ours, theirs):
    """Of each round that has both."""
    return [ours[number] / theirs[number] for number in ours if theirs.get(number)]


@dataclasses.dataclass(frozen=True)
class Goal:
    key: str
    row: str
    peer: str = None  # none: the figure itself
    hub: str = DISK
    at_least: float = None
    at_most: float = None

    def wanted(self):
        limit = f"at least {self.at_least:g}" if self.at_least is not None else f"at most {self.at_most:,g}"
        return f"{limit} x {self.peer}" if self.peer else limit

    def measured(self, values):
        """Of `values`, by row and server and round; nothing where it was not measured."""
        ours = values.get((self.row, self.hub), {})
        if not self.peer:
            return statistics.median(ours.values()) if ours else None
        in_rounds = ratios(ours, values.get((self.row, self.peer), {}))
        return statistics.median(in_rounds) if in_rounds else None

    def shown(self, measured):
        return f"{measured:.2f}" if self.peer else f"{measured:,.1f}"

    def is_met(self, measured):
        return measured >= self.at_least if self.at_least is not None else measured <= self.at_most


TELEMETRY = ("telemetry 1 x 20", "telemetry 10 x 20", "telemetry 100 x 10")
GOALS = [
    *[Goal("P1", f"{shape}, acknowledged/s", NODELAY, at_least=1.2) for shape in TELEMETRY],
    *[Goal("P1", f"{shape}, server CPU µs each", NODELAY, at_most=0.8) for shape in TELEMETRY],
    Goal("P2", "telemetry 1 x 1, p50 µs", NODELAY, at_most=1.3),
    Goal("P2", "telemetry 10 x 20, p99 µs", NODELAY, at_most=1.5),
    Goal("P3", "connect, server CPU µs each", NODELAY, at_most=0.9),
    Goal("P3", "connect, /s", STOCK, at_least=4),
    Goal("P4", "resident after start, KiB", at_most=13 * 1024),
    Goal("P5", "idle device, KiB (of 1,000)", at_most=18),
    Goal("P6", "start to first answer, ms", at_most=30),
    Goal("P6", "first start ever, ms", at_most=80),
    Goal("P6", "SIGTERM to exit, ms", at_most=50),
    Goal("P7", "PATCH to device, p50 µs", NODELAY, at_most=2),
    Goal("P7", "a PATCH to each of 1,000, ms", NODELAY, at_most=2),
    Goal("P8", "GET identity, 16 at once, /s", NGINX, at_least=1),
    Goal("P8", "GET twin, 16 at once, /s", NGINX, at_least=1),
    Goal("P8", "create, 16 at once, /s", AZURITE, at_least=10),
    Goal("P8", "PATCH twin, 16 at once, /s", AZURITE, at_least=10),
    Goal("P10", "start over 100,000 devices, ms", at_most=300),
    Goal("P10", "query, page of 1,000 twins, ms", at_most=20),
    Goal("many hubs", "100 further hubs made, ms", at_most=50, hub=MEMORY),
    Goal("many hubs", "100 further hubs made, CPU ms", at_most=50, hub=MEMORY),
    Goal("many hubs", "100 further hubs, KiB", at_most=30_000_000 / 1024, hub=MEMORY),
    Goal("others beside a query", "GET identity beside a scan, longest µs", at_most=10_000),
    Goal("others beside a query", "GET identity beside groups, longest µs", at_most=10_000),
    Goal("others beside a query", "GET identity beside pages, longest µs", at_most=10_000),
    Goal("others beside a query", "GET identity beside 20 scans, longest µs", at_most=10_000),
    Goal("others beside a query", "GET identity beside an explained scan, longest µs", at_most=10_000),
]

STORED_EACH = (
    "a message alone pays its own commit, two writes to the WAL, before its acknowledgement; with more in flight one "
    "commit serves all of a turn"
)
TWO_WAYS = (
    "a PATCH crosses TLS twice, is parsed, checked, merged, stored with its change event and committed before the device "
    "is told; mosquitto passes bytes from one connection to the other"
)
ANSWER_MADE = (
    "nginx sends a file that it holds open; the hub parses the request, checks its token's signature, reads the store and "
    "writes the JSON anew. Of its time (perf) a third is the kernel's for sockets, a fifth memory for JSON and headers, a "
    "seventh TLS and the signature, a twentieth SQLite"
)
WRITTEN_THROUGH = (
    "a row with its indexes, the twin beside it or its change event, in a WAL before the answer; Azurite keeps its "
    "entities in memory and writes them later, so that its own HTTP work is all that it is behind by"
)
LIBRARIES = (
    "of the resident pages 1.7 MiB are the hub's own memory (smaps: Private_Dirty); the rest are pages of the program and "
    "of the libraries that it shares with others: OpenSSL 4.6, itself 3.7, libstdc++ 1.7, libc 1.5, SQLite 1.2 MiB"
)
TOKEN_AND_SESSION = (
    "the handshake is most of a connect, and the same for both; the hub also checks a token's signature, reads identity, "
    "twin and session and tells its observers"
)
DEVICE_KNOWN = "a device's identity, twin and session are in memory with its connection; mosquitto knows a name"
REASONS = {
    "telemetry 1 x 1, p50 µs": STORED_EACH,
    "connect, server CPU µs each": TOKEN_AND_SESSION,
    "resident after start, KiB": LIBRARIES,
    "idle device, KiB (of 1,000)": DEVICE_KNOWN,
    "PATCH to device, p50 µs": TWO_WAYS,
    "a PATCH to each of 1,000, ms": TWO_WAYS,
    "GET identity, 16 at once, /s": ANSWER_MADE,
    "GET twin, 16 at once, /s": ANSWER_MADE,
    "create, 16 at once, /s": WRITTEN_THROUGH,
    "PATCH twin, 16 at once, /s": WRITTEN_THROUGH,
}


def reasons_of(rows):
    """What profiles have shown of why `rows` miss their goals, each with its rows."""
    reasons = {}
    for row in sorted(rows):
        reasons.setdefault(REASONS.get(row, "not yet explained"), []).append(row)
    return reasons
