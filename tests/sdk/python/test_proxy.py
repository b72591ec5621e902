"""azure-iot-device behind an HTTP proxy: CONNECT, then TLS and the protocol as everywhere."""

import pytest
from azure.iot.device import ProxyOptions

from connect_proxy import ConnectProxy
from eventually import eventually
from patches import Patches
from stored_telemetry import stored_telemetry
from twin_patch import desired, update_twin


@pytest.fixture
def proxy():
    proxy = ConnectProxy()
    yield proxy
    proxy.close()


def through(proxy):
    return ProxyOptions(proxy_type="HTTP", proxy_addr="127.0.0.1", proxy_port=proxy.port)


@pytest.mark.parametrize("websockets", [False, True], ids=["mqtt", "websocket"])
@pytest.mark.parametrize("kind", ["device", "module"])
def test_everything_goes_through_the_proxy(hub, service, request, proxy, connect, kind, websockets):
    registered = request.getfixturevalue(kind)
    client = connect(registered, websockets=websockets, proxy_options=through(proxy))
    assert proxy.asked == [f"CONNECT {hub.host}:{443 if websockets else 8883}"]
    client.send_message(b"x" * 100_000)
    assert proxy.carried > 100_000
    assert stored_telemetry(hub, registered.device_id) == [(b"x" * 100_000, [])]
    patches = Patches(client)
    update_twin(service, registered, desired(n=1))
    patches.wait_for("n", 1)


def test_a_link_that_the_proxy_drops_is_made_again_through_it(service, device, proxy, connect):
    client = connect(device, websockets=True, proxy_options=through(proxy))
    patches = Patches(client)
    proxy.cut()
    eventually(lambda: len(proxy.asked) >= 2 and client.connected, "the client is connected again")
    service.update_twin(device.device_id, desired(after="the drop"))
    patches.wait_for("after", "the drop")
