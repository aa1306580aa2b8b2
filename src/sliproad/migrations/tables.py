"""Every table of the product. Alembic compares this with the database; the policies of row-level security are made from it."""

from importlib import import_module

from sqlalchemy import MetaData

from sliproad.foundation.database import Row

STORES = (
    "sliproad.foundation.files",
    "sliproad.foundation.outbox",
    "sliproad.foundation.vault",
    "sliproad.foundation.web.idempotency",
    "sliproad.foundation.web.limits",
    "sliproad.features.accounts.store",
    "sliproad.features.sites.store",
    "sliproad.features.charge_points.store",
    "sliproad.features.charge_points.live_store",
    "sliproad.features.charge_points.attempts_store",
    "sliproad.features.device_model.store",
    "sliproad.features.security.store",
    "sliproad.features.security.events_store",
    "sliproad.features.charging.store",
    "sliproad.features.projects.store",
    "sliproad.features.firmware.store",
    "sliproad.features.firmware.updates_store",
    "sliproad.features.firmware.uploads_store",
    "sliproad.features.commissioning.store",
    "sliproad.features.commissioning.diagnostics_store",
    "sliproad.features.commissioning.leftovers_store",
    "sliproad.features.commissioning.issues_store",
    "sliproad.features.commissioning.templates_store",
    "sliproad.features.handover.store",
    "sliproad.features.connections.store",
    "sliproad.features.connections.relay_store",
    "sliproad.features.roaming.store",
    "sliproad.features.roaming.messages_store",
    "sliproad.features.roaming.objects_store",
    "sliproad.features.frame_log.store",
    "sliproad.features.webhooks.store",
)


def metadata() -> MetaData:
    """The metadata with all features' rows registered."""
    for store in STORES:
        import_module(store)
    return Row.metadata
