"""The servers that are measured: how each is configured, started, and asked by the load generator."""

import base64
import contextlib
import hashlib
import hmac
import json
import os
import shutil
import socket
import ssl
import subprocess
import sys
import time
import urllib.parse
import urllib.request

START_SECONDS = 60
AZURITE_VERSION = "3.37.0"

# As the tables call them.
DISK, MEMORY, STOCK, NODELAY = "hub, disk", "hub, memory", "mosquitto", "mosquitto nodelay"
NGINX, AZURITE, RABBITMQ = "nginx static", "Azurite tables", "RabbitMQ"


def fail(message):
    sys.exit(f"bench/run: {message}")


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Server:
    """What `running()` starts by its `command`; it is ready once it listens on all `ports_to_await`."""

    environment = {}

    def prepare(self):
        """Before each start."""

    def beside(self, log):
        """What has to run as long as it does."""
        return contextlib.nullcontext()

    def wait_until_ready(self, process):
        wait_for(process, lambda: all(map(can_connect, self.ports_to_await)))


class Mosquitto(Server):
    def __init__(self, folder, nodelay):
        self.port, self.websocket_port = self.ports_to_await = free_port(), free_port()
        self.folder = folder
        self.arguments_for_load = [f"--mqtts-port={self.port}", f"--https-port={self.websocket_port}"]
        configuration = folder / f"mosquitto-{'nodelay' if nodelay else 'stock'}.conf"
        lines = [
            # Started by root it would otherwise become a user who may not read the key.
            "user root",
            "allow_anonymous true",
            "persistence false",
            "log_type error",
            *(["set_tcp_nodelay true"] if nodelay else []),
            *self.listener(self.port),
            *self.listener(self.websocket_port),
            "protocol websockets",
        ]
        configuration.write_text("\n".join(lines) + "\n")
        self.command = [mosquitto_binary(), "-c", str(configuration)]

    def listener(self, port):
        certificate = [f"certfile {self.folder}/leaf.pem", f"keyfile {self.folder}/leaf.key"]
        return [f"listener {port} 127.0.0.1", *certificate]


class Nginx(Server):
    """Static files that are a hub's answers."""

    def __init__(self, folder):
        self.folder = folder / "nginx"
        self.port = free_port()
        self.ports_to_await = [self.port]
        self.arguments_for_load = [f"--https-port={self.port}"]
        self.requests = {"identity": ["--path=/identity"], "twin": ["--path=/twin"]}
        self.command = [nginx_binary(), "-c", str(self.folder / "nginx.conf"), "-p", str(self.folder)]

    def prepare(self):
        self.folder.mkdir(exist_ok=True)
        temporary = "\n".join(
            f"{each}_temp_path {self.folder}/{each};" for each in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
        )
        (self.folder / "nginx.conf").write_text(f"""\
daemon off; master_process off; worker_processes 1; pid {self.folder}/pid; error_log stderr error;
{"user root;" if os.geteuid() == 0 else ""}
events {{ worker_connections 1024; }}
http {{
  access_log off; {temporary}
  default_type application/json; keepalive_requests 1000000000; open_file_cache max=10;
  server {{
    listen 127.0.0.1:{self.port} ssl;
    ssl_certificate {self.folder.parent}/leaf.pem; ssl_certificate_key {self.folder.parent}/leaf.key;
    root {self.folder}/files;
  }}
}}
""")

    def serve(self, name, content):
        (self.folder / "files").mkdir(parents=True, exist_ok=True)
        (self.folder / "files" / name).write_bytes(content)


