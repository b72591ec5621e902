"""What `az iot hub` asks of a hub. Its extension is in no package registry, so that its own classes cannot run here: its
exchanges are replayed with the libraries that it uses itself, as its public source has them. Its older releases speak
api-version 2024-03-31 and read events with uamqp, its newer ones 2026-11-01 and azure-eventhub; both send cloud-to-device
messages and receive feedback with uamqp and a token in the URL. `--login` names the connection string all this begins with.
"""

import json
import threading
import time
import uuid
from urllib.parse import quote

import pytest
import requests
import uamqp
from azure.eventhub import EventHubConsumerClient
from azure.eventhub._pyamqp import ReceiveClient
from azure.eventhub._pyamqp.authentication import AccessToken, _CBSAuth
from azure.eventhub._pyamqp.error import AMQPLinkRedirect
from azure.iot.device import MethodResponse

from eventually import SLOWNESS, eventually
from sas_token import sas

USER_AGENT = "IoTPlatformCliExtension/0.25.0"
OLDER = "2024-03-31"
NEWER = "2026-11-01"


class Target:
    """What the extension reads out of the connection string of --login."""

    def __init__(self, connection_string):
        parts = dict(part.split("=", 1) for part in connection_string.split(";"))
        self.host = parts["HostName"]
        self.policy = parts["SharedAccessKeyName"]
        self.key = parts["SharedAccessKey"]

    def token(self, resource=None):
        return sas(resource or self.host, self.key, self.policy)

    def amqp_url(self, path):
        user = f"{self.policy}@sas.root.{self.host.split('.')[0]}"
        return f"amqps://{quote(user, safe='')}:{quote(self.token(), safe='')}@{self.host}{path}"


@pytest.fixture
def target(hub):
    return Target(hub.connection_string())


class Rest:
    AGENTS = {
        OLDER: "python/3.11 msrest/0.7.1 msrest_azure/0.6.4 iothubgatewayserviceapis/2024-03-31 Azure-SDK-For-Python " + USER_AGENT,
        NEWER: USER_AGENT + " azsdk-python-iothubgatewayserviceapis/2026-11-01 Python/3.11",
    }

    def __init__(self, target, version):
        self._target = target
        self._version = version

    def __call__(self, method, path, body=None, **headers):
        answer = requests.request(
            method,
            f"https://{self._target.host}{path}",
            params={"api-version": self._version},
            headers={
                "Authorization": self._target.token(),
                "User-Agent": self.AGENTS[self._version],
                "Accept": "application/json",
                "x-ms-client-request-id": str(uuid.uuid4()),
                **headers,
            },
            json=body,
            timeout=20,
        )
        answer.raise_for_status()
        return answer.json() if answer.content else None


@pytest.fixture(params=[OLDER, NEWER])
def rest(request, target):
    return Rest(target, request.param)


def quoted(etag):
    return {"If-Match": f'"{etag}"'}


def test_device_identity_create_show_list_update_delete(rest, name):
    made = rest("PUT", f"/devices/{name}", {
        "deviceId": name, "status": "enabled", "statusReason": None, "capabilities": {"iotEdge": False},
        "authentication": {"type": "sas", "symmetricKey": {"primaryKey": None, "secondaryKey": None}},
    })  # fmt: skip
    assert made["authentication"]["symmetricKey"]["primaryKey"]
    shown = rest("GET", f"/devices/{name}")
    assert (shown["etag"], shown["authentication"]) == (made["etag"], made["authentication"])
    listed = rest("POST", "/devices/query", {"query": f"select * from devices where deviceId = '{name}'"},
                  **{"x-ms-max-item-count": "1000"})  # fmt: skip
    assert [each["deviceId"] for each in listed] == [name]
    shown["status"] = "disabled"
    assert rest("PUT", f"/devices/{name}", shown, **quoted(shown["etag"]))["status"] == "disabled"
    with pytest.raises(requests.HTTPError) as stale:
        rest("DELETE", f"/devices/{name}", **quoted(shown["etag"]))
    assert stale.value.response.status_code == 412
    rest("DELETE", f"/devices/{name}", **quoted(rest("GET", f"/devices/{name}")["etag"]))
    with pytest.raises(requests.HTTPError) as gone:
        rest("GET", f"/devices/{name}")
    assert gone.value.response.status_code == 404


