"""Shared access signatures, as the SDKs without one make them."""

import base64
import hashlib
import hmac
import time
from urllib.parse import quote


def sas(resource, key, policy=None, expiry=None):
    resource = quote(resource, safe="")
    expiry = int(time.time()) + 600 if expiry is None else expiry
    digest = hmac.new(base64.b64decode(key), f"{resource}\n{expiry}".encode(), hashlib.sha256).digest()
    token = f"SharedAccessSignature sr={resource}&sig={quote(base64.b64encode(digest), safe='')}&se={expiry}"
    return token + (f"&skn={policy}" if policy else "")
