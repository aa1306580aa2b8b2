"""Mails: as files or by SMTP, in the transaction of their change, unreadable while they wait, and safe from what people type."""

import asyncio
import email
import email.policy
from collections.abc import AsyncIterator
from pathlib import Path

import psycopg
import pytest
from aiosmtpd.smtp import SMTP

from sliproad.foundation import outgoing
from sliproad.foundation.clock import ManualClock
from sliproad.foundation.crypto import SecretKey
from sliproad.foundation.database import Database, Scope
from sliproad.foundation.errors import InvalidInput, UpstreamUnavailable
from sliproad.foundation.files import Files
from sliproad.foundation.jobs import Jobs
from sliproad.foundation.letters import Letter, with_help
from sliproad.foundation.mail import Attachment, FileMailer, SmtpMailer
from sliproad.foundation.outgoing import Outgoing

SENDER = "Sliproad <no-reply@sliproad.example>"


def a_letter(**changes) -> Letter:
    parts = {
        "subject": "Confirm",
        "greeting": "Hello Łukasz,",
        "paragraphs": ("Please.",),
        "link": ("Confirm", "https://x.example/?token=secret-token"),
    }
    return Letter(**(parts | changes))


def read(path: Path) -> email.message.EmailMessage:
    return email.message_from_bytes(path.read_bytes(), policy=email.policy.default)


@pytest.fixture
def mailer(tmp_path: Path, clock: ManualClock) -> FileMailer:
    return FileMailer(tmp_path / "mail", sender=SENDER, clock=clock)


async def test_files_sort_by_time_newest_last_and_a_repetition_replaces(mailer: FileMailer) -> None:
    for number in range(12):
        await mailer.send(a_letter(subject=f"Mail {number}").to("a@b.example"), f"mail_{number}")
    await mailer.send(a_letter(subject="Mail 3").to("a@b.example"), "mail_3")
    subjects = [read(path)["Subject"] for path in sorted(mailer.folder.iterdir())]
    assert subjects == [f"Mail {number}" for number in range(12)]


async def test_a_mail_has_text_html_and_its_attachments(mailer: FileMailer) -> None:
    mail = a_letter(facts=(("Site", "Riverside & <Sons>"),)).to(
        "a@b.example", attachments=(Attachment("z.pdf", "application/pdf", b"%PDF"),)
    )
    await mailer.send(mail, "mail_1")
    (path,) = mailer.folder.iterdir()
    sent = read(path)
    assert (sent["From"], sent["To"], sent["Message-ID"]) == (SENDER, "a@b.example", "<mail_1@sliproad.example>")
    assert "Site: Riverside & <Sons>" in sent.get_body(("plain",)).get_content()
    assert "Riverside &amp; &lt;Sons&gt;" in sent.get_body(("html",)).get_content()
    (attachment,) = sent.iter_attachments()
    assert (attachment.get_filename(), attachment.get_content()) == ("z.pdf", b"%PDF")


async def test_no_text_of_a_tenant_becomes_a_header(mailer: FileMailer) -> None:
    """Trust D2."""
    await mailer.send(a_letter(subject="Site A\r\nBcc: evil@evil.example\r\n\r\nbody").to("a@b.example"), "mail_1")
    (path,) = mailer.folder.iterdir()
    sent = read(path)
    assert sent["Bcc"] is None
    assert sent["Subject"] == "Site A Bcc: evil@evil.example body"
    for address in ("a@b.example\r\nBcc: c@d.example", "a@b.example,c@d.example", "A <a@b.example>", ""):
        with pytest.raises(InvalidInput):
            a_letter().to(address)


async def test_a_link_can_be_read_in_the_raw_mail_and_endless_lines_are_folded(mailer: FileMailer) -> None:
    await mailer.send(a_letter().to("a@b.example"), "mail_1")
    await mailer.send(a_letter(paragraphs=("x" * 5000,)).to("a@b.example"), "mail_2")
    short, long = sorted(mailer.folder.iterdir())
    assert short.read_bytes().count(b"?token=secret-token") == 3
    assert "Łukasz" in read(short).get_body(("plain",)).get_content()
    assert max(map(len, long.read_bytes().splitlines())) < 998
    assert "x" * 5000 in read(long).get_body(("plain",)).get_content()


class Sink:
    """A mail server that keeps what it gets, or refuses."""

    def __init__(self) -> None:
        self.taken: list = []
        self.answer = "250 OK"

    async def handle_DATA(self, server, session, envelope) -> str:  # noqa: N802 (aiosmtpd's name)
        if self.answer.startswith("250"):
            self.taken.append(envelope)
        return self.answer


@pytest.fixture
async def sink() -> AsyncIterator[tuple[Sink, int]]:
    handler = Sink()
    server = await asyncio.get_running_loop().create_server(lambda: SMTP(handler), "127.0.0.1", 0)
    yield handler, server.sockets[0].getsockname()[1]
    server.close()


