"""One-time addresses for charge points: where to put a log, where to get firmware. Whoever has the token may; nobody else.

A token has 128 bits and is derived from SECRET_KEY and the id of what it is for, so that it is stored nowhere: rows are found by
its keyed hash (trust P3).
"""

import re
from urllib.parse import quote

from sliproad.foundation.crypto import SecretKey

UPLOADS = "/uploads"
DOWNLOADS = "/downloads"
TOKEN_CHARACTERS = 32
MOST_NAME_CHARACTERS = 100
UNSAFE = re.compile(r"[^A-Za-z0-9._+-]+")


class TransferUrls:
    """Makes the addresses, and the hashes by which they are found again."""

    def __init__(self, secret_key: SecretKey, public_url: str) -> None:
        self._secret_key = secret_key
        self._public_url = public_url.rstrip("/")

    def upload(self, upload_id: str) -> str:
        """Where the file of this request goes; charge points may append a name to it."""
        return f"{self._public_url}{UPLOADS}/{self._token(upload_id)}"

    def download(self, update_id: str, name: str) -> str:
        """Where this update gets its firmware; the file's name comes last, since many charge points look at it."""
        return f"{self._public_url}{DOWNLOADS}/{self._token(update_id)}/{quote(safe_name(name))}"

    def hash_for(self, purpose_id: str) -> str:
        """The hash under which the row of this upload or update is found by its token."""
        return self.hash_of(self._token(purpose_id))

    def hash_of(self, token: str) -> str:
        """The hash of a token that somebody shows."""
        return self._secret_key.fast_hash("transfer token lookup", token)

    def _token(self, purpose_id: str) -> str:
        return self._secret_key.fast_hash("transfer token", purpose_id)[:TOKEN_CHARACTERS]


def safe_name(name: str) -> str:
    """A file's name as it may stand in a URL, a header and on anybody's disk."""
    last = re.split(r"[/\\]", name.strip())[-1]
    return UNSAFE.sub("_", last).strip("._")[-MOST_NAME_CHARACTERS:] or "file"
