"""`janymda run` that kills itself at a numbered step, for the tests: `python -m tests.faults.stops_at run`.

The steps are what a machine can die between: each statement of the database, the moment before and after each
commit, and before and after each request to Telegram. Counting begins when the file named by `STOPS_AT` holds a
number; at that step the process gets SIGKILL, and the file says by then which step it was. How many steps were done
stands in the file beside it that ends in `.done`.
"""

import os
import signal
import threading
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, event
from sqlalchemy.orm import Session
from telegram.request import HTTPXRequest

from bot.cli import main


class _Steps:
    """Counts the steps since the order was given."""

    def __init__(self, order: Path) -> None:
        self._order, self._lock, self._done = order, threading.Lock(), 0

    def before(self, name: str) -> None:
        """Die here when this is the step of the order."""
        with self._lock:
            wanted = self._order.read_text() if self._order.exists() else ""
            if not wanted.isdigit():
                self._done = 0
                return
            self._done += 1
            self._order.with_suffix(".done").write_text(str(self._done))
            if self._done == int(wanted):
                self._order.write_text(f"died before: {name}")
                os.kill(os.getpid(), signal.SIGKILL)


_steps = _Steps(Path(os.environ["STOPS_AT"]))


def _statement(_connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
    # The verb and the table at most: never a value.
    _steps.before(" ".join(statement.split()[:3]))


class _Request:
    """python-telegram-bot's own request, with a step on each side; fetching updates is none of ours."""

    sent = HTTPXRequest.do_request

    async def do_request(self, url: str, *args: Any, **more: Any) -> Any:
        method = url.rsplit("/", 1)[-1]
        if method == "getUpdates":
            return await _Request.sent(self, url, *args, **more)
        _steps.before(f"Telegram {method}")
        answer = await _Request.sent(self, url, *args, **more)
        _steps.before(f"the answer to {method}")
        return answer


if __name__ == "__main__":
    event.listen(Engine, "before_cursor_execute", _statement)
    event.listen(Engine, "commit", lambda _connection: _steps.before("COMMIT"))
    event.listen(Session, "after_commit", lambda _session: _steps.before("what follows a commit"))
    HTTPXRequest.do_request = _Request.do_request
    main()
