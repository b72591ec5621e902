"""The plugin in pytest runs of their own: parallel workers, seeds, reports, and the emulator's coming and going."""

import os
import signal
import subprocess
import time

import pytest

from pytest_iothub_emulator import Emulator, EmulatorError

# Runs in each of two workers at once: which test is which worker's is not left to chance.
TWO_WORKERS = """
    import os, pathlib, time
    from azure.iot.device import IoTHubDeviceClient
    from azure.iot.hub import IoTHubRegistryManager

    ME = os.environ["PYTEST_XDIST_WORKER"]
    FOLDER = pathlib.Path({folder!r})

    def both(what):
        (FOLDER / f"{{what}}-{{ME}}").touch()
        deadline = time.monotonic() + 30
        while len(list(FOLDER.glob(f"{{what}}-gw*"))) < 2:
            assert time.monotonic() < deadline, f"the other worker has not {{what}}"
            time.sleep(0.02)

    def check(hub, what):
        (FOLDER / f"hub-{{what}}-{{ME}}").write_text(hub.name)
        service = IoTHubRegistryManager.from_connection_string(hub.connection_string())
        service.create_device_with_sas("same-name", "", "", "enabled")
        service.create_device_with_sas(f"of-{{ME}}", "", "", "enabled")
        device = IoTHubDeviceClient.create_from_connection_string(hub.device_connection_string("same-name"))
        device.connect()
        device.send_message(f"from {{ME}}")
        both(f"sent-to-{{what}}")
        assert [each.body for each in hub.messages(count=0)] == [f"from {{ME}}"]
        assert sorted(each.device_id for each in service.get_devices()) == [f"of-{{ME}}", "same-name"]
        assert len(hub.connections()) == 1
        both(f"looked-at-{{what}}")
        device.shutdown()

    def test_session(iothub_session):
        check(iothub_session, "session")

    def test_isolated(iothub):
        check(iothub, "isolated")
"""


def run_two_workers(pytester):
    folder = pytester.mkdir("met")
    pytester.makepyfile(TWO_WORKERS.format(folder=str(folder)))
    pytester.runpytest_subprocess("--tx=2*popen", "--dist=each", "-p", "no:cacheprovider").assert_outcomes(passed=4)
    names = [file.read_text() for file in folder.glob("hub-*")]
    assert len(names) == len(set(names)) == 4


@pytest.fixture
def running(monkeypatch):
    """An emulator that runs already, which the environment names."""
    with Emulator.start() as emulator:
        monkeypatch.setenv("IOTHUB_CONTROL_URL", emulator.control.url)
        yield emulator


def test_parallel_workers_with_an_emulator_each_never_see_each_other(pytester):
    run_two_workers(pytester)


def test_parallel_workers_at_one_emulator_never_see_each_other(pytester, running):
    run_two_workers(pytester)
    assert [each["default"] for each in running.control.get("hubs")["hubs"]] == [True], "the workers took their hubs away"


def test_an_emulator_that_runs_is_used_and_left(pytester, running):
    pytester.makepyfile(
        """
        import os, requests
        from azure.iot.hub import IoTHubRegistryManager

        def test_session(iothub_session):
            service = IoTHubRegistryManager.from_connection_string(iothub_session.connection_string())
            service.create_device_with_sas("kept", "", "", "enabled")

        def test_isolated(iothub):
            service = IoTHubRegistryManager.from_connection_string(os.environ["IOTHUB_CONNECTION_STRING"])
            assert service.get_devices() == []
        """
    )
    pytester.runpytest_subprocess().assert_outcomes(passed=2)
    assert running.default_hub.device_connection_string("kept")


def test_a_failure_says_what_the_hub_refused(pytester):
    pytester.makepyfile(
        """
        from azure.iot.hub import IoTHubRegistryManager

        def test(iothub):
            IoTHubRegistryManager.from_connection_string(iothub.connection_string()).get_device("nobody")
        """
    )
    result = pytester.runpytest_subprocess()
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*refused by the hub 127.0.0.*, newest first*", "*get device*404001*nobody*"])