class Azurite(Server):
    """Microsoft's emulator of table storage, with a table whose entities are of an identity's size."""

    ACCOUNT = "devstoreaccount1"  # its name and key are in every documentation of the emulator
    KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
    PADDING = "x" * 600

    def __init__(self, binary, folder):
        self.port = free_port()
        self.ports_to_await = [self.port]
        self.folder = folder
        self.arguments_for_load = [f"--https-port={self.port}"]
        self.signature = self.shared_access_signature()
        entity = f"/{self.ACCOUNT}/bench(PartitionKey='p',RowKey='0')?{self.signature}"
        self.requests = {
            "identity": [f"--path={entity}"],
            "twin": [f"--path={entity}"],
            "create": [
                "--method=POST",
                f"--path=/{self.ACCOUNT}/bench?{self.signature}",
                f"--body={json.dumps(self.entity('{n}'))}",
            ],
            "patch": ["--method=PATCH", f"--path={entity}", '--body={"Bench":"{n}"}'],
        }
        self.command = [
            *[str(binary), "--tableHost", "127.0.0.1", "--tablePort", str(self.port), "--disableTelemetry", "--silent"],
            *["--location", str(folder / "azurite"), "--skipApiVersionCheck"],
            *["--cert", f"{folder}/leaf.pem", "--key", f"{folder}/leaf.key"],
        ]

    def shared_access_signature(self):
        fields = {"sv": "2019-02-02", "ss": "t", "srt": "sco", "sp": "rwdlacu", "se": "2099-01-01T00:00:00Z"}
        signed = [self.ACCOUNT, fields["sp"], fields["ss"], fields["srt"], "", fields["se"], "", "", fields["sv"], ""]
        digest = hmac.digest(base64.b64decode(self.KEY), "\n".join(signed).encode(), hashlib.sha256)
        return urllib.parse.urlencode({**fields, "sig": base64.b64encode(digest).decode()})

    def entity(self, row):
        return {"PartitionKey": "p", "RowKey": row, "Padding": self.PADDING}

    def wait_until_ready(self, process):
        super().wait_until_ready(process)
        self.post("Tables", {"TableName": "bench"})
        self.post("bench", self.entity("0"))

    def post(self, path, body):
        request = urllib.request.Request(
            f"https://127.0.0.1:{self.port}/{self.ACCOUNT}/{path}?{self.signature}",
            json.dumps(body).encode(),
            {"Content-Type": "application/json", "Accept": "application/json"},
        )
        with urllib.request.urlopen(request, context=ssl._create_unverified_context()) as answer:
            answer.read()


