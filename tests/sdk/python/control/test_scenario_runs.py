"""Scenarios tell the hub that runs how they go."""

import pathlib

SCENARIO = """
name: {name}
devices: [{{id: d1}}]
steps:
  - send: {{device: d1, body: {{temperature: 20}}}}
  - name: hot
    expect: {{messages: {{device: d1, body: {{temperature: {expected}}}}}, within: 300ms}}
  - send: {{device: d1}}
"""


def test_a_run_is_told_step_by_step(hub, control, read_events, tmp_path):
    reader = read_events(events="scenario-run")
    file = pathlib.Path(tmp_path) / "alarm.yaml"
    folders = ["--data", hub.data, "--ca-dir", hub.ca_folder]
    for expected, state, status in ((20, "passed", 0), (21, "failed", 1)):
        file.write_text(SCENARIO.format(name=state, expected=expected))
        done = hub.run("scenario", "run", str(file), *folders)
        assert done.returncode == status, done.stderr
        assert done.stderr == ""
    failed, passed = control.get("scenario-runs")["runs"][:2]
    assert (failed["name"], failed["state"], failed["file"]) == ("failed", "failed", str(file))
    assert [step["state"] for step in failed["steps"]] == ["passed", "passed", "failed", "skipped"]
    assert [step["name"] for step in failed["steps"]] == ["set up", "send d1", "hot", "send d1"]
    failure = failed["steps"][2]["failure"]
    assert "expected at least 1 messages like" in failure
    assert "/body/temperature: expected 21, got 20" in failure
    assert failed["steps"][2]["seconds"] >= 0.3
    assert failed["seconds"] >= failed["steps"][2]["seconds"]
    assert {step["state"] for step in passed["steps"]} == {"passed"}
    told = [event["detail"] for event in reader.events if event["detail"]["run"] == failed["id"]]
    assert ("running", "hot") in [(each["state"], each.get("step")) for each in told]
    assert (told[-1]["state"], told[-1]["done"], told[-1]["steps"]) == ("failed", 3, 4)


def test_a_hub_that_refuses_costs_a_warning(hub, tmp_path):
    file = pathlib.Path(tmp_path) / "alarm.yaml"
    file.write_text(SCENARIO.format(name="warned", expected=20))
    folders = ["--data", hub.data, "--ca-dir", hub.ca_folder]
    hub.stop()
    hub.start("--control-token", "sesame")
    try:
        done = hub.run("scenario", "run", str(file), *folders)
        assert done.returncode == 0
        assert done.stderr.count("does not show how the scenario goes") == 1
        assert hub.run("scenario", "run", str(file), *folders, "--control-token", "sesame").stderr == ""
    finally:
        hub.stop()
        hub.start()


def test_without_a_running_hub_nothing_is_told(hub, control, tmp_path):
    file = pathlib.Path(tmp_path) / "alarm.yaml"
    file.write_text(SCENARIO.format(name="alone", expected=20))
    done = hub.run("scenario", "run", str(file), "--data", str(tmp_path / "empty"), "--ca-dir", hub.ca_folder)
    assert (done.returncode, done.stderr) == (0, "")
    assert "alone" not in [run["name"] for run in control.get("scenario-runs")["runs"]]


def test_another_runner_may_tell_of_its_runs_too(control):
    steps = [{"name": "warm up", "state": "running"}]
    control.request("PUT", "scenario-runs/soak", 204, {"name": "soak", "state": "running", "steps": steps})
    control.request("PUT", "scenario-runs/soak", 204, {"name": "soak", "state": "passed", "seconds": 4, "steps": []})
    (run,) = [each for each in control.get("scenario-runs")["runs"] if each["id"] == "soak"]
    assert (run["state"], run["seconds"], run["steps"]) == ("passed", 4, [])
    refused = control.request("PUT", "scenario-runs/soak", 400, {"state": "paused", "steps": []})
    assert refused["error"]["message"] == "'state' is none of running, passed, failed"
