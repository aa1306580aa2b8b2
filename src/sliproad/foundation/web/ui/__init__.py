"""Pages made on the server: one layout, one design sheet, strict escaping, no script needed. Every feature's `pages` uses `Pages`."""

from sliproad.foundation.web.ui.pages import Pages

__all__ = ["Pages"]
