"""How our mails look: one letter, in text and in HTML, for every feature that writes to somebody.

`outgoing` puts the address for help below every mail that leaves, those that features write with templates of their own too.
"""

from dataclasses import dataclass, replace

from jinja2 import Environment
from markupsafe import Markup

from sliproad.foundation.mail import Attachment, Mail

HTML = Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True).from_string("""\
<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>{{ subject }}</title></head>
<body style="margin:0;background:#f3f6f4;color:#14211f;font:16px/1.6 system-ui,-apple-system,'Segoe UI',Roboto,sans-serif">
<table role="presentation" width="100%" cellspacing="0" cellpadding="0"><tr><td align="center" style="padding:32px 16px">
<table role="presentation" width="100%" cellspacing="0" cellpadding="0" style="max-width:560px;background:#ffffff;\
border:1px solid #d5dedb;border-radius:14px"><tr><td style="padding:32px">
<p style="margin:0 0 24px;font-weight:700;color:#0f3d3a">Sliproad</p>
<h1 style="margin:0 0 16px;font-size:22px;line-height:1.25">{{ subject }}</h1>
<p style="margin:0 0 16px">{{ greeting }}</p>
{% for paragraph in paragraphs %}
<p style="margin:0 0 16px">{{ paragraph }}</p>
{% endfor %}
{% if facts %}
<table role="presentation" cellspacing="0" cellpadding="0" style="margin:0 0 16px">
{% for label, value in facts %}
<tr><td style="padding:2px 16px 2px 0;color:#52625f;vertical-align:top">{{ label }}</td><td style="padding:2px 0">{{ value }}</td></tr>
{% endfor %}
</table>
{% endif %}
{% if link %}
<p style="margin:24px 0"><a href="{{ link[1] }}" style="display:inline-block;padding:12px 24px;background:#0b6258;color:#ffffff;\
border-radius:10px;font-weight:600;text-decoration:none">{{ link[0] }}</a></p>
<p style="margin:0 0 16px;font-size:13px;color:#52625f;word-break:break-all">{{ link[1] }}</p>
{% endif %}
{% for paragraph in closing %}
<p style="margin:0 0 8px;font-size:13px;color:#52625f">{{ paragraph }}</p>
{% endfor %}
</td></tr></table></td></tr></table></body></html>
""")


HELP = Markup(
    '<p style="margin:16px auto;max-width:560px;text-align:center;font:13px/1.6 system-ui,sans-serif;color:#52625f">'
    'Questions? <a href="{url}" style="color:#0b6258">{shown}</a></p>'
)


def with_help(mail: Mail, support_url: str | None) -> Mail:
    """The mail with the address for help at its foot, where the installation has one (`SLIPROAD_SUPPORT_URL`)."""
    if support_url is None:
        return mail
    shown = support_url.removeprefix("mailto:")
    body, end, rest = mail.html.rpartition("</body>")
    text = f"{mail.text.rstrip()}\n\nQuestions? {shown}\n"
    return replace(mail, text=text, html=f"{body}{HELP.format(url=support_url, shown=shown)}{end}{rest}")


@dataclass(frozen=True, slots=True)
class Letter:
    """What is written: a heading (the subject), paragraphs, facts as label and value, one link with its label, and small print."""

    subject: str
    greeting: str
    paragraphs: tuple[str, ...]
    facts: tuple[tuple[str, str], ...] = ()
    link: tuple[str, str] | None = None
    closing: tuple[str, ...] = ()

    def to(self, address: str, *, attachments: tuple[Attachment, ...] = ()) -> Mail:
        """The letter as a mail to `address`."""
        html = HTML.render(
            subject=self.subject, greeting=self.greeting, paragraphs=self.paragraphs, facts=self.facts, link=self.link,
            closing=self.closing,
        )  # fmt: skip
        return Mail(address, self.subject, self.text(), html, attachments)

    def text(self) -> str:
        """The plain text part."""
        blocks = [self.greeting, *self.paragraphs]
        if self.facts:
            blocks.append("\n".join(f"{label}: {value}" for label, value in self.facts))
        if self.link:
            blocks.append(f"{self.link[0]}:\n{self.link[1]}")
        return "\n\n".join([*blocks, *self.closing]) + "\n\n-- \nSliproad\n"
