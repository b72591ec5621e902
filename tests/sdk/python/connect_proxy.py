"""A forward proxy that knows CONNECT alone, as the ones at a company's border do."""

import contextlib
import socket
import threading


class ConnectProxy:
    """Listens on a port that the system picks; `asked` holds what clients asked for, `carried` the bytes they sent."""

    def __init__(self):
        self.asked = []
        self.carried = 0
        self._links = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self):
        self._listener.close()
        self.cut()

    def cut(self):
        """Ends every link that goes through it, as a proxy that restarts does."""
        links, self._links = self._links, []
        for link in links:
            with contextlib.suppress(OSError):
                link.shutdown(socket.SHUT_RDWR)
            link.close()

    def _accept(self):
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client):
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            byte = client.recv(1)  # not one more than the head: what follows belongs to the tunnel
            if not byte:
                return client.close()
            head += byte
        method, target, _ = head.split(b"\r\n")[0].decode().split(" ")
        self.asked.append(f"{method} {target}")
        if method != "CONNECT":
            client.sendall(b"HTTP/1.1 405 Method Not Allowed\r\nContent-Length: 0\r\n\r\n")
            return client.close()
        host, port = target.rsplit(":", 1)
        server = socket.create_connection((host, int(port)))
        self._links += [client, server]
        client.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
        threading.Thread(target=self._carry, args=(server, client, False), daemon=True).start()
        self._carry(client, server, True)

    def _carry(self, source, target, counted):
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                if counted:
                    self.carried += len(data)
                target.sendall(data)
        with contextlib.suppress(OSError):
            target.shutdown(socket.SHUT_WR)
