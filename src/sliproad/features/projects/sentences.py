"""What registration refuses with, and what is said of a file and its rows, as patterns that pages translate (`foundation.sentences`)."""

from sliproad.foundation.language import marked
from sliproad.foundation.sentences import Sentences

SENTENCES = Sentences(
    (
        # the file (`bulk_sheet`)
        marked("is empty"),
        marked("is not sound CSV: %(error)s"),
        marked("is missing: the first row must name the columns: %(columns)s"),
        marked("must separate cells by comma, semicolon or tab"),
        marked("Separate cells by comma, semicolon or tab"),
        marked("must not contain U+0000; is it a CSV file?"),
        marked("stands in the header twice"),
        marked("is missing in the header"),
        marked("is not a column: say it once for the whole file, in the query or the form"),
        marked("is not a column; did you mean %(column)s?"),
        marked("is not a column; the columns are %(columns)s"),
        # a row (`bulk_sheet`, `bulk_orders`, `bulk`)
        marked("has %(count)s cells, more than the header names; put cells with a %(separator)s inside in quotes"),
        marked("is said once, beside the list"),
        marked("stands in row %(row)s already"),
        marked("stands in row %(row)s already, with the same vendor"),
        marked("is taken"),
        marked("must be 1 to %(most)s at once, not %(count)s"),
        marked("must be 1 to 48 of A-Z a-z 0-9 - _ . * and begin with a letter or digit"),
        marked("Fine by itself, but nothing was registered: other rows failed, and it was all or nothing"),
        # the registry (`charge_points.service`, `projects.model`)
        marked("A charge point with this charge_point_id already exists"),
        marked("Choose another, or leave it out to get one"),
        marked("A charge point of this vendor with this serial number is already registered"),
        marked("This project has been handed over; nothing in it can be changed"),
        marked("This charge point is being commissioned; stop the session first"),
        marked("This charge point was commissioned with another OCPP version"),
        marked("There is no such project"),
        marked("There is no such charge point"),
    )
)
told = SENTENCES.told
