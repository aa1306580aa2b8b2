"""The plumbing of everything that answers over HTTP: errors, request ids, limits, idempotency, OpenAPI and pages.

`app/wiring.py` calls `create_app` with the features' routers; features use `Timestamp`, `paging` and `ui.Pages`.
"""

from sliproad.foundation.web.paging import Page, PageQuery
from sliproad.foundation.web.requests import Email, Label, RequestModel, Text, query_of, unset
from sliproad.foundation.web.timestamps import Timestamp

__all__ = ["Email", "Label", "Page", "PageQuery", "RequestModel", "Text", "Timestamp", "query_of", "unset"]
