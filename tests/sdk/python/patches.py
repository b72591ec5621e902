"""What a client hears of its desired properties."""

from eventually import eventually


class Patches:
    """Collects the patches a client receives from now on, in order of arrival."""

    def __init__(self, client):
        self.received = []
        # Setting a handler subscribes; the SDK returns when the hub has acknowledged that.
        client.on_twin_desired_properties_patch_received = self.received.append

    def holding(self, key):
        """Those that set (or, by None, delete) the property."""
        return [patch for patch in list(self.received) if key in patch]

    def wait_for(self, key, value):
        def arrived():
            return [patch for patch in self.holding(key) if patch[key] == value]

        return eventually(arrived, f"a desired patch with {key} = {value!r} arrives")[0]
