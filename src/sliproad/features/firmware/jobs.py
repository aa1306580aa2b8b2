"""Background work of firmware: CALLs that ask for logs and updates, and a look at everything that is open."""

from sliproad.features.firmware.updates_following import REQUEST_UPDATE, UpdateFollower
from sliproad.features.firmware.uploads_following import REQUEST_UPLOAD, UploadFollower
from sliproad.foundation.jobs import Jobs

SETTLE = "firmware.settle"
EVERY_TWO_SECONDS = "* * * * * */2"


def register(jobs: Jobs, uploads: UploadFollower, updates: UpdateFollower) -> None:
    """`firmware.request_upload(upload_id)`, `firmware.request_update(update_id)`, and the periodic `firmware.settle`."""

    async def request_upload(upload_id: str) -> None:
        await uploads.ask(upload_id)

    async def request_update(update_id: str) -> None:
        await updates.ask(update_id)

    async def settle(timestamp: int) -> None:  # noqa: ARG001 (procrastinate says when it was due)
        await uploads.settle_open()
        await updates.settle_open()

    jobs.task(REQUEST_UPLOAD, request_upload)
    jobs.task(REQUEST_UPDATE, request_update)
    jobs.periodic(SETTLE, settle, cron=EVERY_TWO_SECONDS)
