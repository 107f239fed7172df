"""Which counts to hide, so that no small one can be worked out from the others and the totals."""

from collections import Counter, defaultdict, deque
from collections.abc import Collection, Mapping, Sequence

# Counts below this are hidden, a zero too: that nobody was counted may tell something of somebody.
SMALLEST_SHOWN = 5
HIDDEN = "*"


def hidden_parts(counts: Sequence[int]) -> set[int]:
    """Which parts of a known sum to hide, so that none of them can be worked out."""
    hidden = {place for place, count in enumerate(counts) if count < SMALLEST_SHOWN}
    while hidden and (len(hidden) < 2 or not sum(counts[place] for place in hidden)):
        others = [place for place in range(len(counts)) if place not in hidden]
        if not others:
            break
        hidden.add(min(others, key=lambda place: counts[place]))
    return hidden


def hidden_cells(counts: Sequence[Sequence[int]]) -> set[tuple[int, int]]:
    """Which cells of a table to hide; the place after a row's last is its total.

    The totals of the columns are published, and must be shown ones. What is hidden can be no single
    number for anybody who knows all the rest and that counts are not below nothing.
    """
    table = [[*row, sum(row)] for row in counts]
    hidden = {(r, c) for r, row in enumerate(table) for c, count in enumerate(row) if count < SMALLEST_SHOWN}
    while found := [cell for cell in sorted(hidden) if _is_determined(cell, table, hidden)]:
        extra = _complement(found, table, hidden)
        if extra is None:
            break
        hidden.add(extra)
    return hidden


def _complement(
    found: Sequence[tuple[int, int]], table: Sequence[Sequence[int]], hidden: Collection[tuple[int, int]]
) -> tuple[int, int] | None:
    """The cell to hide together with those that could be worked out; one that helps two lines comes first."""
    total = len(table[0]) - 1
    shown = [(r, c) for r, row in enumerate(table) for c in range(len(row)) if (r, c) not in hidden]
    in_rows, in_columns = Counter(r for r, _ in hidden), Counter(c for _, c in hidden)

    def worth(at: tuple[int, int]) -> tuple[bool, bool, int]:
        # A total is of more use than one of its parts.
        return at[1] == total, in_rows[at[0]] != 1 and in_columns[at[1]] != 1, table[at[0]][at[1]]

    for row, column in found:
        if in_rows[row] == 1 and (beside := [at for at in shown if at[0] == row]):
            # Its own line has one hidden cell anyway: what counts is the other direction.
            return min(beside, key=lambda at: (at[1] == total, in_columns[at[1]] != 1, table[at[0]][at[1]]))
        if in_columns[column] == 1 and (below := [at for at in shown if at[1] == column]):
            return min(below, key=lambda at: (in_rows[at[0]] != 1, table[at[0]][at[1]]))
    # None is alone in its line; the numbers come from zeros or from further away.
    near = [at for at in shown if any(at[0] == row or at[1] == column for row, column in found)]
    return min(near or shown, key=worth, default=None)


def _is_determined(cell: tuple[int, int], table: Sequence[Sequence[int]], hidden: set[tuple[int, int]]) -> bool:
    """Can a hidden count be no other number?

    A table is a flow: from the source into each row its total, from the row into each column a cell, and the
    columns' totals back. Another table with the same shown numbers is a circle through hidden cells only,
    which adds one and takes one away by turns; what is taken away from must not be nothing.
    """
    start, end = _ends(cell, len(table[0]) - 1)
    edges: dict[str, list[str]] = defaultdict(list)
    for other in hidden - {cell}:
        tail, head = _ends(other, len(table[0]) - 1)
        edges[tail].append(head)
        if table[other[0]][other[1]]:
            edges[head].append(tail)
    if _leads(edges, end, start):
        return False
    return not (table[cell[0]][cell[1]] and _leads(edges, start, end))


def _ends(cell: tuple[int, int], total: int) -> tuple[str, str]:
    row, column = cell
    return ("source", f"row {row}") if column == total else (f"row {row}", f"column {column}")


def _leads(edges: Mapping[str, Sequence[str]], start: str, end: str) -> bool:
    waiting, seen = deque([start]), {start}
    while waiting:
        for following in edges.get(waiting.popleft(), ()):
            if following == end:
                return True
            if following not in seen:
                seen.add(following)
                waiting.append(following)
    return False
