"""The shape of content files, checked when they are read."""

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Literal, TypeAlias, TypeVar

import yaml
from pydantic import BaseModel, BeforeValidator, ConfigDict, ValidationError

from content.yaml_files import read_yaml

CONTENT = Path(__file__).parent

Locale: TypeAlias = Literal["kk", "ru"]
Register: TypeAlias = Literal["7-10", "11-13", "14-17", "adult"]
LOCALES: tuple[Locale, ...] = ("kk", "ru")
REGISTERS: tuple[Register, ...] = ("7-10", "11-13", "14-17", "adult")


_Model = TypeVar("_Model", bound=BaseModel)


class ContentError(Exception):
    """A content file does not hold what it must; the message says where and what."""


def _as_tuple(value: Any) -> Any:
    return (value,) if isinstance(value, str) else tuple(value) if value is not None else value


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


Messages = Annotated[tuple[str, ...], BeforeValidator(_as_tuple)]


class Reply(_Strict):
    """What is said under one key: a list of messages for each language and register."""

    note: str
    sources: tuple[str, ...] = ()
    facts: tuple[str, ...] = ()
    as_of: str | None = None
    superseded: bool = False
    ru: dict[Register, Messages]
    kk: dict[Register, Messages]

    def messages(self, locale: Locale, register: Register) -> tuple[str, ...]:
        return (self.kk if locale == "kk" else self.ru)[register]


class ReplyFile(_Strict):
    review: Literal["pending", "reviewed"]
    reviewed_by: str | None = None
    replies: dict[str, Reply]


class Label(_Strict):
    ru: str
    kk: str

    def text(self, locale: Locale) -> str:
        return self.kk if locale == "kk" else self.ru


class LabelFile(_Strict):
    review: Literal["pending", "reviewed"]
    reviewed_by: str | None = None
    labels: dict[str, Label]


class Concern(_Strict):
    chi: str
    choices: tuple[str, ...]


class Taxonomy(_Strict):
    """content/taxonomy.yaml: the codes that are understood, and the help offered for each."""

    review: Literal["pending", "reviewed"]
    concerns: dict[str, Concern]
    requests: dict[str, dict[str, str]]
    meta: dict[str, dict[str, str]]


@dataclass(frozen=True)
class Catalogue:
    """Every reply and label there is, by key."""

    replies: dict[str, Reply]
    labels: dict[str, Label]
    review: dict[str, str]


def load_catalogue(folder: Path = CONTENT) -> Catalogue:
    """Read replies/ and rights/; raises ContentError that names file and place."""
    replies: dict[str, Reply] = {}
    labels: dict[str, Label] = {}
    review: dict[str, str] = {}
    for path in sorted([*folder.glob("replies/*.yaml"), *folder.glob("rights/*.yaml")]):
        name = str(path.relative_to(folder))
        if path.stem == "labels":
            label_file = _read(path, LabelFile)
            labels.update(label_file.labels)
            review[name] = label_file.review
            continue
        reply_file = _read(path, ReplyFile)
        review[name] = reply_file.review
        for key, reply in reply_file.replies.items():
            if key in replies:
                raise ContentError(f"{name}: the key {key} stands in two files; rename one")
            replies[key] = reply
    return Catalogue(replies, labels, review)


@cache
def load_taxonomy(folder: Path = CONTENT) -> Taxonomy:
    """The codes of concerns and requests; read once in a process."""
    return _read(folder / "taxonomy.yaml", Taxonomy)


def _read(path: Path, model: type[_Model]) -> _Model:
    try:
        return model.model_validate(read_yaml(path))
    except (OSError, yaml.YAMLError, ValidationError) as error:
        raise ContentError(f"{path.name}: {error}") from error
