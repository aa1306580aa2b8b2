"""Background work of webhooks."""

from sliproad.features.webhooks.control import RESUME, WebhookControl
from sliproad.features.webhooks.service import DELIVER, WebhookService
from sliproad.foundation.jobs import Jobs


def register(jobs: Jobs, service: WebhookService, control: WebhookControl) -> None:
    """`webhooks.deliver(delivery_id, turn)`: one attempt; the service itself plans the next. `webhooks.resume(endpoint_id)`."""

    async def deliver(delivery_id: str, turn: int = 0) -> None:
        await service.deliver(delivery_id, turn)

    async def resume(endpoint_id: str) -> None:
        await control.send_waiting(endpoint_id)

    jobs.task(DELIVER, deliver)
    jobs.task(RESUME, resume)
