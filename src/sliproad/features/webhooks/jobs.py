"""Background work of webhooks."""

from sliproad.features.webhooks.service import DELIVER, WebhookService
from sliproad.foundation.jobs import Jobs


def register(jobs: Jobs, service: WebhookService) -> None:
    """`webhooks.deliver(delivery_id)`: one attempt; the service itself plans the next."""

    async def deliver(delivery_id: str) -> None:
        await service.deliver(delivery_id)

    jobs.task(DELIVER, deliver)
