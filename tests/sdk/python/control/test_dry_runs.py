"""Routes and configurations that are tried before they are put."""

import pytest

MESSAGE = {"body": {"temperature": 60}, "appProperties": {"level": "critical"}}


def routes(condition):
    return {
        "routes": [{"name": "alarms", "source": "DeviceMessages", "condition": condition, "endpointNames": ["events"]}],
        "fallbackRoute": {
            "source": "DeviceMessages", "condition": "true", "endpointNames": ["events"], "isEnabled": False
        },
    }  # fmt: skip


@pytest.fixture
def kept_routing(control):
    before = control.get("routing")["routing"]
    yield before
    control.request("PUT", "routing", 204, {"routing": before})


def test_routes_that_are_written_are_tried_in_place_of_the_hubs(control):
    tried = control.post("explain/route", {"message": MESSAGE, "routing": routes("$body.temperature > 70")})
    assert tried["endpoints"] == []
    (route,) = tried["routes"]
    assert (route["name"], route["taken"], route["condition"]["value"]) == ("alarms", False, False)
    assert control.post("explain/route", {"message": MESSAGE})["endpoints"] == ["events"]
    refusal = control.post("explain/route", {"message": MESSAGE, "routing": routes("level =")}, 400)
    assert "routes[0].condition" in refusal["error"]["message"]


def test_a_condition_on_the_twin_asks_that_of_the_sender(control, service, device, name):
    control.request(
        "PATCH", f"service/twins/{device.device_id}", 200, {"tags": {"floor": name}}, **{"api-version": "2021-04-12"}
    )
    asked = {"message": MESSAGE, "routing": routes(f"$twin.tags.floor = '{name}'")}
    assert control.post("explain/route", {**asked, "device": device.device_id})["endpoints"] == ["events"]
    assert control.post("explain/route", asked)["endpoints"] == []


def test_routing_is_read_and_put(control, kept_routing, device, connect):
    assert kept_routing["fallbackRoute"]["endpointNames"] == ["events"]
    control.request("PUT", "routing", 204, {"routing": routes("level = 'critical'")})
    assert control.get("routing") == {"isDefault": False, "routing": routes("level = 'critical'")}
    assert control.post("explain/route", {"message": {"body": 1}})["endpoints"] == []
    control.request("PUT", "routing", 400, {"routing": routes("level =")})
    control.request("PUT", "routing", 400, {})
    assert control.get("routing")["routing"] == routes("level = 'critical'")


def test_a_configuration_is_tried(control, device, name):
    configuration = {
        "id": name.lower(),
        "content": {"deviceContent": {"properties.desired.level": 1}},
        "targetCondition": f"deviceId = '{device.device_id}'",
        "priority": 3,
    }
    tried = control.post("explain/configuration", {"configuration": configuration})
    assert (tried["valid"], tried["matched"]) == (True, 1)
    (target,) = tried["targets"]
    assert target["device"] == device.device_id
    assert target["ranks"] == [{"id": name.lower(), "priority": 3}]
    wrong = control.post("explain/configuration", {"configuration": {**configuration, "targetCondition": "tags ="}})
    assert (wrong["valid"], wrong["code"]) == (False, 400401)
    control.post("explain/configuration", {}, 400)
