"""Background work of diagnostics: a charge point is asked by a worker."""

from sliproad.features.commissioning.diagnostics_collecting import DiagnosticsCollector
from sliproad.features.commissioning.diagnostics_service import COLLECT
from sliproad.foundation.jobs import Jobs


def register(jobs: Jobs, collector: DiagnosticsCollector) -> None:
    """`commissioning.collect_diagnostics(charge_point_key)`; it may run again."""

    async def collect(charge_point_key: int) -> None:
        await collector.collect(charge_point_key)

    jobs.task(COLLECT, collect)