async def test_smtp_takes_the_mail_and_a_refusal_is_tried_again(sink: tuple[Sink, int], clock: ManualClock) -> None:
    handler, port = sink
    mailer = SmtpMailer(f"smtp://127.0.0.1:{port}", sender=SENDER, clock=clock)
    await mailer.send(a_letter().to("a@b.example"), "mail_1")
    (envelope,) = handler.taken
    assert (envelope.mail_from, envelope.rcpt_tos) == ("no-reply@sliproad.example", ["a@b.example"])
    assert b"Message-ID: <mail_1@sliproad.example>" in envelope.content
    handler.answer = "451 later"
    with pytest.raises(UpstreamUnavailable):
        await mailer.send(a_letter().to("a@b.example"), "mail_2")


async def test_a_mail_server_that_is_away_is_said_without_its_password(clock: ManualClock) -> None:
    mailer = SmtpMailer("smtp://user:pass%20word@127.0.0.1:1", sender=SENDER, clock=clock)
    assert mailer.password == "pass word"
    with pytest.raises(UpstreamUnavailable) as refused:
        await mailer.send(a_letter().to("a@b.example"), "mail_1")
    assert "pass" not in refused.value.detail
    with pytest.raises(InvalidInput):
        SmtpMailer("http://mail.example", sender=SENDER, clock=clock)


@pytest.fixture
async def jobs(engine: Database, secret_key: SecretKey, mailer: FileMailer) -> AsyncIterator[Jobs]:
    jobs = Jobs(engine.url, pool_size=3)
    outgoing.register(jobs, engine, secret_key, mailer, Files())
    await jobs.open()
    yield jobs
    await jobs.close()


async def work(jobs: Jobs) -> None:
    await jobs.app.run_worker_async(
        wait=False, install_signal_handlers=False, listen_notify=False, delete_jobs="successful"
    )


async def test_a_mail_goes_out_with_its_commit_and_carries_stored_files(
    jobs: Jobs, web: Database, secret_key: SecretKey, mailer: FileMailer
) -> None:
    async with web.transaction(Scope(organization_id="org_1")) as session:
        file_id = await Files().save(session, "org_1", "certificate.pdf", "application/pdf", b"%PDF-1.7")
        await Outgoing(jobs, secret_key).enqueue(session, a_letter().to("a@b.example"), file_ids=(file_id,))
    await work(jobs)
    (path,) = mailer.folder.iterdir()
    (attachment,) = read(path).iter_attachments()
    assert (attachment.get_filename(), attachment.get_content()) == ("certificate.pdf", b"%PDF-1.7")


async def test_below_every_mail_stands_where_help_is(
    engine: Database, secret_key: SecretKey, mailer: FileMailer, web: Database
) -> None:
    jobs = Jobs(engine.url, pool_size=3)
    outgoing.register(jobs, engine, secret_key, mailer, Files(), support_url="https://help.example/?a=1&b=2")
    await jobs.open()
    async with web.transaction(Scope(organization_id="org_1")) as session:
        await Outgoing(jobs, secret_key).enqueue(session, a_letter().to("a@b.example"))
    await work(jobs)
    await jobs.close()
    (path,) = mailer.folder.iterdir()
    mail = read(path)
    text, html = (mail.get_body((kind,)).get_content() for kind in ("plain", "html"))
    assert text.rstrip().endswith("Questions? https://help.example/?a=1&b=2")
    assert '<a href="https://help.example/?a=1&amp;b=2"' in html
    assert html.rstrip().endswith("</body></html>")


def test_help_by_mail_is_shown_as_an_address() -> None:
    mail = a_letter().to("a@b.example")
    assert with_help(mail, None) is mail
    helped = with_help(mail, "mailto:help@sliproad.example")
    assert helped.text.endswith("\n\nQuestions? help@sliproad.example\n")
    assert '<a href="mailto:help@sliproad.example"' in helped.html


async def test_no_commit_no_mail(jobs: Jobs, web: Database, secret_key: SecretKey, mailer: FileMailer) -> None:
    async def change() -> None:
        async with web.transaction(Scope(organization_id="org_1")) as session:
            await Outgoing(jobs, secret_key).enqueue(session, a_letter().to("a@b.example"))
            raise RuntimeError("changed my mind")

    with pytest.raises(RuntimeError, match="changed my mind"):
        await change()
    await work(jobs)
    assert not mailer.folder.exists()


async def test_a_waiting_mail_cannot_be_read_in_the_database(
    jobs: Jobs, web: Database, secret_key: SecretKey, database_url: str
) -> None:
    """Trust P3: it may carry a token."""
    async with web.transaction(Scope(organization_id="org_1")) as session:
        await Outgoing(jobs, secret_key).enqueue(session, a_letter().to("a@b.example"))
    with psycopg.connect(database_url) as owner:
        (row,) = owner.execute(
            "select args::text from procrastinate_jobs where task_name = 'foundation.send_mail'"
        ).fetchall()
    assert "secret-token" not in row[0]
    assert "a@b.example" not in row[0]
