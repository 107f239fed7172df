"""What a full seizure of the database yields, from what every column says of itself.

`python -m bot.inventory` writes the table into docs/threat-model.md; a test sees that it is the present one.
"""

from collections import defaultdict
from pathlib import Path

import bot.storage  # noqa: F401 importing these is what registers their tables
import referrals.audit
import referrals.cases.models
import referrals.directory.models
import referrals.people
import referrals.tallies
import referrals.throttle  # noqa: F401
from referrals.db import Base

PAGE = Path(__file__).resolve().parent.parent / "docs" / "threat-model.md"
_BEGIN, _END = "<!-- inventory: written by `python -m bot.inventory` -->", "<!-- end of inventory -->"
MEANINGS = {
    "none": "Tells nothing of a child: public facts, states, times",
    "coded": "A code about a child: concern, region, age band, language, how it ended",
    "staff": "Names and addresses of people and organisations that help; private phones and addresses",
    "pseudonym": "A keyed hash: without the pepper, which is not in the database, no chat can be found from it",
    "hashed": "A slow or random hash: opens nothing by itself",
    "sealed": "Encrypted: opens with a key that is not in the database (the bot's, an organisation's, a receipt)",
}


def table() -> str:
    """The columns by what a thief would get from them."""
    columns: dict[str, list[str]] = defaultdict(list)
    for database_table in Base.metadata.sorted_tables:
        for column in database_table.columns:
            columns[column.info["privacy"]].append(f"{database_table.name}.{column.name}")
    lines = ["| What a thief gets | Columns |", "|---|---|"]
    for kind, meaning in MEANINGS.items():
        lines.append(f"| **{kind}**. {meaning} | {', '.join(sorted(columns[kind]))} |")
    return "\n".join(lines) + "\n"


def page_with_table(page: str) -> str:
    """The page with its table as it is now."""
    before, rest = page.split(_BEGIN)
    _, after = rest.split(_END)
    return f"{before}{_BEGIN}\n\n{table()}\n{_END}{after}"


if __name__ == "__main__":
    PAGE.write_text(page_with_table(PAGE.read_text("utf-8")), "utf-8")
