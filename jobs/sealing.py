"""The seal on each row of a run: signed where the rows are written, checked by every stage that reads them.

A stage has no secrets, so a row carries a signature (Ed25519, RFC 8032) and the spec the public key. The private key
is made for one run, so that a row of another run, dataset or clinic does not pass either.
"""

from collections.abc import Mapping

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

SEALED_FIELDS = ("id", "split", "source", "target", "section", "patient")
"""``patient`` tells rows of one patient from another's and nothing else; a row of before it was there has none."""


class RowSealer:
    """Seals rows with the 32 bytes that only the service can derive."""

    def __init__(self, secret: bytes) -> None:
        self._key = Ed25519PrivateKey.from_private_bytes(secret)

    @property
    def public_key(self) -> str:
        """64 hex digits, for the spec."""
        return self._key.public_key().public_bytes_raw().hex()

    def seal(self, row: Mapping[str, str]) -> str:
        """128 hex digits over all ``SEALED_FIELDS`` of ``row``."""
        return self._key.sign(_message(row)).hex()


class SealChecker:
    """Raises ValueError for a public key that is none."""

    def __init__(self, public_key: str) -> None:
        self._key = Ed25519PublicKey.from_public_bytes(bytes.fromhex(public_key))

    def holds(self, row: Mapping[str, str], seal: object) -> bool:
        """True when ``seal`` is this run's seal of exactly this row."""
        if not isinstance(seal, str):
            return False
        try:
            self._key.verify(bytes.fromhex(seal), _message(row))
        except (InvalidSignature, ValueError):
            return False
        return True


def _message(row: Mapping[str, str]) -> bytes:
    """The fields in order, each led by its length in bytes (8, big-endian): no letter can move to the next field.

    An empty ``patient``, the last one, is left out, so that rows sealed without one still hold.
    """
    names = SEALED_FIELDS if row.get("patient") else SEALED_FIELDS[:-1]
    parts = [row[name].encode("utf-8", "surrogatepass") for name in names]
    return b"".join(len(part).to_bytes(8, "big") + part for part in parts)
