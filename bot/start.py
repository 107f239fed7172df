"""The entry point of the `janymda` command, before anything heavy is imported."""

import sys

from bot.memory import overwrite_freed

# Processes that children's words pass through: they begin once more with another allocator.
_LONG_LIVED = ("run", "console")


def main() -> None:
    """Run the command that was typed."""
    if sys.argv[1:2] and sys.argv[1] in _LONG_LIVED and "--help" not in sys.argv:
        overwrite_freed()
    from bot.cli import main as command

    command()
