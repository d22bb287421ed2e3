"""Keep the query strings of URLs out of logs: those of object stores hold signatures."""

from __future__ import annotations

import logging
import re


class _QueryFilter(logging.Filter):
    """Cuts the query string off every URL in a record."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Change the record, and keep it. Called by logging."""
        record.msg, record.args = re.sub(r"\?\S+", "?…", record.getMessage()), None
        return True


_QUERY_FILTER = _QueryFilter()


def keep_queries_out_of_logs() -> None:
    """Silence what urllib3 logs of URLs, for good: a thread may still log when we are done."""
    for name in ("urllib3.connection", "urllib3.connectionpool", "urllib3.util.retry"):
        logging.getLogger(name).addFilter(_QUERY_FILTER)
