"""A hub as a test sees it: what came, what it is told to have, its time and its faults."""

import json
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any, Optional

# The most that one answer holds.
_MOST_MESSAGES = 1000


@dataclass(frozen=True)
class Message:
    """What a device sent. `body` is the value where it is JSON, the text where it is UTF-8, else None; `data` is exact."""

    device: str
    module: Optional[str]
    body: Any
    data: bytes = field(repr=False)
    properties: dict
    system_properties: dict = field(repr=False)
    source: str = field(repr=False)
    enqueued_time: datetime = field(repr=False)
    partition: int = field(repr=False)
    sequence_number: int = field(repr=False)

    @classmethod
    def from_json(cls, message):
        from base64 import b64decode

        return cls(
            device=message.get("device"),
            module=message.get("module"),
            body=message.get("body"),
            data=b64decode(message["bodyBase64"]),
            properties=message.get("properties", {}),
            system_properties=message.get("systemProperties", {}),
            source=message.get("source"),
            enqueued_time=parse_time(message["enqueuedTime"]),
            partition=message["partition"],
            sequence_number=message["sequenceNumber"],
        )


class Messages(list):
    """In the order of their arrival. `next` is what a later question takes as `since` to see only newer ones."""

    def __init__(self, messages, next):
        super().__init__(messages)
        self.next = next


class MessagesMissing(AssertionError):
    """Fewer than wanted came in time; `came` has those."""

    def __init__(self, text, came):
        super().__init__(text)
        self.came = came


class Hub:
    """One hub. Made by Emulator; `name` is its host name or address, which its connection strings hold."""

    def __init__(self, emulator, control, strings, remove):
        self.emulator = emulator
        self.name = strings["hub"]
        self.control = control
        self.clock = Clock(control)
        self.faults = Faults(control)
        self._strings = strings
        self._remove = remove

    def __repr__(self):
        return f"<IoT hub {self.name}>"

    # ---- what clients need

    def connection_string(self, policy="iothubowner"):
        """For service clients."""
        return self._strings["policies"][policy]

    @property
    def event_hub_connection_string(self):
        """For azure-eventhub, to read the built-in endpoint."""
        return self._strings["eventHub"]

    def device_connection_string(self, device, module=None):
        """Of a device or module that is there and has a key."""
        return self.control.get("connection-strings", {"device": device, "module": module})["connectionString"]

    def environment(self):
        """What a program needs in its environment to find and trust this hub, as `iothub-emulator env` says it."""
        return {
            **self.emulator.trust(),
            "IOTHUB_CONNECTION_STRING": self.connection_string(),
            "EVENTHUB_CONNECTION_STRING": self.event_hub_connection_string,
            "IOTHUB_POLICIES": json.dumps(self._strings["policies"]),
        }

    # ---- what it has

    def seed(self, *seeds):
        """Applies seeds, each a file's name or a dictionary; one that is refused changes nothing: ControlError."""
        for seed in seeds:
            if isinstance(seed, dict):
                self.control.post("seed", seed)
            else:
                self.control.post("seed", Path(seed).read_text(encoding="utf-8"), {"name": str(seed)})

    def add_device(self, device, **members):
        """Makes a device (or gives it `members`, as a seed's device has them: tags=.., properties=..) and returns its
        connection string."""
        self.seed({"devices": [{"deviceId": device, **members}]})
        return self.device_connection_string(device)

    def reset(self, device=None, links="drop"):
        """As new; or only the twin, queue and events of one device. `links="keep"` leaves devices connected."""
        self.control.post("reset", {"links": links, **({"device": device} if device else {})})

    def save(self, snapshot):
        """Keeps the hub's state under a name, for restore() and Emulator.new_hub(snapshot=..)."""
        self.control.request("PUT", f"snapshots/{snapshot}")

    def restore(self, snapshot):
        self.control.post(f"snapshots/{snapshot}/restore")

    def remove(self):
        """Ends the hub, where it was made for a test: what speaks to it is closed."""
        if self._remove is not None:
            remove, self._remove = self._remove, None
            remove()

    # ---- what came

    def messages(
        self,
        device=None,
        module=None,
        *,
        count=1,
        timeout=10,
        since="start",
        source=None,
        body=None,
        body_contains=None,
        body_values=None,
        properties=None,
        system_properties=None,
    ):
        """Waits until `count` messages match and returns all that do; MessagesMissing after `timeout` seconds.

        `count=0` asks what is there, without waiting. `since` is Messages.next, now() or a datetime. `source` is
        Telemetry unless given; "any" for all. `body` is the whole text; `body_values` maps JSON pointers into it
        (`/temperature`) to values.
        """
        query = {"device": device, "module": module, "source": source, "since": _time_text(since)}
        query.update({"limit": _MOST_MESSAGES, "body": body, "bodyContains": body_contains})
        query.update({f"property.{name}": value for name, value in (properties or {}).items()})
        query.update({f"system.{name}": value for name, value in (system_properties or {}).items()})
        query.update({f"body{pointer}": _value_text(value) for pointer, value in (body_values or {}).items()})
        if count:
            query.update({"count": count, "wait": f"{int(timeout * 1000)}ms"})
        answer = self.control.get("messages", query, wait=timeout if count else 0)
        messages = Messages((Message.from_json(each) for each in answer["messages"]), answer["next"])
        if len(messages) < count:
            raise MessagesMissing(self._missing(query, count, timeout, messages), messages)
        return messages

    def now(self):
        """A place in the stream of messages: `since` of what comes after it."""
        return self.control.get("messages", {"since": "now", "limit": 1})["next"]

    def _missing(self, query, count, timeout, came):
        asked_as = {"limit", "count", "wait"}
        asked = " ".join(f"{k}={v}" for k, v in query.items() if v is not None and k not in asked_as)
        lines = [f"{len(came)} of {count} messages came to {self.name} within {timeout} s ({asked})"]
        lines += [f"  came: {each}" for each in came]
        others = self.messages(count=0, source="any")[-5:]
        lines += [f"  all that the hub has, newest last: {each}" for each in others if each not in came]
        lines += [f"  refused: {refusal_text(each)}" for each in self.refusals(limit=3)]
        return "\n".join(lines)

    # ---- why

    def connections(self):
        """Who is connected: dictionaries with device, module, protocol, address, since."""
        return self.control.get("connections")["connections"]

    def refusals(self, device=None, limit=20):
        """What was refused, and why, newest first."""
        return self.control.get("explain", {"device": device, "limit": limit})["refusals"]


