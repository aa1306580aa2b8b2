"""The mails of a handover, in text and HTML, from the templates beside this module."""

from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from sliproad.features.handover.certificate.document import document_data
from sliproad.features.handover.certificate.record import HandoverRecord
from sliproad.features.handover.model import LINK_LIFETIME
from sliproad.features.projects.model import Project
from sliproad.foundation.mail import Mail

TEMPLATES = Path(__file__).parent / "templates"
PLAIN = Environment(loader=FileSystemLoader(TEMPLATES), autoescape=False, undefined=StrictUndefined, trim_blocks=True)  # noqa: S701 (plain text)
RICH = Environment(loader=FileSystemLoader(TEMPLATES), autoescape=True, undefined=StrictUndefined, trim_blocks=True)


class HandoverMails:
    """Writes them; who gets one is the issuer's decision."""

    def completed(self, mailbox: str, record: HandoverRecord, url: str) -> Mail:
        """The project has been handed over; the certificate is attached and lies behind the link."""
        facts = document_data(record, signer_name="")
        return _mail(mailbox, f"Handed over: {record.project.name}", "mail_completed", facts=facts, url=url)

    def new_link(self, mailbox: str, project: Project, url: str, verify_url: str) -> Mail:
        """A link in place of one that has expired."""
        subject = f"Your link to the handover certificate of {project.name}"
        return _mail(mailbox, subject, "mail_link", project_name=project.name, url=url, verify_url=verify_url)


def _mail(mailbox: str, subject: str, template: str, **context: Any) -> Mail:
    context |= {"subject": subject, "link_days": LINK_LIFETIME.days}
    text = PLAIN.get_template(f"{template}.txt").render(context)
    return Mail(mailbox, subject, text, RICH.get_template(f"{template}.html").render(context))
