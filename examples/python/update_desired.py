"""Sets a desired property of the module's twin, as a service does: update_desired.py [INTERVAL]

Environment: IOTHUB_CONNECTION_STRING, of a policy with ServiceConnect.
"""

import os
import sys

from azure.iot.hub import IoTHubRegistryManager
from azure.iot.hub.models import Twin, TwinProperties

from create_module import DEVICE_ID, MODULE_ID


def main():
    interval = int(sys.argv[1]) if len(sys.argv) > 1 else 122
    registry = IoTHubRegistryManager.from_connection_string(os.environ["IOTHUB_CONNECTION_STRING"])

    twin = registry.get_module_twin(DEVICE_ID, MODULE_ID)
    print(f"desired before: {twin.properties.desired}")

    # The etag makes the hub refuse (412) if somebody else changed the twin in between.
    patch = Twin(properties=TwinProperties(desired={"telemetryInterval": interval}))
    twin = registry.update_module_twin(DEVICE_ID, MODULE_ID, patch, twin.etag)
    print(f"desired after:  {twin.properties.desired}")


if __name__ == "__main__":
    main()