class Clock:
    """The hub's time. Durations are text (`90s`, `2h`), timedelta or seconds."""

    def __init__(self, control):
        self._control = control

    @property
    def time(self):
        return parse_time(self._control.get("clock")["time"])

    @property
    def frozen(self):
        return self._control.get("clock")["frozen"]

    def freeze(self, at=None, *, sas_expiry=None):
        """Stops it, where it is or at a time. `sas_expiry=True`: from now on it judges tokens, too."""
        return self._move("freeze", at=_time_text(at), sasExpiry=sas_expiry)

    def advance(self, by, *, sas_expiry=None):
        """Moves it on; what becomes due happens."""
        return self._move("advance", by=_duration_text(by), sasExpiry=sas_expiry)

    def set(self, to, *, sas_expiry=None):
        return self._move("set", to=_time_text(to), sasExpiry=sas_expiry)

    def resume(self, real=False, *, sas_expiry=None):
        """Lets it run on from where it is, or with the machine's time (`real`)."""
        return self._move("resume", real=real, sasExpiry=sas_expiry)

    def _move(self, how, **arguments):
        given = {name: value for name, value in arguments.items() if value is not None}
        return parse_time(self._control.post(f"clock/{how}", given)["time"])


class Fault:
    """A rule that breaks things; in a `with` statement until its end."""

    def __init__(self, control, rule):
        self._control = control
        self.id = rule["id"]
        self.rule = rule

    @property
    def struck(self):
        """How often it did; None once it is used up or removed."""
        for rule in self._control.get("faults")["faults"]:
            if rule["id"] == self.id:
                return rule["struck"]
        return None

    def remove(self):
        if self.struck is not None:
            self._control.delete(f"faults/{self.id}")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.remove()


class Faults:
    def __init__(self, control):
        self._control = control

    def add(self, action, **rule):
        """`action` is one of refuse-connection, cut, drop, duplicate, throttle, status and delay; `rule` may hold device,
        operation, protocol, status, delay, probability and count (docs/control.md)."""
        if "delay" in rule:
            rule["delay"] = _duration_text(rule["delay"])
        return Fault(self._control, self._control.post("faults", {"action": action, **rule}))

    def clear(self):
        self._control.delete("faults")


def refusal_text(refusal):
    parts = [refusal.get("time"), refusal.get("who"), refusal.get("protocol"), refusal.get("operation")]
    why = [refusal.get("message"), refusal.get("reason"), refusal.get("hint")]
    return f"{' '.join(filter(None, parts))}: {refusal.get('code')} {'; '.join(filter(None, why))}"


def parse_time(text):
    # Before Python 3.11 fromisoformat() takes neither a Z nor other than three or six digits of a second.
    whole, _, fraction = text.rstrip("Z").partition(".")
    time = datetime.fromisoformat(whole).replace(tzinfo=timezone.utc)
    return time + timedelta(seconds=float(f"0.{fraction or 0}"))


def _time_text(time):
    if not isinstance(time, datetime):
        return time
    if time.tzinfo is None:
        raise ValueError(f"{time!r} has no time zone")
    return time.astimezone(timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def _duration_text(duration):
    if isinstance(duration, str):
        return duration
    seconds = duration.total_seconds() if isinstance(duration, timedelta) else duration
    return f"{round(seconds * 1000)}ms"


def _value_text(value):
    return value if isinstance(value, str) else json.dumps(value)