class RabbitMq(Server):
    """Its AMQP 1.0, with queues that are kept in memory."""

    def __init__(self, folder):
        self.folder = folder / "rabbitmq"
        self.port, self.names_port, distribution_port = free_port(), free_port(), free_port()
        self.ports_to_await = [self.port]
        self.arguments_for_load = [f"--amqps-port={self.port}"]
        self.environment = {
            "HOME": str(self.folder),  # for its cookie
            "ERL_EPMD_PORT": str(self.names_port),
            "ERL_EPMD_ADDRESS": "127.0.0.1",
            "RABBITMQ_NODENAME": "bench@localhost",
            "RABBITMQ_DIST_PORT": str(distribution_port),
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "-kernel inet_dist_use_interface {127,0,0,1}",
            "RABBITMQ_MNESIA_BASE": str(self.folder / "store"),
            "RABBITMQ_LOG_BASE": str(self.folder / "log"),
            "RABBITMQ_CONFIG_FILE": str(self.folder / "rabbitmq"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(self.folder / "plugins"),
            "RABBITMQ_CONF_ENV_FILE": os.devnull,
            "RUNNING_UNDER_SYSTEMD": "true",  # otherwise the script would stay between us and the server
        }
        self.command = [rabbitmq_binary()]

    @contextlib.contextmanager
    def beside(self, log):
        """Erlang's directory of nodes; one that the server started itself would outlive it."""
        names = installed("epmd")
        with spawned([names, "-address", "127.0.0.1", "-port", str(self.names_port)], log):
            yield

    def prepare(self):
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir()
        (self.folder / "plugins").write_text("[rabbitmq_amqp1_0].\n")
        (self.folder / "rabbitmq.conf").write_text(f"""\
listeners.tcp = none
listeners.ssl.1 = 127.0.0.1:{self.port}
ssl_options.certfile = {self.folder.parent}/leaf.pem
ssl_options.keyfile = {self.folder.parent}/leaf.key
ssl_options.cacertfile = {self.folder.parent}/ca.pem
ssl_options.verify = verify_none
amqp1_0.default_user = guest
log.console = true
log.console.level = error
""")


class Hub(Server):
    TWIN = "/twins/bench-0?api-version=2021-04-12"
    requests = {
        "identity": ["--path=/devices/bench-0?api-version=2021-04-12"],
        "twin": [f"--path={TWIN}"],
        "create": [
            "--method=PUT",
            "--path=/devices/bench-new-{n}?api-version=2021-04-12",
            '--body={"deviceId":"bench-new-{n}"}',
        ],
        "patch": ["--method=PATCH", f"--path={TWIN}", '--body={"properties":{"desired":{"bench":"{n}"}}}'],
    }

    def __init__(self, binary, folder, ca_folder, data=None):
        ports = {"mqtts": free_port(), "https": free_port(), "amqps": free_port()}
        self.ready_file = folder / "ready.json"
        self.ports = [f"--{name}-port={port}" for name, port in ports.items()]
        self.arguments_for_load = self.ports
        self.command = [
            str(binary),
            "serve",
            f"--data={data}" if data else "--in-memory",
            f"--ca-dir={ca_folder}",
            *self.ports,
            "--amqp-port=0",
            "--portal-port=0",
            f"--ready-file={self.ready_file}",
            "--log-level=error",
        ]

    def prepare(self):
        self.ready_file.unlink(missing_ok=True)

    def wait_until_ready(self, process):
        wait_for(process, self.ready_file.exists)
        ready = json.loads(self.ready_file.read_text())
        self.portal_port = ready["ports"]["portal"]
        self.control = f"http://127.0.0.1:{self.portal_port}/_emulator"
        self.arguments_for_load = [*self.ports, f"--connection-string={ready['connectionStrings']['iothubowner']}"]


def installed(name):
    return shutil.which(name) or shutil.which(name, path="/usr/sbin:/sbin")


def mosquitto_binary():
    return installed("mosquitto")


def nginx_binary():
    return installed("nginx")


def rabbitmq_binary():
    return installed("rabbitmq-server") and shutil.which("rabbitmq-server", path="/usr/lib/rabbitmq/bin")


def azurite_binary(build_folder):
    """Installed on the first run; nothing where that is not possible."""
    folder = build_folder / "azurite"
    binary = folder / "node_modules/.bin/azurite-table"
    if not binary.exists() and shutil.which("npm"):
        folder.mkdir(exist_ok=True)
        package = f"azurite@{AZURITE_VERSION}"
        subprocess.run(["npm", "install", "--silent", "--no-save", "--ignore-scripts", "--prefix", folder, package])
    return binary if binary.exists() else None


def can_connect(port):
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def wait_for(process, condition):
    deadline = time.monotonic() + START_SECONDS
    while not condition():
        if process.poll() is not None or time.monotonic() > deadline:
            fail(f"{process.args[0]} did not start: {' '.join(process.args)}")
        time.sleep(0.01)


@contextlib.contextmanager
def spawned(command, log, environment={}):
    process = subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env={**os.environ, **environment}
    )
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()


@contextlib.contextmanager
def running(server, log):
    server.prepare()
    with server.beside(log), spawned(server.command, log, server.environment) as process:
        server.wait_until_ready(process)
        yield process


def certificates(folder):
    """An authority and a leaf as the hub's: ECDSA P-256 both."""
    (folder / "names").write_text("subjectAltName=DNS:localhost,IP:127.0.0.1\n")
    curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
    for command in (
        ["req", "-x509", *curve, "-keyout", "ca.key", "-out", "ca.pem", "-subj", "/CN=bench", "-days", "30"],
        ["req", *curve, "-keyout", "leaf.key", "-out", "leaf.csr", "-subj", "/CN=localhost"],
        "x509 -req -in leaf.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 30 -extfile names -out leaf.pem".split(),
    ):
        subprocess.run(["openssl", *command], check=True, capture_output=True, cwd=folder)
