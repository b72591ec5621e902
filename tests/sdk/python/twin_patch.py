"""A twin from the service's side."""

from azure.iot.hub.models import Twin, TwinProperties


def desired(**properties):
    """What a service sends to set desired properties."""
    return Twin(properties=TwinProperties(desired=properties))


def read_twin(service, registered):
    """The twin of a device or of a module, whichever this is."""
    if registered.module_id:
        return service.get_module_twin(registered.device_id, registered.module_id)
    return service.get_twin(registered.device_id)


def update_twin(service, registered, patch):
    if registered.module_id:
        return service.update_module_twin(registered.device_id, registered.module_id, patch)
    return service.update_twin(registered.device_id, patch)
