"""A keyed seal over scrubbed text, so that a row changed or slipped in after scrubbing is refused."""

import hashlib
import hmac


def seal(key: bytes, *texts: str) -> str:
    """HMAC-SHA256 (64 hex digits) over the texts in order, each led by its length in bytes (8, big-endian)."""
    mac = hmac.new(key, digestmod=hashlib.sha256)
    for text in texts:
        data = text.encode("utf-8", "surrogatepass")
        mac.update(len(data).to_bytes(8, "big"))
        mac.update(data)
    return mac.hexdigest()


def is_intact(key: bytes, sealed: str, *texts: str) -> bool:
    """True when ``sealed`` is the seal of exactly these texts; compared in constant time."""
    return hmac.compare_digest(seal(key, *texts).encode(), sealed.encode("utf-8", "surrogatepass"))
