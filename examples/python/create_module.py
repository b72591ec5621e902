"""Makes a device and a module in the identity registry, or reads them where they are there already.

Environment: IOTHUB_CONNECTION_STRING, of a policy that may write the registry.
The last line printed is the module's connection string, for receive_desired.py.
"""

import os

from azure.iot.hub import IoTHubRegistryManager
from msrest.exceptions import HttpOperationError

DEVICE_ID = "myFirstDevice"
MODULE_ID = "myFirstModule"
HUB_MAKES_THE_KEY = ""


def create_or_read(create, read):
    try:
        return create()
    except HttpOperationError as error:
        if error.response.status_code != 409:
            raise
        return read()


def main():
    connection_string = os.environ["IOTHUB_CONNECTION_STRING"]
    registry = IoTHubRegistryManager.from_connection_string(connection_string)

    device = create_or_read(
        lambda: registry.create_device_with_sas(DEVICE_ID, HUB_MAKES_THE_KEY, HUB_MAKES_THE_KEY, "enabled"),
        lambda: registry.get_device(DEVICE_ID),
    )
    print(f"device {DEVICE_ID} has the primary key {device.authentication.symmetric_key.primary_key}")

    module = create_or_read(
        lambda: registry.create_module_with_sas(DEVICE_ID, MODULE_ID, "", HUB_MAKES_THE_KEY, HUB_MAKES_THE_KEY),
        lambda: registry.get_module(DEVICE_ID, MODULE_ID),
    )
    key = module.authentication.symmetric_key.primary_key
    print(f"module {DEVICE_ID}/{MODULE_ID} has the primary key {key}")

    # The device SDK always uses port 8883 and takes a port here for a part of the name.
    host = dict(part.split("=", 1) for part in connection_string.split(";"))["HostName"].split(":")[0]
    print(f"HostName={host};DeviceId={DEVICE_ID};ModuleId={MODULE_ID};SharedAccessKey={key}")


if __name__ == "__main__":
    main()
