"""Pages made on the server: one frame, one design sheet, strict escaping, no script needed. How a feature writes a page:

- Routes in `features/<feature>/pages.py`, templates beside them in `templates/`, German in `translations/de.po`.
- A page reads (GET) or acts (POST). A POST that worked answers `see_other(...)`: 303 to a page, with a toast. One that did not
  renders its page anew with status 422, what was typed, and what is wrong beside each field: `Form`.
- Where htmx asks (`HX-Request`), `Pages.answer(..., block=...)` gives the named block of the same template alone.
- Components are macros, `ui.…` in every template; `/dev/ui` shows each in all its states.
- Every string goes through `_()` (`foundation.language`), templates included.
- What moves by itself is a live part: `foundation.web.live`, and `ui.live(...)` in the template.

`example_pages` is a whole small feature written this way, and is served at `/dev/ui/example`.
"""

from sliproad.foundation.web.ui.answers import see_other
from sliproad.foundation.web.ui.charts import line_chart
from sliproad.foundation.web.ui.forms import Form
from sliproad.foundation.web.ui.pages import Pages
from sliproad.foundation.web.ui.tables import Column, Table
from sliproad.foundation.web.visitors import NavEntry, PageRole, Visitor

__all__ = ["Column", "Form", "NavEntry", "PageRole", "Pages", "Table", "Visitor", "line_chart", "see_other"]