def test_device_twin_show_update_replace_and_invoke_device_method(rest, device, connect):
    path = f"/twins/{device.device_id}"
    patch = {"tags": {"floor": 2}, "properties": {"desired": {"interval": 7}}}
    assert rest("PATCH", path, patch, **{"If-Match": '"*"'})["properties"]["desired"]["interval"] == 7
    twin = rest("GET", path)
    assert twin["tags"] == {"floor": 2}
    twin["tags"] = {"room": 1}
    assert rest("PUT", path, twin, **quoted(twin["etag"]))["tags"] == {"room": 1}

    client = connect(device)
    client.on_method_request_received = lambda request: client.send_method_response(
        MethodResponse.create_from_method_request(request, 200, {"got": request.payload})
    )
    call = {"methodName": "reboot", "payload": {"in": 1}, "responseTimeoutInSeconds": 10, "connectTimeoutInSeconds": 10}

    def answered():
        try:
            return rest("POST", f"{path}/methods", call)
        except requests.HTTPError as refusal:
            assert refusal.response.status_code == 404  # not subscribed yet
            return None

    assert eventually(answered, "the device answers") == {"status": 200, "payload": {"got": {"in": 1}}}


def monitored(target, hub, device, connection, endpoint, path):
    """Sends telemetry and reads it where the redirect leads."""
    connection.send_message("monitored")
    text = f"Endpoint=sb://{endpoint}/;SharedAccessKeyName={target.policy};SharedAccessKey={target.key};EntityPath={path}"
    client = EventHubConsumerClient.from_connection_string(
        text, consumer_group="$Default", eventhub_name=path, connection_verify=hub.ca_file, retry_total=0
    )
    bodies = []

    def take(_, events):
        bodies.extend(
            event.body_as_str()
            for event in events
            if event.system_properties[b"iothub-connection-device-id"] == device.device_id.encode()
        )

    with client:
        assert client.get_partition_ids() == ["0", "1", "2", "3"]
        reading = threading.Thread(
            target=lambda: client.receive_batch(on_event_batch=take, starting_position="-1"), daemon=True
        )
        reading.start()
        eventually(lambda: bodies == ["monitored"], "the event is shown")


def test_monitor_events_of_newer_releases(target, hub, device, connect):
    source = f"amqps://{target.host}/messages/events/$management"
    auth = _CBSAuth(
        uri=source, audience=target.host, token_type=b"servicebus.windows.net:sastoken", expires_in=360,
        get_token=lambda: AccessToken(target.token(), time.time() + 360),
    )  # fmt: skip
    client = ReceiveClient(
        hostname=target.host, source=source, auth=auth, timeout=30000, prefetch=1, connection_verify=hub.ca_file
    )
    with pytest.raises(AMQPLinkRedirect) as redirect:
        client.open()
        client.receive_message_batch(max_batch_size=1, timeout=5 * SLOWNESS)
    client.close()
    info = {key.decode(): value for key, value in redirect.value.info.items()}
    host, path = info["hostname"].decode(), info["address"].decode().removeprefix("amqps://").split("/", 1)[1]
    assert path.endswith("/$management")
    monitored(target, hub, device, connect(device), host, path.removesuffix("/$management"))


