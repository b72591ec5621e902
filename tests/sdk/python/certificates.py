"""Certificates of devices, made by the openssl command as a device's maker does."""

import subprocess

from azure.iot.device import X509


def openssl(*arguments):
    return subprocess.run(["openssl", *map(str, arguments)], check=True, capture_output=True, text=True).stdout


class Certificates:
    """What it makes is named by the files' name without ending: .pem and .key."""

    def __init__(self, folder):
        self._folder = folder

    def create(self, common_name, issuer=None, ca=False):
        made = self._folder / f"{common_name}-{len(list(self._folder.iterdir()))}".replace("/", "_")
        key, certificate = made.with_suffix(".key"), made.with_suffix(".pem")
        signer = ["-CA", issuer.with_suffix(".pem"), "-CAkey", issuer.with_suffix(".key")] if issuer else []
        subject = common_name.replace("/", r"\/")
        openssl(
            "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
            "-subj", f"/CN={subject}", "-keyout", key, "-out", certificate,
            "-addext", f"basicConstraints=critical,CA:{'TRUE' if ca else 'FALSE'}", *signer,
        )  # fmt: skip
        return made


def thumbprint(made, digest="sha1"):
    text = openssl("x509", "-in", made.with_suffix(".pem"), "-noout", "-fingerprint", f"-{digest}")
    return text.strip().split("=")[1].replace(":", "")


def x509(made):
    """For azure-iot-device."""
    return X509(str(made.with_suffix(".pem")), str(made.with_suffix(".key")))


def cert(made):
    """For requests."""
    return (str(made.with_suffix(".pem")), str(made.with_suffix(".key")))
