"""The templates of an installer's pages about one charge point: commissioning's own, in the frame that `projects` gives each of them."""

from pathlib import Path

from sliproad.features import projects
from sliproad.foundation.web.ui import Pages

PAGES = Pages(Path(__file__).parent / "templates", *(Path(place) / "templates" for place in projects.__path__))
