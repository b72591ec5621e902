"""Connects as the module and prints each patch of its desired properties: receive_desired.py [COUNT]

Ends after COUNT patches; without one, at Ctrl-C.
Environment: IOTHUB_MODULE_CONNECTION_STRING, as create_module.py prints it.
"""

import os
import queue
import sys

from azure.iot.device import IoTHubModuleClient


def main():
    remaining = int(sys.argv[1]) if len(sys.argv) > 1 else float("inf")
    patches = queue.Queue()
    client = IoTHubModuleClient.create_from_connection_string(os.environ["IOTHUB_MODULE_CONNECTION_STRING"])
    try:
        client.connect()
        # Returns when the hub has acknowledged the subscription: from here on no patch is missed.
        client.on_twin_desired_properties_patch_received = patches.put
        print("waiting for patches of the desired properties", flush=True)
        while remaining > 0:
            print(f"patch received: {patches.get()}", flush=True)
            remaining -= 1
    except KeyboardInterrupt:
        pass
    finally:
        client.shutdown()


if __name__ == "__main__":
    main()
