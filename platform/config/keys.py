"""Keys derived from the master key, one for each purpose, so that no key serves two."""

from functools import cache

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings


@cache
def derive(purpose: str) -> bytes:
    """32 bytes for ``purpose`` (HKDF-SHA256, RFC 5869)."""
    hkdf = HKDF(algorithm=hashes.SHA256(), length=32, salt=None, info=f"precis:{purpose}".encode())
    return hkdf.derive(settings.MASTER_KEY.encode())
