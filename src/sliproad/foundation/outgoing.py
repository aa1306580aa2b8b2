"""Mails leave by a job that is enqueued in the transaction of the change they tell of: no change, no mail; and none is lost.

The job's arguments hold the mail encrypted, since it may carry a token (trust P3); attachments are named by file id.
"""

import base64

import orjson

from sliproad.foundation.crypto import SecretKey
from sliproad.foundation.database import ENGINE, Database, Session
from sliproad.foundation.files import Files
from sliproad.foundation.ids import new_id
from sliproad.foundation.jobs import Jobs
from sliproad.foundation.letters import with_help
from sliproad.foundation.mail import Attachment, Mail, Mailer

SEND_MAIL = "foundation.send_mail"
PURPOSE = "outgoing mail"


class Outgoing:
    """Where services leave their mails."""

    def __init__(self, jobs: Jobs, secret_key: SecretKey) -> None:
        self.jobs = jobs
        self.secret_key = secret_key

    async def enqueue(self, session: Session, mail: Mail, *, file_ids: tuple[str, ...] = ()) -> None:
        """Send `mail` once the session's transaction is committed, with the files `file_ids` attached."""
        inline = [[each.name, each.mime, base64.b64encode(each.data).decode()] for each in mail.attachments]
        plain = orjson.dumps([mail.to, mail.subject, mail.text, mail.html, inline])
        sealed = self.secret_key.encrypt(PURPOSE, plain).decode()
        await self.jobs.enqueue(session, SEND_MAIL, sealed=sealed, message_id=new_id("mail"), file_ids=list(file_ids))


def register(
    jobs: Jobs,
    database: Database,
    secret_key: SecretKey,
    mailer: Mailer,
    files: Files,
    *,
    support_url: str | None = None,
) -> None:
    """Define the job `foundation.send_mail`; `database` speaks as `engine`, `support_url` stands below every mail."""

    async def send_mail(sealed: str, message_id: str, file_ids: list[str]) -> None:
        to, subject, text, html, inline = orjson.loads(secret_key.decrypt(PURPOSE, sealed.encode()))
        attachments = [Attachment(name, mime, base64.b64decode(data)) for name, mime, data in inline]
        async with database.transaction(ENGINE) as session:
            for file_id in file_ids:
                file = await files.read(session, file_id)
                attachments.append(Attachment(file.name, file.mime, file.data))
        mail = Mail(to, subject, text, html, tuple(attachments))
        await mailer.send(with_help(mail, support_url), message_id)

    jobs.task(SEND_MAIL, send_mail)
