"""The TCP connection under an SDK client, which the SDK itself does not show."""

import gc
import os
import socket

import paho.mqtt.client

from eventually import eventually


def _client_of(client_id):
    for candidate in gc.get_objects():
        if isinstance(candidate, paho.mqtt.client.Client) and candidate._client_id == client_id.encode():
            if candidate.socket() is not None:
                return candidate
    return None


def _socket_of(client_id):
    client = _client_of(client_id)
    return client and client.socket()


def in_flight(client_id):
    """How many messages the SDK has published that are not acknowledged."""
    return len(_client_of(client_id)._out_messages)


def received_flags(client_id):
    """Collects the DUP flag of each message that arrives from now on: the SDK does not hand it out."""
    client = _client_of(client_id)
    flags = []
    handle = client.on_message

    def on_message(client, userdata, message):
        flags.append(message.dup)
        handle(client, userdata, message)

    client.on_message = on_message
    return flags


def local_address(client_id):
    """Tells one connection from the next; None while there is none."""
    try:
        return _socket_of(client_id).getsockname()
    except (AttributeError, OSError):
        return None


def break_connection(client_id):
    """As when a cable is pulled: no MQTT DISCONNECT. Returns once the SDK has a new connection."""
    before = local_address(client_id)
    assert before is not None
    # On a copy of the descriptor: SSLSocket.shutdown would also change the object that the SDK's thread is reading from.
    with socket.socket(fileno=os.dup(_socket_of(client_id).fileno())) as connection:
        connection.shutdown(socket.SHUT_RDWR)
    wait_for_new_connection(client_id, before)


def wait_for_new_connection(client_id, before, seconds=20):
    eventually(lambda: local_address(client_id) not in (None, before), f"{client_id} makes a new connection", seconds)
