"""Choices that only a patient's key decides: the same key and words give the same choice in every record."""

import hmac
import unicodedata
from collections.abc import Callable, Iterable, Sequence
from string import ascii_lowercase, digits

ATTEMPTS = 64
"""Choices tried before a surrogate is given up; each is refused only where it would name an original."""


class NoSurrogate(Exception):
    """No surrogate can be made of a value; a placeholder has to stand for it."""


def folded(text: str) -> str:
    """Letters and digits alone, small and without accents: "O'Néill" is "oneill"."""
    plain = unicodedata.normalize("NFKD", text.casefold())
    return "".join(c for c in plain if c.isalnum())


class Chooser:
    """One record's choices. No choice folds to an original of the record, and no two originals share one."""

    def __init__(self, key: bytes, originals: Iterable[str]) -> None:
        self._key = key
        self._originals = {folded(value) for value in originals}
        self._owner: dict[str, str] = {}

    def number(self, purpose: str, value: str, below: int, attempt: int = 0) -> int:
        """From 0 up to, not including, ``below``."""
        message = f"{purpose}\0{value}\0{attempt}".encode("utf-8", "surrogatepass")
        return int.from_bytes(hmac.digest(self._key, message, "sha256")[:8], "big") % below

    def pick(self, purpose: str, value: str, options: Sequence[str]) -> str:
        """One of ``options`` for ``value``, which is folded already or a word that folds alike everywhere."""
        return self.make(
            purpose, value, lambda attempt: options[self.number(purpose, value, len(options), attempt)]
        )

    def make(self, purpose: str, value: str, build: Callable[[int], str]) -> str:
        """The first of ``build(0)``, ``build(1)``, … that may stand for ``value``. Raises NoSurrogate."""
        for attempt in range(ATTEMPTS):
            made = build(attempt)
            if self._fits(made, purpose, value):
                return made
        raise NoSurrogate(purpose)

    def _fits(self, made: str, purpose: str, value: str) -> bool:
        """Hannah may not stand for Anna."""
        plain, original, owner = folded(made), folded(value), f"{purpose}\0{value}"
        if not plain or plain in self._originals or (len(original) > 2 and original in plain):
            return False
        return self._owner.setdefault(plain, owner) == owner

    def like(self, purpose: str, value: str, attempt: int = 0) -> str:
        """Other letters for letters and other digits for digits, each in its case; all else stays."""
        stream = b"".join(
            hmac.digest(self._key, f"{purpose}\0{value}\0{attempt}\0{block}".encode(), "sha256")
            for block in range(len(value) // 32 + 1)
        )
        return "".join(_other(c, byte) for c, byte in zip(value, stream, strict=False))


def _other(character: str, byte: int) -> str:
    if character.isdigit():
        return digits[byte % 10]
    if not character.isalpha():
        return character
    letter = ascii_lowercase[byte % 26]
    return letter.upper() if character.isupper() else letter
