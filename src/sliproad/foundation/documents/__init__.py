"""Documents that people keep: typeset with typst, signed by PAdES, checked again years later.

Handover certificates are the first; whatever else has to leave the house as a PDF goes the same way: ``typesetting``
makes the PDF, ``identity`` is who signs, ``signing`` signs it, ``verification`` judges one that comes back. Nothing in
here knows what a certificate says.
"""
