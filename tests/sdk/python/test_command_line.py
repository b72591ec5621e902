"""The binary's commands beside `serve`."""

import json
import shlex
import subprocess
import sys

import pytest

from hub_process import plain_environment

SHOW_ENVIRONMENT = "import json, os; print(json.dumps(dict(os.environ)))"

REGISTER_A_DEVICE = """
import os
from azure.iot.device import IoTHubDeviceClient
from azure.iot.hub import IoTHubRegistryManager
owner = os.environ["IOTHUB_CONNECTION_STRING"]
device = IoTHubRegistryManager.from_connection_string(owner).create_device_with_sas("d", "", "", "enabled")
key = device.authentication.symmetric_key.primary_key
client = IoTHubDeviceClient.create_from_connection_string(f"HostName=localhost;DeviceId=d;SharedAccessKey={key}")
client.connect()
client.patch_twin_reported_properties({"a": 1})
client.shutdown()
print(IoTHubRegistryManager.from_connection_string(owner).get_twin("d").properties.reported["a"])
"""

COUNT_DEVICES = """
import os
from azure.iot.hub import IoTHubRegistryManager
print(len(IoTHubRegistryManager.from_connection_string(os.environ["IOTHUB_CONNECTION_STRING"]).get_devices()))
"""


@pytest.fixture
def execute(hub, tmp_path):
    """`exec` of a Python program, on the well-known ports: the shared hub makes room and comes back afterwards."""
    hub.stop()

    def run(program, *flags, **options):
        command = ["exec", "--ca-dir", tmp_path / "ca", *flags, "--", sys.executable, "-c", program]
        return hub.run(*command, **options)

    yield run
    hub.start()


def test_exec_gives_the_child_s_output_and_exit_status(execute):
    done = execute("import sys; print('from the child'); sys.exit(7)")
    assert (done.stdout, done.returncode) == ("from the child\n", 7)


def test_exec_passes_standard_input_on(execute):
    assert execute("print(input()[::-1])", input="abc\n").stdout == "cba\n"


def test_exec_gives_the_child_connection_strings_and_trust(execute):
    done = execute(SHOW_ENVIRONMENT, env={**plain_environment(), "KEPT": "yes"})
    environment = json.loads(done.stdout)
    assert environment["KEPT"] == "yes"
    policies = json.loads(environment["IOTHUB_POLICIES"])
    assert set(policies) == {"iothubowner", "service", "device", "registryRead", "registryReadWrite"}
    assert policies["iothubowner"] == environment["IOTHUB_CONNECTION_STRING"]
    assert {"SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "NODE_EXTRA_CA_CERTS", "JAVA_TOOL_OPTIONS"} <= set(environment)
    assert not [name for name in environment if name.startswith("IOTHUB_EMULATOR_")]


def test_the_bundle_holds_the_caller_s_roots_and_the_hub_s(execute, tmp_path):
    count = "import os; print(open(os.environ['SSL_CERT_FILE']).read().count('BEGIN CERTIFICATE'))"
    assert int(execute(count).stdout) > 1
    roots = tmp_path / "roots.pem"
    own = "import os; print(open(os.environ['SSL_CERT_FILE']).read())"
    execute(SHOW_ENVIRONMENT)  # the certificate authority exists now
    roots.write_text((tmp_path / "ca" / "ca.pem").read_text())
    done = execute(own, env={**plain_environment(), "SSL_CERT_FILE": str(roots)})
    assert set(roots.read_text().split()) <= set(done.stdout.split())
    assert done.stdout.count("BEGIN CERTIFICATE") <= 2


def test_the_unchanged_sdks_work_under_exec(execute):
    done = execute(REGISTER_A_DEVICE)
    assert (done.stdout, done.returncode) == ("1\n", 0), done.stderr


def test_exec_keeps_nothing_unless_told_to(execute, tmp_path):
    def devices_after_a_registration(*flags):
        registered = execute(REGISTER_A_DEVICE, *flags)
        assert registered.returncode == 0, registered.stderr
        return execute(COUNT_DEVICES, *flags).stdout

    assert devices_after_a_registration() == "0\n"
    assert devices_after_a_registration("--data", tmp_path / "data") == "1\n"


def test_exec_of_a_program_that_is_not_there_fails_and_names_it(hub, execute, tmp_path):
    done = hub.run("exec", "--ca-dir", tmp_path / "ca", "--", "no-such-program")
    assert done.returncode == 127
    assert "no-such-program" in done.stderr


def test_exec_is_refused_with_status_3_while_a_port_is_taken(hub, tmp_path):
    done = hub.run("exec", "--ca-dir", tmp_path, "--", sys.executable, "-c", "print('must not run')")
    assert (done.returncode, done.stdout) == (3, "")
    assert "443" in done.stderr


def test_health_tells_a_running_hub_from_a_stopped_one(hub):
    environment = hub.environment()
    assert hub.run("health", env=environment).returncode == 0
    hub.stop()
    assert hub.run("health", env=environment).returncode == 1


def test_connection_string_prints_exactly_one_line(hub, service, device, module):
    def printed(*arguments):
        done = hub.run("connection-string", *arguments, env=hub.environment())
        assert done.returncode == 0, done.stderr
        return done.stdout

    assert printed() == hub.connection_string() + "\n"
    assert printed("--policy", "service") == hub.connection_string("service") + "\n"
    assert printed("--device", device.device_id) == device.connection_string() + "\n"
    of_module = printed("--device", device.device_id, "--module", module.module_id)
    assert of_module == module.connection_string() + "\n"


def test_the_connection_string_of_a_missing_device_fails_without_output(hub, name):
    done = hub.run("connection-string", "--device", name, env=hub.environment())
    assert (done.returncode, done.stdout) == (1, "")
    assert name in done.stderr


def test_env_gives_a_shell_what_a_client_needs(hub, device):
    where = ["--data", hub.data, "--ca-dir", hub.ca_folder]
    as_json = hub.run("env", "--format", "json", *where)
    assert as_json.returncode == 0, as_json.stderr
    variables = json.loads(as_json.stdout)
    assert variables["IOTHUB_CONNECTION_STRING"] == hub.connection_string()

    # The shell form, taken up by a real shell: the SDK then needs nothing else.
    program = (
        "import os; from azure.iot.hub import IoTHubRegistryManager as R; "
        f"print(R.from_connection_string(os.environ['IOTHUB_CONNECTION_STRING']).get_device({device.device_id!r}).status)"
    )
    command = [str(part) for part in [hub.binary, "env", "--format", "sh", *where]]
    script = f'eval "$({shlex.join(command)})" && {shlex.join([sys.executable, "-c", program])}'
    done = subprocess.run(["sh", "-c", script], env=plain_environment(), capture_output=True, text=True, timeout=60)
    assert done.stdout == "enabled\n", done.stderr


@pytest.mark.parametrize(
    "arguments", [["serve", "--no-such-flag"], ["no-such-command"], ["serve", "--https-port", "x"]]
)
def test_bad_flags_end_with_status_2(hub, arguments):
    done = hub.run(*arguments)
    assert done.returncode == 2
    assert done.stderr


def test_an_unknown_environment_name_of_ours_is_an_error_that_names_the_nearest_one(hub, tmp_path):
    environment = {**plain_environment(), "IOTHUB_EMULATOR_HTTP_PORT": "1"}
    done = hub.run("serve", "--in-memory", "--ca-dir", tmp_path, env=environment)
    assert done.returncode == 2
    assert "IOTHUB_EMULATOR_HTTPS_PORT" in done.stderr