def test_a_marker_without_the_fixture_that_obeys_it_is_refused(pytester):
    pytester.makepyfile(
        """
        import pytest

        @pytest.mark.iothub_seed("seed.yaml")
        def test(iothub_session):
            pass
        """
    )
    result = pytester.runpytest_subprocess()
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*marker iothub_seed, but not the fixture*"])


def test_flags_are_handed_to_the_emulator(pytester):
    pytester.makeini("[pytest]\niothub_flags = --partitions 2 --deterministic seven")
    pytester.makepyfile(
        """
        def test(iothub_session):
            assert iothub_session.now().count(".") == 1  # a place in each of two partitions
            assert iothub_session.clock.frozen
        """
    )
    pytester.runpytest_subprocess().assert_outcomes(passed=1)


def test_what_is_wrong_with_the_binary_is_said(pytester, monkeypatch):
    pytester.makepyfile("def test(iothub): pass")
    monkeypatch.setenv("IOTHUB_BINARY", "no-such-program")
    result = pytester.runpytest_subprocess()
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*there is no program 'no-such-program'*IOTHUB_BINARY*"])
    monkeypatch.undo()
    with pytest.raises(EmulatorError, match="(?s)status 2.*--no-such-flag"):
        Emulator.start(flags=["--no-such-flag"])
    with Emulator.start(listen="127.77.0.1"), pytest.raises(EmulatorError, match="another program listens there"):
        Emulator.start(listen="127.77.0.1")
    with pytest.raises(EmulatorError, match="no emulator answers at"):
        Emulator.running("http://127.77.0.1:8890")


def test_an_emulator_ends_with_the_tests_however_they_end(pytester):
    test = pytester.makepyfile(
        """
        import time

        def test(iothub):
            print(iothub.emulator._process.pid, flush=True)
            time.sleep(60)
        """
    )
    with subprocess.Popen(["pytest", "-q", "-s", test], stdout=subprocess.PIPE, text=True) as tests:
        pid = int(next(line for line in tests.stdout if line.strip().isdigit()))
        os.kill(pid, 0)
        tests.kill()
    deadline = time.monotonic() + 10
    while is_running(pid):
        assert time.monotonic() < deadline, "the emulator still runs"
        time.sleep(0.02)


def is_running(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    # An orphan that nobody has waited for is none.
    with open(f"/proc/{pid}/stat") as stat:
        return stat.read().rsplit(")", 1)[1].split()[0] != "Z"


def test_an_interrupt_ends_the_tests_before_the_emulator(pytester):
    test = pytester.makepyfile(
        """
        import time

        def test(iothub):
            try:
                print(iothub.emulator._process.pid, flush=True)
                time.sleep(60)
            finally:
                assert iothub.messages(count=0) == []
                print("still there", flush=True)
        """
    )
    command = ["pytest", "-q", "-s", test]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, start_new_session=True) as tests:
        pid = int(next(line for line in tests.stdout if line.strip().isdigit()))
        os.killpg(tests.pid, signal.SIGINT)  # as a terminal does
        assert "still there" in tests.stdout.read()
    assert not is_running(pid)


def test_where_a_process_has_no_second_hub_another_process_is_started(monkeypatch):
    with Emulator.start() as emulator:
        monkeypatch.setattr(emulator.control, "post", refuse(emulator.control))
        hub = emulator.new_hub()
        assert hub.name != emulator.default_hub.name
        assert hub.messages(count=0) == []
        assert hub.environment()["SSL_CERT_FILE"]
        process = hub.emulator._process
        hub.remove()
        assert process.returncode == 0


def refuse(control):
    """The answer of an emulator that cannot listen on another address."""
    from pytest_iothub_emulator import ControlError

    def post(path, *_):
        raise ControlError(f"POST {path}", 500, '{"error": {"code": 500001, "message": "cannot listen on 127.0.0.2:443"}}')

    return post
