"""Texts that are almost the same, found by keyed signatures that say nothing to whoever lacks the key.

MinHash over shingles of three words (Broder, 1997): the share of equal places in two signatures estimates the share
of shingles that two texts have in common. Case, white space and punctuation do not count. Signatures are cut into
bands; texts that resemble one another are likely to agree in all of at least one (locality-sensitive hashing, Indyk
and Motwani, 1998). Pure: knows nothing of records, databases or where keys come from.
"""

import hashlib
import re
from collections.abc import Sequence
from functools import lru_cache

import numpy as np

ALIKE = 0.8
"""From this estimated similarity on, two texts count as almost the same."""

# 21 bands of 6 places find 99.8 % of pairs at .8, and bring up 28 % of those at .5 to be looked at in vain.
BANDS, PLACES = 21, 6
SIGNATURE_BYTES = 4 * BANDS * PLACES
_SHINGLE_WORDS = 3
_PIECE = 1024
_KNOWN_WORDS = 50_000
_Hashes = np.ndarray[tuple[int], np.dtype[np.uint64]]
_WORD = re.compile(r"\w+")


class Signer:
    """Signs texts with one key. Signatures made with different keys cannot be compared."""

    def __init__(self, key: bytes) -> None:
        word_key = hashlib.blake2b(key, digest_size=32, person=b"word").digest()
        self._word = lru_cache(_KNOWN_WORDS)(
            lambda word: _hash(word.encode(errors="surrogatepass"), word_key)
        )
        self._band_key = hashlib.blake2b(key, digest_size=32, person=b"band").digest()
        seed = hashlib.blake2b(key, digest_size=16, person=b"places").digest()
        numbers = np.random.Generator(np.random.PCG64(int.from_bytes(seed))).integers(
            0, 2**64, size=(2 * BANDS * PLACES + _SHINGLE_WORDS, 1), dtype=np.uint64
        )
        # Multiply-shift hashing (Dietzfelbinger et al., 1997) wants odd factors.
        self._factors, self._terms, self._within = np.split(
            numbers | np.uint64(1), [BANDS * PLACES, 2 * BANDS * PLACES]
        )

    def sign(self, text: str) -> bytes:
        """The signature of ``text``: ``SIGNATURE_BYTES`` long."""
        hashes = self._shingles(text)
        least = np.full(BANDS * PLACES, 2**32 - 1, dtype=np.uint64)
        # A piece at a time: a text of a million words would otherwise take gigabytes.
        for start in range(0, len(hashes), _PIECE):
            places = self._factors * hashes[start : start + _PIECE]
            places += self._terms
            places >>= np.uint64(32)
            np.minimum(least, places.min(axis=1), out=least)
        return least.astype("<u4").tobytes()

    def bands(self, signature: bytes) -> list[int]:
        """A signed 64-bit number for each band; equal numbers are equal bands in the same place."""
        width = 4 * PLACES
        return [
            self._band(number, signature[number * width : (number + 1) * width]) for number in range(BANDS)
        ]

    def _shingles(self, text: str) -> _Hashes:
        """A number for each run of three words; a shorter text is one run, filled up with empty words."""
        words = _WORD.findall(text.casefold())
        words += [""] * (_SHINGLE_WORDS - len(words))
        hashes = np.fromiter(map(self._word, words), dtype=np.uint64, count=len(words))
        runs = np.lib.stride_tricks.sliding_window_view(hashes, _SHINGLE_WORDS)
        shingles: _Hashes = (runs * self._within.T).sum(axis=1, dtype=np.uint64)
        return shingles

    def _band(self, number: int, places: bytes) -> int:
        return _hash(bytes([number]) + places, self._band_key) - 2**63


def similarities(signature: bytes, others: Sequence[bytes]) -> list[float]:
    """For each of ``others``, the estimated share of shingles that it has in common with ``signature``."""
    if not others:
        return []
    own = np.frombuffer(signature, dtype="<u4")
    table = np.frombuffer(b"".join(others), dtype="<u4").reshape(len(others), -1)
    found: list[float] = (table == own).mean(axis=1).tolist()
    return found


def _hash(data: bytes, key: bytes) -> int:
    return int.from_bytes(hashlib.blake2b(data, digest_size=8, key=key).digest())