def test_monitor_events_of_older_releases(target, device, connect):
    connect(device).send_message("monitored")
    client = uamqp.ReceiveClient(target.amqp_url("/messages/events/$management"), timeout=30000, prefetch=1)
    with pytest.raises(uamqp.errors.LinkRedirect) as redirect:
        client.receive_message_batch(max_batch_size=1)
    client.close()
    endpoint, path = redirect.value.hostname.decode(), redirect.value.address.decode().split("/")[3]

    def auth():
        return uamqp.authentication.SASTokenAuth.from_shared_access_key(f"sb://{endpoint}/{path}", target.policy, target.key)

    management = uamqp.AMQPClient(f"amqps://{endpoint}/$management", auth=auth())
    management.open()
    answer = management.mgmt_request(
        uamqp.Message(application_properties={"name": path}), b"READ", op_type=b"com.microsoft:eventhub",
        status_code_field=b"status-code", description_fields=b"status-description", timeout=30000,
    )  # fmt: skip
    management.close()
    partitions = [partition.decode() for partition in answer.get_data()[b"partition_ids"]]
    assert partitions == ["0", "1", "2", "3"]

    def read(partition):
        source = uamqp.address.Source(f"amqps://{endpoint}/{path}/ConsumerGroups/$Default/Partitions/{partition}")
        since = int((time.time() - 120) * 1000)
        source.set_filter(f"amqp.annotation.x-opt-enqueuedtimeutc > {since}".encode())
        receiver = uamqp.ReceiveClient(source, auth=auth(), timeout=2000 * SLOWNESS, prefetch=50, client_name=USER_AGENT)
        try:
            # A batch is what came at once: of what other tests have sent there may be several.
            while batch := receiver.receive_message_batch(max_batch_size=50):
                for message in batch:
                    if message.annotations[b"iothub-connection-device-id"] == device.device_id.encode():
                        yield b"".join(message.get_data())
        finally:
            receiver.close()

    assert [body for partition in partitions for body in read(partition)] == [b"monitored"]


def container():
    return f"{USER_AGENT}/{uuid.uuid4()}"


def test_device_c2d_message_send_and_its_feedback(target, device, connect):
    client = connect(device)
    received = []
    client.on_message_received = received.append
    message_id = str(uuid.uuid4())
    properties = uamqp.message.MessageProperties(message_id=message_id)
    properties.to = f"/devices/{device.device_id}/messages/devicebound"
    properties.content_encoding = "utf-8"
    properties.absolute_expiry_time = int((time.time() + 600) * 1000)
    message = uamqp.Message(
        body="Ping from Az CLI IoT Extension".encode(), properties=properties,
        application_properties={"level": "3", "iothub-ack": "full"},
    )  # fmt: skip
    sender = uamqp.SendClient(target.amqp_url("/messages/devicebound"), client_name=container())
    sender.queue_message(message)
    assert sender.send_all_messages() == [uamqp.constants.MessageState.SendComplete]
    eventually(lambda: received, "the message comes")
    assert received[0].data == b"Ping from Az CLI IoT Extension"
    assert received[0].custom_properties == {"level": "3"}

    receiver = uamqp.ReceiveClient(
        target.amqp_url("/messages/servicebound/feedback"), client_name=container(), timeout=40000 * SLOWNESS
    )
    records = []
    for each in receiver.receive_messages_iter():
        records = json.loads(next(each.get_data()))
        each.accept()
        if any(record["originalMessageId"] == message_id for record in records):
            break
    receiver.close()
    record = next(record for record in records if record["originalMessageId"] == message_id)
    assert record["deviceId"] == device.device_id
    assert record["statusCode"] == "Success"


def test_device_c2d_message_receive_and_complete_with_the_policy_key(target, service, device):
    service.send_c2d_message(device.device_id, "by HTTP")
    token = target.token(f"{target.host}/devices/{device.device_id}")

    def ask(method, path=""):
        return requests.request(
            method, f"https://{target.host}/devices/{device.device_id}/messages/deviceBound{path}",
            params={"api-version": NEWER}, headers={"Authorization": token, "User-Agent": USER_AGENT}, timeout=20,
        )  # fmt: skip

    message = ask("GET")
    assert (message.status_code, message.text) == (200, "by HTTP")
    assert ask("DELETE", f"/{message.headers['ETag'].strip(chr(34))}").status_code == 204
    assert ask("GET").status_code == 204
