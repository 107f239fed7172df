"""All encryption there is: pseudonyms, what only this process may read, and what only an organisation may."""

import base64
import hashlib
import hmac
import os
import secrets
from dataclasses import dataclass

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerifyMismatchError
from argon2.low_level import Type, hash_secret_raw
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, Suite

_VERSION = b"\x01"
_NONCE = 12
_KEY = 32
_SALT = 16
# RFC 9180. The first byte of what is sealed names the suite, so that a post-quantum one can follow.
_SUITE = Suite(KEM.X25519, KDF.HKDF_SHA256, AEAD.CHACHA20_POLY1305)
_SUITE_BYTE = b"\x11"
# What is sealed has one of these sizes (bytes, before sealing): its length tells next to nothing.
SIZES = (2_048, 6_144, 14_336, 30_720)
_LENGTH = 4
RECEIPT_DIGITS = 16


@dataclass(frozen=True)
class Hardness:
    """What one guess costs: Argon2id's memory (KiB), passes and lanes."""

    memory: int = 131_072
    passes: int = 3
    lanes: int = 2


PASSPHRASE = Hardness()
RECEIPT = Hardness(memory=65_536, passes=2, lanes=1)
PASSWORD = Hardness(memory=65_536, passes=3, lanes=1)
# For short random codes that also need a password and whose tries are counted.
CODE = Hardness(memory=8_192, passes=2, lanes=1)


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


@dataclass(frozen=True)
class KeyPair:
    """An X25519 key pair, raw bytes."""

    private: bytes
    public: bytes


def new_key_pair() -> KeyPair:
    private = X25519PrivateKey.generate()
    return KeyPair(private.private_bytes_raw(), private.public_key().public_bytes_raw())


def fingerprint(public: bytes) -> str:
    """What two people compare to know that they mean the same key: 8 groups of 4 characters."""
    digest = hashlib.sha256(b"janymda key" + public).hexdigest()[:32]
    return "-".join(digest[i : i + 4] for i in range(0, 32, 4))


def referral_purpose(case_id: object, organization_id: object) -> str:
    """Binds sealed bytes to one case and one organisation."""
    return f"referral:{case_id}:{organization_id}"


def seal_to(public: bytes, plaintext: bytes, purpose: str) -> bytes:
    """Sealed to the holder of the private key, for one purpose, padded to one of SIZES."""
    return _SUITE_BYTE + _SUITE.encrypt(
        _pad(plaintext), X25519PublicKey.from_public_bytes(public), info=purpose.encode()
    )


def open_with(private: bytes, sealed: bytes, purpose: str) -> bytes:
    """What was sealed to this key for this purpose; raises SealBroken."""
    if sealed[:1] != _SUITE_BYTE:
        raise SealBroken("unknown suite")
    key = X25519PrivateKey.from_private_bytes(private)
    try:
        padded = _SUITE.decrypt(sealed[1:], key, info=purpose.encode())
    except (InvalidTag, ValueError):
        raise SealBroken("does not open") from None
    return padded[_LENGTH : _LENGTH + int.from_bytes(padded[:_LENGTH])]


def _pad(plaintext: bytes) -> bytes:
    size = next((s for s in SIZES if len(plaintext) + _LENGTH <= s), None)
    if size is None:
        raise ValueError(f"more than {SIZES[-1] - _LENGTH} bytes cannot be sealed")
    return (len(plaintext).to_bytes(_LENGTH) + plaintext).ljust(size, b"\0")


def wrap_key(private: bytes, passphrase: str, hardness: Hardness = PASSPHRASE) -> bytes:
    """A private key under a passphrase."""
    salt = os.urandom(_SALT)
    return salt + Sealer(_stretched(passphrase.encode(), salt, _KEY, hardness)).seal(private, "private key")


def unwrap_key(wrapped: bytes, passphrase: str, hardness: Hardness = PASSPHRASE) -> bytes:
    """The private key; raises SealBroken when the passphrase is wrong."""
    salt, sealed = wrapped[:_SALT], wrapped[_SALT:]
    return Sealer(_stretched(passphrase.encode(), salt, _KEY, hardness)).open(sealed, "private key")


def new_recovery_code() -> str:
    """For the paper in the safe: 160 bits in groups of four, without letters that look alike."""
    letters = base64.b32encode(os.urandom(20)).decode()
    return "-".join(letters[i : i + 4] for i in range(0, 32, 4))


def new_receipt() -> str:
    """Sixteen random digits."""
    return f"{secrets.randbelow(10**RECEIPT_DIGITS):0{RECEIPT_DIGITS}d}"


@dataclass(frozen=True)
class ReceiptKeys:
    """What a receipt opens: the row under `lookup`, and the reply key under `key`."""

    lookup: bytes
    key: bytes


def receipt_keys(receipt: str, pepper: bytes, hardness: Hardness = RECEIPT) -> ReceiptKeys:
    """Stretched with Argon2id; without the pepper a stolen table cannot even be guessed at."""
    salt = hmac.new(pepper, b"receipt", hashlib.sha256).digest()[:_SALT]
    both = _stretched(receipt.encode(), salt, 2 * _KEY, hardness)
    return ReceiptKeys(both[:_KEY], both[_KEY:])


def hash_password(password: str, hardness: Hardness = PASSWORD) -> str:
    """What is stored of a password: Argon2id with its salt and its cost written into it."""
    return _hasher(hardness).hash(password)


def is_password(stored: str, password: str, hardness: Hardness = PASSWORD) -> bool:
    """Is it the password whose hash this is? An unreadable hash is nobody's."""
    try:
        return _hasher(hardness).verify(stored, password)
    except (VerifyMismatchError, InvalidHashError):
        return False


def _hasher(hardness: Hardness) -> PasswordHasher:
    return PasswordHasher(time_cost=hardness.passes, memory_cost=hardness.memory, parallelism=hardness.lanes)


def slow_digest(code: str, salt: bytes) -> str:
    """What is stored of a short random code."""
    return _stretched(code.encode("utf-8", "replace"), salt, _KEY, CODE).hex()


def token_digest(token: str) -> bytes:
    """What is stored of a random token."""
    return hashlib.sha256(token.encode()).digest()


def _stretched(secret: bytes, salt: bytes, length: int, hardness: Hardness) -> bytes:
    return hash_secret_raw(
        secret, salt, time_cost=hardness.passes, memory_cost=hardness.memory, parallelism=hardness.lanes,
        hash_len=length, type=Type.ID,
    )  # fmt: skip
