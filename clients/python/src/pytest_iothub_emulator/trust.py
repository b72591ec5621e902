"""A CA bundle with an emulator's authority, beside what this process trusted before."""

import os
import ssl
from pathlib import Path


def write_bundle(folder, ca_pem):
    """Writes it into the folder and returns the variables that lead OpenSSL, requests and Node to it."""
    parts = {Path(file).read_text() for file in _trusted_before()}
    bundle = folder / "bundle.pem"
    bundle.write_text("\n".join([*sorted(parts), ca_pem]))
    node = Path(os.environ["NODE_EXTRA_CA_CERTS"]).read_text() if os.environ.get("NODE_EXTRA_CA_CERTS") else ""
    node_extra = folder / "node-extra.pem"
    node_extra.write_text(f"{node}\n{ca_pem}")
    return {
        "SSL_CERT_FILE": str(bundle),
        "REQUESTS_CA_BUNDLE": str(bundle),
        "NODE_EXTRA_CA_CERTS": str(node_extra),
    }


def _trusted_before():
    named = [os.environ.get(name) for name in ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE")]
    files = [file for file in named if file] or [ssl.get_default_verify_paths().cafile]
    return [file for file in files if file and Path(file).is_file()]
