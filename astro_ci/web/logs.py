"""Keep the query strings of URLs out of logs, because they may contain signatures."""

from __future__ import annotations

import logging
import re


class _QueryFilter(logging.Filter):
    """Removes the query string from each URL in a log record."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Change the record, and return True to log it. Called by logging."""
        record.msg, record.args = re.sub(r"\?\S+", "?…", record.getMessage()), None
        return True


_QUERY_FILTER = _QueryFilter()


def keep_queries_out_of_logs() -> None:
    """Remove query strings from urllib3's logs, for the whole process: threads may log late."""
    for name in ("urllib3.connection", "urllib3.connectionpool", "urllib3.util.retry"):
        logging.getLogger(name).addFilter(_QUERY_FILTER)
