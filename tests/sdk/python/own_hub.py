"""A hub with settings of its own, in place of the one that all tests share: the ports are the same."""

import os
from contextlib import contextmanager

from hub_process import HubProcess


@contextmanager
def own_hub(hub_process, folder, *flags):
    if hub_process.running:
        hub_process.stop()
    hub = HubProcess(os.environ["IOTHUB_TEST_BINARY"], folder)
    hub.flags = list(flags)
    hub.start()
    # Clients made in this process look there.
    names = ("IOTHUB_CONNECTION_STRING", "EVENTHUB_CONNECTION_STRING", "SSL_CERT_FILE", "REQUESTS_CA_BUNDLE")
    before = {name: os.environ.get(name) for name in names}
    os.environ.update({name: value for name, value in hub.environment().items() if name in names})
    try:
        yield hub
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
        if hub.running:
            hub.stop()
        hub_process.start()
