"""How a charge point's settings compare with a template's, key by key. Pure.

`drift_service` compares what was read lately, `templates_service` what a dry run reads.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from sliproad.features.commissioning.steps.configuration_wire import label, same
from sliproad.features.commissioning.templates import Setting, Template
from sliproad.ocpp.secret_settings import shown

KeyStatus = Literal["equal", "would_change", "unsupported", "read_only", "unknown"]


@dataclass(frozen=True, slots=True)
class Known:
    """What a charge point last said of one setting. `value` None: known, but not shown."""

    value: str | None
    is_read_only: bool = False
    read_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class KeyComparison:
    """One key: `wanted` is the template's, `found` the charge point's value."""

    key: str
    wanted: str
    found: str | None
    status: KeyStatus
    required: bool
    reason: str
    read_at: datetime | None


def settings_by_label(template: Template, version: str) -> dict[str, Setting]:
    """A template's settings for an OCPP version, by the label that people read, in order."""
    return {
        label(place): setting
        for setting in template.settings_for(version)
        if (place := setting.key if version == "1.6" else setting.variable) is not None
    }


def compare(
    template: Template, version: str, known: Mapping[str, Known], *, unsupported: Iterable[str] = ()
) -> list[KeyComparison]:
    """Every key of the template; one that nothing is known of is `unknown`, unless it is known to be `unsupported`."""
    lacking = set(unsupported)
    return [
        KeyComparison(
            name,
            shown(name, setting.value) or "",
            shown(name, found.value) if (found := known.get(name)) else None,
            _status(setting, found, is_unsupported=name in lacking),
            setting.required,
            setting.reason,
            found.read_at if found else None,
        )
        for name, setting in settings_by_label(template, version).items()
    ]


def _status(setting: Setting, found: Known | None, *, is_unsupported: bool) -> KeyStatus:
    if is_unsupported:
        return "unsupported"
    if found is None:
        return "unknown"
    if found.value is not None and same(setting.value, found.value):
        return "equal"
    return "read_only" if found.is_read_only else "would_change"
