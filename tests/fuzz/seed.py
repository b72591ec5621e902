"""What the fuzzed hub holds, so that the ids of docs/openapi.yaml hit; as a program it seeds and prints a token."""

import base64
import hashlib
import hmac
import json
import os
import time
import urllib.error
import urllib.parse
import urllib.request

PARTS = dict(part.split("=", 1) for part in os.environ["IOTHUB_CONNECTION_STRING"].split(";"))
TAGS = {"place": {"plant": "north", "floor": 2}, "fuzz": True}
TWIN = {"tags": TAGS, "properties": {"desired": {"interval": 30, "thermostat": {"__t": "c", "target": 21}}}}
LATER = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 86400))
UPDATE = {"tags": {"seen": True}}
WRITES = [
    ("/devices/device-1", {"deviceId": "device-1"}),
    ("/devices/device-2", {"deviceId": "device-2", "status": "disabled", "authentication": {"type": "certificateAuthority"}}),
    ("/devices/edge-1", {"deviceId": "edge-1", "capabilities": {"iotEdge": True}}),
    ("/devices/device-1/modules/module-1", {"deviceId": "device-1", "moduleId": "module-1"}),
    ("/twins/device-1", TWIN),
    ("/twins/device-1/modules/module-1", TWIN),
    ("/twins/edge-1", TWIN),
    (
        "/configurations/configuration-1",
        {
            "id": "configuration-1",
            "content": {"deviceContent": {"properties.desired.interval": 60}},
            "targetCondition": "tags.fuzz = true",
            "priority": 1,
            "metrics": {"queries": {"north": "SELECT deviceId FROM devices WHERE tags.place.plant = 'north'"}},
        },
    ),
    ("/jobs/v2/job-1", {"jobId": "job-1", "type": "scheduleUpdateTwin", "updateTwin": UPDATE, "startTime": LATER}),
    (
        "/jobs/v2/job-2",
        {"jobId": "job-2", "type": "scheduleUpdateTwin", "updateTwin": UPDATE, "queryCondition": "tags.fuzz = true"},
    ),
]


def token():
    expiry = int(time.time()) + 3600
    key = base64.b64decode(PARTS["SharedAccessKey"])
    signed = f"{PARTS['HostName']}\n{expiry}".encode()
    signature = base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest())
    quoted = urllib.parse.quote(signature, safe="")
    return f"SharedAccessSignature sr={PARTS['HostName']}&sig={quoted}&se={expiry}&skn={PARTS['SharedAccessKeyName']}"


def seed():
    """Makes what is missing; what is there already is refused with 409 and stays."""
    authorization = token()
    for path, body in WRITES:
        request = urllib.request.Request(
            f"https://{PARTS['HostName']}{path}?api-version=2021-04-12",
            json.dumps(body).encode(),
            {"Authorization": authorization, "Content-Type": "application/json"},
            method="PUT",
        )
        try:
            urllib.request.urlopen(request, timeout=10).read()
        except urllib.error.HTTPError as refusal:
            # What the run has made of the device may stand against its module or its twin.
            if refusal.code >= 500:
                raise


if __name__ == "__main__":
    seed()
    print(token())
