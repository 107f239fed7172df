"""All encryption there is: pseudonyms, and sealing what only this process may read."""

import hashlib
import hmac
import os

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

_VERSION = b"\x01"
_NONCE = 12


class SealBroken(Exception):
    """Sealed bytes were altered, belong elsewhere, or were sealed under another key."""


def pseudonym(pepper: bytes, address: str) -> bytes:
    """A name for a chat that nobody without the pepper can trace back (HMAC-SHA256, 32 bytes)."""
    return hmac.new(pepper, address.encode(), hashlib.sha256).digest()


class Sealer:
    """Seals bytes under one key, bound to a context (ChaCha20-Poly1305)."""

    def __init__(self, key: bytes) -> None:
        self._cipher = ChaCha20Poly1305(key)

    def seal(self, plaintext: bytes, context: str) -> bytes:
        """Sealed bytes that open only under the same context."""
        nonce = os.urandom(_NONCE)
        return _VERSION + nonce + self._cipher.encrypt(nonce, plaintext, context.encode())

    def open(self, sealed: bytes, context: str) -> bytes:
        """What was sealed; raises SealBroken."""
        if sealed[:1] != _VERSION or len(sealed) <= 1 + _NONCE:
            raise SealBroken("unknown version")
        try:
            return self._cipher.decrypt(sealed[1 : 1 + _NONCE], sealed[1 + _NONCE :], context.encode())
        except InvalidTag:
            raise SealBroken("does not open") from None
