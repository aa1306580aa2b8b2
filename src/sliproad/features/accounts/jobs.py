"""Jobs of accounts: mails that are decided away from the request, and forgetting what is over."""

from sliproad.features.accounts import people_store
from sliproad.features.accounts.account_mails import AccountMails
from sliproad.features.accounts.people import CHANGED, FORGOT, RESEND, SIGNED_UP
from sliproad.foundation.clock import Clock
from sliproad.foundation.database import ENGINE
from sliproad.foundation.jobs import Jobs


def register(jobs: Jobs, mails: AccountMails, clock: Clock) -> None:
    """Define the tasks; every process does, workers run them."""
    jobs.task(SIGNED_UP, mails.signed_up)
    jobs.task(RESEND, mails.resend_verification)
    jobs.task(FORGOT, mails.forgot_password)
    jobs.task(CHANGED, mails.password_changed)

    async def purge(timestamp: int) -> None:  # noqa: ARG001
        async with mails.database.transaction(ENGINE) as session:
            await people_store.purge(session, clock.now())

    jobs.periodic("accounts.purge", purge, cron="23 * * * * 0")
