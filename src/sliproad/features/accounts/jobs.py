"""Jobs of accounts: mails that are decided away from the request."""

from sliproad.features.accounts.account_mails import AccountMails
from sliproad.features.accounts.people import CHANGED, FORGOT, RESEND, SIGNED_UP
from sliproad.foundation.jobs import Jobs


def register(jobs: Jobs, mails: AccountMails) -> None:
    """Define the tasks; every process does, workers run them."""
    jobs.task(SIGNED_UP, mails.signed_up)
    jobs.task(RESEND, mails.resend_verification)
    jobs.task(FORGOT, mails.forgot_password)
    jobs.task(CHANGED, mails.password_changed)
