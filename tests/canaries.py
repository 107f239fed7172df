"""Invented words that must turn up nowhere, and a scanner that knows every disguise they may wear."""

import base64
import gzip
import html
import io
import random
import unicodedata
import zipfile
import zlib
from collections.abc import Iterable
from pathlib import Path
from urllib.parse import quote

_SYLLABLES_RU = ("бол", "гур", "дмя", "жво", "кра", "льщ", "мну", "пте", "рды", "сфо", "тхю", "цэн")
_SYLLABLES_KK = ("қыр", "ғұл", "өңд", "үһі", "әқб", "іңғ", "ұғы", "нөқ", "сүғ", "тәң", "құт", "жөғ")
_SYLLABLES_LATIN = (
    "bra",
    "xqu",
    "vop",
    "zyk",
    "wem",
    "jux",
    "qir",
    "ghu",
    "sho",
    "tza",
    "kve",
    "dlo",
)
_STEM = 6
LARGEST_FILE = 400_000_000


def make(count: int, seed: int = 7) -> list[tuple[str, str, str]]:
    """For each conversation three words that exist nowhere: Russian, Kazakh and Latin letters."""
    chance = random.Random(seed)

    def word(syllables: tuple[str, ...]) -> str:
        return "".join(chance.choices(syllables, k=4))

    return [(word(_SYLLABLES_RU), word(_SYLLABLES_KK), word(_SYLLABLES_LATIN)) for _ in range(count)]


def disguises(word: str) -> dict[str, bytes]:
    """A word in every encoding in which logs, databases and dumps have been seen to hold it."""
    upper = word.upper()
    forms = {
        "utf-8": word.encode(),
        "utf-8 upper": upper.encode(),
        "utf-8 decomposed": unicodedata.normalize("NFD", word).encode(),
        "utf-16-le": word.encode("utf-16-le"),
        "utf-16-be": word.encode("utf-16-be"),
        "json escape": "".join(f"\\u{ord(c):04x}" for c in word).encode(),
        "json escape upper": "".join(f"\\u{ord(c):04X}" for c in word).encode(),
        "byte escape": "".join(f"\\x{b:02x}" for b in word.encode()).encode(),
        "percent": quote(word, safe="").encode() if not word.isascii() else word.encode(),
        "html entities": "".join(f"&#{ord(c)};" for c in word).encode(),
        "html hexadecimal": "".join(f"&#x{ord(c):x};" for c in word).encode(),
        "hexadecimal": word.encode().hex().encode(),
        "stem": word[:_STEM].encode(),
    }
    try:
        forms["cp1251"] = word.encode("cp1251")
    except UnicodeEncodeError:
        pass  # Kazakh letters are not in it.
    for offset in range(3):
        whole = base64.b64encode(b"\0" * offset + word.encode())
        # Only the characters that depend on nothing but the word.
        start = 0 if offset == 0 else 4
        forms[f"base64 at {offset}"] = whole[start : len(whole) // 4 * 4 - 4]
    return forms


class Scanner:
    """Looks for many words in many places at once."""

    def __init__(self, words: Iterable[str]) -> None:
        self.needles = {
            form: (word, name) for word in words for name, form in disguises(word).items() if len(form) >= _STEM
        }

    def scan(self, content: bytes, depth: int = 0) -> set[tuple[str, str]]:
        """(word, disguise) of everything found in these bytes, packed ones included."""
        found = {known for form, known in self.needles.items() if form in content}
        if depth < 2:
            for inner in _unpacked(content):
                found |= {(word, f"packed {name}") for word, name in self.scan(inner, depth + 1)}
        return found

    def scan_files(self, places: Iterable[Path]) -> dict[Path, set[tuple[str, str]]]:
        """The files under these places in which something was found."""
        hits = {}
        for place in places:
            for path in [place] if place.is_file() else sorted(place.rglob("*")):
                if path.is_file() and path.stat().st_size < LARGEST_FILE:
                    found = self.scan(path.read_bytes())
                    if found:
                        hits[path] = found
        return hits


def _unpacked(content: bytes) -> list[bytes]:
    """What is in a gzip, zip or zlib stream anywhere in these bytes."""
    inner: list[bytes] = []
    start = content.find(b"\x1f\x8b\x08")
    while start >= 0 and len(inner) < 50:
        try:
            inner.append(zlib.decompressobj(31).decompress(content[start:]))
        except zlib.error:
            pass  # Bytes that only look like a beginning.
        start = content.find(b"\x1f\x8b\x08", start + 1)
    if content.find(b"PK\x03\x04") >= 0:
        try:
            with zipfile.ZipFile(io.BytesIO(content)) as archive:
                inner += [archive.read(name) for name in archive.namelist()]
        except (zipfile.BadZipFile, RuntimeError, NotImplementedError):
            pass  # Bytes that only look like an archive.
    return inner


def planted(word: str) -> dict[str, bytes]:
    """A word in each disguise amid other bytes, plain and packed, to prove the scanner by."""
    plain = {name: b"before " + form + b" after" for name, form in disguises(word).items()}
    around = f"слова вокруг {word} и после".encode()
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("inside.txt", around)
    return {
        **plain,
        "gzip": b"\0\0" + gzip.compress(around),
        "zip": archive.getvalue(),
        "html named": html.escape(f"<{word}>").encode(),
        "base64 of a sentence": base64.b64encode(around),
    }
