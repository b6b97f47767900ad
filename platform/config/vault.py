"""Envelope encryption with AES-256-GCM: the master key wraps a clinic's key, which wraps a key for each blob.

Layout of a blob: version (1 byte) | wrapped blob key (60) | nonce (12) | ciphertext and tag.
The context (which row, which field) is authenticated, so that a blob moved to another row does not open.
Source: NIST SP 800-38D.
"""

import os

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from config.keys import derive

# Databases differ in what they return for a binary column.
Blob = bytes | memoryview

_VERSION = b"\x01"
_NONCE, _WRAPPED = 12, 12 + 32 + 16


class VaultError(Exception):
    """The blob was changed, belongs elsewhere, or the key is not the one that closed it."""


def new_wrapped_key() -> bytes:
    """A fresh clinic key, wrapped by the master key."""
    return _lock(derive("vault"), AESGCM.generate_key(256), b"clinic key")


def encrypt(wrapped_key: Blob, context: str, plaintext: bytes) -> bytes:
    blob_key = AESGCM.generate_key(256)
    header = _lock(_clinic_key(wrapped_key), blob_key, context.encode())
    return _VERSION + header + _lock(blob_key, plaintext, context.encode())


def decrypt(wrapped_key: Blob, context: str, blob: Blob) -> bytes:
    data = bytes(blob)
    if data[:1] != _VERSION:
        raise VaultError("unknown blob version")
    blob_key = _unlock(_clinic_key(wrapped_key), data[1 : 1 + _WRAPPED], context.encode())
    return _unlock(blob_key, data[1 + _WRAPPED :], context.encode())


def _clinic_key(wrapped_key: Blob) -> bytes:
    return _unlock(derive("vault"), bytes(wrapped_key), b"clinic key")


def _lock(key: bytes, plaintext: bytes, context: bytes) -> bytes:
    nonce = os.urandom(_NONCE)
    return nonce + AESGCM(key).encrypt(nonce, plaintext, context)


def _unlock(key: bytes, blob: bytes, context: bytes) -> bytes:
    try:
        return AESGCM(key).decrypt(blob[:_NONCE], blob[_NONCE:], context)
    except (InvalidTag, ValueError) as error:
        raise VaultError("the blob does not open with this key and context") from error
