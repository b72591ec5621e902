"""Simulated devices that the control API starts."""

import pytest

from control.control_api import ControlApi
from eventually import eventually


@pytest.fixture
def simulate(control):
    started = []

    def start(status=201, **what):
        answer = control.post("simulations", what, status)
        if status == 201:
            started.append(answer["id"])
        return answer

    yield start
    for each in control.get("simulations")["simulations"]:
        if each["id"] in started:
            control.delete(f"simulations/{each['id']}")
    eventually(lambda: not running(control), "all have left")


def running(control):
    return [each for each in control.get("simulations")["simulations"] if each["state"] != "ended"]


def test_simulated_devices_send_report_and_answer(control, service, simulate, name):
    template = """
        telemetry:
          body: {temperature: {$counter: {start: 20}}}
        reported: {values: {firmware: "1.0"}}
        methods:
          reboot: {status: 202, payload: {accepted: true}}
    """
    started = simulate(prefix=name, devices=3, rate=50, template=template)
    assert (started["state"], started["devices"]) == ("running", 3)
    (figures,) = eventually(
        lambda: [each for each in running(control) if each["connected"] == 3 and each["acknowledged"] > 3],
        "three devices are connected and send",
    )
    assert (figures["refused"], figures["lost"], figures["reported"]) == (0, 0, 3)
    sent = control.get("messages", device=f"{name}-2", limit=1)["messages"]
    assert sent[0]["body"] == {"temperature": 20}
    eventually(lambda: service.get_twin(f"{name}-1").properties.reported.get("firmware") == "1.0", "it has reported")
    answer = control.post(
        f"service/twins/{name}-3/methods?api-version=2021-04-12", {"methodName": "reboot", "payload": None}
    )
    assert (answer["status"], answer["payload"]) == (202, {"accepted": True})

    control.delete(f"simulations/{started['id']}")
    eventually(lambda: not [each for each in control.get("connections")["connections"] if each["device"].startswith(name)],
               "they have left")
    assert service.get_device(f"{name}-1").status == "enabled"
    control.delete(f"simulations/{started['id']}", 404)


def test_devices_that_are_there_keep_their_keys_and_a_duration_ends_it(control, service, device, simulate):
    prefix, _, number = (device.device_id + "-1").rpartition("-")
    registered = service.create_device_with_sas(f"{prefix}-{number}", "", "", "enabled")
    key = registered.authentication.symmetric_key.primary_key
    started = simulate(prefix=prefix, rate=20, duration="1s", template={"telemetry": {"body": {"n": 1}}})

    def ended():
        return [each for each in control.get("simulations")["simulations"]
                if each["id"] == started["id"] and each["state"] == "ended"]

    (over,) = eventually(ended, "it ends by itself")
    assert over["acknowledged"] == over["sent"] > 0
    assert service.get_device(f"{prefix}-1").authentication.symmetric_key.primary_key == key


@pytest.mark.parametrize(
    "what, said",
    [
        ({"devices": 0}, "devices"),
        ({"devices": 1001}, "devices"),
        ({"rate": 0}, "rate"),
        ({"prefix": ""}, "prefix"),
        ({"prefix": "no device/id"}, "id"),
        ({"template": "telemetrie: {}"}, "telemetry"),
        ({"template": [1]}, "template"),
        ({"duration": "soon"}, "duration"),
        ({"colour": "blue"}, "colour"),
    ],
)
def test_what_cannot_be_simulated_is_refused_with_its_name(simulate, what, said):
    assert said in simulate(400, **what)["error"]["message"]


def test_two_simulations_do_not_share_their_devices(simulate, name):
    simulate(prefix=name)
    assert simulate(409, prefix=name)["error"]["name"] == "DeviceAlreadyExists"


def test_a_reset_ends_the_simulations_of_its_hub(control, start_fresh_hub):
    fresh = start_fresh_hub()
    own = ControlApi(fresh.ports["portal"])
    own.post("simulations", {"devices": 2}, 201)
    eventually(lambda: [each for each in running(own) if each["connected"] == 2], "both are connected")
    own.post("reset", {}, 204)
    eventually(lambda: not running(own), "the simulation has ended")
    assert own.get("connections")["connections"] == []


def test_the_emulator_ends_in_time_with_simulations_running(start_fresh_hub):
    fresh = start_fresh_hub()
    own = ControlApi(fresh.ports["portal"])
    own.post("simulations", {"devices": 5, "rate": 100}, 201)
    eventually(lambda: [each for each in running(own) if each["connected"] == 5], "all are connected")
    fresh.stop()
    assert not fresh.running
