"""The codes that the dialogue knows and the help it offers for each."""

from functools import cache

from content.model import Taxonomy, load_taxonomy


@cache
def taxonomy() -> Taxonomy:
    """content/taxonomy.yaml, read once."""
    return load_taxonomy()


def is_concern(code: str) -> bool:
    return code in taxonomy().concerns


def tells_or_asks(code: str) -> bool:
    """Is it a concern or a request, not one of the codes of the talk itself?"""
    return is_concern(code) or code in taxonomy().requests


def choices_for(concern: str | None) -> tuple[str, ...]:
    """At most three ways to help with this concern; the national lines when there is none."""
    if concern is None or concern not in taxonomy().concerns:
        return ("150", "111", "near")
    return taxonomy().concerns[concern].choices
