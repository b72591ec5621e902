"""What a hub must hold: certain is what it acknowledged; what it did not answer before it died may or may not have
happened, in the order it was asked for. `settle` compares with what is found and makes it certain again."""


class Broken(AssertionError):
    """The hub is not what the model allows."""


class Section:
    """Desired or reported properties. Patches are asked for one after the other on one connection."""

    def __init__(self):
        self.properties = {}
        self.version = 1
        self.pending = []

    def ask(self, patch):
        self.pending.append(patch)

    def acknowledged(self, version=None):
        self._apply()
        if version is not None and version != self.version:
            raise Broken(f"acknowledged as version {version}, but it is the patch of version {self.version}")

    def _apply(self):
        for name, value in self.pending.pop(0).items():
            if value is None:
                self.properties.pop(name, None)
            else:
                self.properties[name] = value
        self.version += 1

    def settle(self, properties, version):
        while (self.properties, self.version) != (properties, version):
            if not self.pending:
                raise Broken(f"{properties} of version {version} instead of {self.properties} of {self.version}")
            self._apply()
        self.pending = []


class Queue:
    """Cloud-to-device messages of one device, oldest first."""

    def __init__(self):
        self.messages = {}  # id: [certainly sent, maybe completed]
        self.gone = set()

    def ask(self, message_id):
        self.messages[message_id] = [False, False]

    def sent(self, message_id, accepted):
        if accepted:
            if message_id in self.messages:  # else delivered and completed before the service heard
                self.messages[message_id][0] = True
        elif accepted is False:
            raise Broken(f"message {message_id} is refused")

    def received(self, message_id):
        if message_id not in self.messages:
            raise Broken(f"message {message_id} comes again, or was never sent")
        self.messages[message_id][0] = True

    def asked_to_complete(self, message_id):
        self.messages[message_id][1] = True

    def completed(self, message_id):
        del self.messages[message_id]
        self.gone.add(message_id)

    def settle(self, found):
        order = [message_id for message_id in self.messages if message_id in found]
        if order != found:
            raise Broken(f"the queue gives {found}; what may be there is, in order, {list(self.messages)}")
        for message_id, (sent, maybe_completed) in self.messages.items():
            if sent and not maybe_completed and message_id not in found:
                raise Broken(f"message {message_id} is lost")
        self.gone.update(message_id for message_id in self.messages if message_id not in found)
        self.messages = {message_id: [True, False] for message_id in found}


class Telemetry:
    """Messages of one device that the stream must show once, or as often as they were sent; all before were settled."""

    def __init__(self):
        self.sent = {}  # body: [how often sent, acknowledged, how often found]

    def ask(self, body):
        self.sent.setdefault(body, [0, False, 0])[0] += 1

    def acknowledged(self, body):
        self.sent[body][1] = True

    def found(self, bodies):
        """Of new events, in their order. What was sent once stands in the order it was sent."""
        for body in bodies:
            if body not in self.sent:
                raise Broken(f"telemetry {body} is there twice, or was never sent")
            self.sent[body][2] += 1
        in_order = [body for body in self.sent if self.sent[body][2]]
        if list(dict.fromkeys(bodies)) != in_order:
            raise Broken(f"telemetry is out of order: {bodies} instead of {in_order}")
        for body, (times, acknowledged, found) in self.sent.items():
            if found > times or (acknowledged and not found):
                raise Broken(f"telemetry {body}: sent {times} times, acknowledged: {acknowledged}, found {found} times")

    def settle(self):
        """What is here has been looked for, and nobody waits for an answer any more. Returns what may be sent again: it
        may be there already, and will then be there twice."""
        unanswered = [body for body, (_, acknowledged, _) in self.sent.items() if not acknowledged]
        self.sent = {}
        return unanswered


class Device:
    def __init__(self, name):
        self.name = name
        self.exists = False
        self.key = None
        self.busy = False  # its creation or deletion is under way
        self.asking = 0  # requests of its own over HTTP
        self.telemetry = Telemetry()
        self.clear()

    def clear(self):
        """As it is when it is made."""
        self.desired = Section()
        self.reported = Section()
        self.queue = Queue()
