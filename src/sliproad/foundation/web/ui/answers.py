"""What a page's POST answers when it worked: 303 to a page, and a word about it there, in a cookie that lives for one page."""

import base64
import binascii
from dataclasses import dataclass
from urllib.parse import urlsplit

import orjson
from starlette.requests import Request
from starlette.responses import Response

COOKIE = "notice"
LONGEST_NOTICE = 500
SECONDS = 60
TONES = frozenset({"good", "bad", "warning", "info"})


@dataclass(frozen=True, slots=True)
class Notice:
    """A toast: `tone` is good, bad, warning or info."""

    text: str
    tone: str = "good"


def see_other(request: Request, path: str, *, notice: str = "", tone: str = "good") -> Response:
    """Go to `path`, a page of ours (RFC 9110 §15.4.4), and say `notice` there. Scripts are told where."""
    if request.headers.get("hx-request") == "true" or request.headers.get("x-requested-with") == "fetch":
        answer = Response(status_code=204, headers={"HX-Redirect": path})
    else:
        answer = Response(status_code=303, headers={"Location": path})
    if notice:
        value = base64.urlsafe_b64encode(orjson.dumps([tone, notice[:LONGEST_NOTICE]])).decode().rstrip("=")
        is_https = request.url.scheme == "https"
        answer.set_cookie(COOKIE, value, max_age=SECONDS, httponly=True, samesite="lax", secure=is_https)
    return answer


def notice_of(request: Request) -> Notice | None:
    """What the page before wants said; whoever renders it takes the cookie away."""
    value = request.cookies.get(COOKIE, "")
    if not value or len(value) > LONGEST_NOTICE * 8:
        return None
    try:
        tone, text = orjson.loads(base64.urlsafe_b64decode(value + "=" * (-len(value) % 4)))
    except (ValueError, binascii.Error, TypeError):
        return None
    return Notice(text, tone) if isinstance(text, str) and tone in TONES else None


def own_path(path: str, otherwise: str = "/") -> str:
    """`path` where it leads to a page of ours, else `otherwise`: whoever sends a form chooses where it leads (CWE-601)."""
    parts = urlsplit(path)
    is_own = path.startswith("/") and not path.startswith("//") and not parts.scheme and not parts.netloc
    return path if is_own and "\\" not in path and path.isprintable() and len(path) <= 2000 else otherwise
