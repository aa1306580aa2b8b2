"""Diagnostics as their page shows them: facts in groups, what is remarkable about them, and what is being fetched. Pure but for language.

Unknowns stay unknown: a fact that was not told is a dash. `diagnostics_pages` draws it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from markupsafe import Markup

from sliproad.features.charge_points.live_model import ConnectorStatus
from sliproad.features.commissioning.diagnostics_service import Refresh, Report
from sliproad.features.commissioning.sentences import told
from sliproad.features.firmware import sentences as firmware_sentences
from sliproad.features.firmware.updates_following import UpdateView
from sliproad.features.firmware.uploads_service import UploadView
from sliproad.foundation.language import gettext as _
from sliproad.foundation.web.ui.moments import duration, moment, number

Facts = list[tuple[str, object]]
MOST_SKEW_SECONDS = 60.0
MOST_RECONNECTS = 3
SLOW_MILLISECONDS = 5000.0


@dataclass(frozen=True, slots=True)
class Stat:
    """A figure that says at once how it is; `tone` None: nothing remarkable."""

    label: str
    value: str
    hint: str
    tone: str | None


@dataclass(frozen=True, slots=True)
class Upload:
    """A log that was or is being fetched."""

    upload_id: str
    kind: str
    state: str
    detail: str
    requested_at: datetime
    file_name: str | None
    """None where no file has arrived."""


@dataclass(frozen=True, slots=True)
class Update:
    """The newest firmware update."""

    version: str
    from_version: str | None
    state: str
    detail: str
    requested_at: datetime
    told: Sequence[tuple[str, datetime]]


@dataclass(frozen=True, slots=True)
class DiagnosticsView:
    """Everything on the page that lives."""

    is_connected: bool
    collected_at: datetime | None
    refresh: Refresh
    refresh_detail: str
    stats: list[Stat]
    groups: list[tuple[str, Facts]]
    features: Sequence[str] | None
    read_only_keys: Sequence[str] | None
    connectors: Sequence[ConnectorStatus]
    uploads: list[Upload]
    update: Update | None

    @property
    def is_asking(self) -> bool:
        return self.refresh.status == "running"

    @property
    def is_fetching(self) -> bool:
        return any(one.state in {"requested", "uploading"} for one in self.uploads)

    @property
    def is_moving(self) -> bool:
        """Whether something is under way that will change it soon."""
        return (
            self.is_asking
            or self.is_fetching
            or (self.update is not None and self.update.state not in {"installed", "failed"})
        )


def view_of(
    report: Report,
    connectors: Sequence[ConnectorStatus],
    uploads: Sequence[UploadView],
    update: UpdateView | None,
) -> DiagnosticsView:
    """What is known, for people."""
    found = report.diagnostics
    return DiagnosticsView(
        is_connected=found.connection.connected,
        collected_at=report.collected_at,
        refresh=report.refresh,
        refresh_detail=told(report.refresh.detail or ""),
        stats=_stats(report),
        groups=[
            (_("Connection"), _connection(report)),
            (_("Charger"), _charger(report)),
            (_("Network"), _network(report)),
            (_("Hardware"), _hardware(report)),
        ],
        features=found.ocpp.supported_features,
        read_only_keys=found.configuration_readonly_keys,
        connectors=[one for one in connectors if one.connector_id > 0],
        uploads=[_upload(one) for one in uploads],
        update=None if update is None else _update(update),
    )


def _stats(report: Report) -> list[Stat]:
    connection, trips = report.diagnostics.connection, report.diagnostics.connection.round_trips
    skew, signal = connection.clock_skew_seconds, report.diagnostics.network.signal_strength
    return [
        Stat(
            _("Answers in"), _milliseconds(trips.median_ms), _("median of %(count)s in the last hour") % {"count": trips.count},
            "warning" if (trips.median_ms or 0) > SLOW_MILLISECONDS else None,
        ),
        Stat(
            _("Reconnects"), str(connection.reconnects_last_hour), _("in the last hour"),
            "warning" if connection.reconnects_last_hour > MOST_RECONNECTS else None,
        ),
        Stat(_("Clock"), _skew(skew), _("against ours"), None if skew is None else "bad" if abs(skew) > MOST_SKEW_SECONDS else "good"),
        Stat(_("Signal"), "–" if signal is None else number(signal), _("as the charger says it"), None),
    ]  # fmt: skip


def _connection(report: Report) -> Facts:
    connection = report.diagnostics.connection
    trips = connection.round_trips
    return [
        (_("State"), _("Connected") if connection.connected else _("Not connected")),
        (_("Since"), _moment(connection.connected_at) if connection.connected else None),
        (_("Address, as we see it"), connection.remote_address),
        (_("Security profile"), connection.security_profile),
        (_("Round trip, slowest 5 %"), _milliseconds(trips.p95_ms)),
        (_("Round trip, longest"), _milliseconds(trips.maximum_ms)),
        (_("Round trip, newest"), _milliseconds(trips.latest_ms)),
    ]


def _charger(report: Report) -> Facts:
    found = report.diagnostics
    return [
        (_("Vendor"), found.hardware.vendor),
        (_("Model"), found.hardware.model),
        (_("Serial number"), found.hardware.serial_number),
        (_("Firmware"), found.firmware.version),
        (_("Firmware updated by us"), _moment(found.firmware.last_updated)),
        (_("OCPP version"), found.ocpp.version),
    ]


def _network(report: Report) -> Facts:
    network = report.diagnostics.network
    return [
        (_("Interface"), network.interface),
        (_("Address in its own network"), network.ip_address),
        (_("Name resolution works"), _truth(network.dns_resolution_ok)),
        (_("Clock set by NTP"), _truth(network.ntp_synced)),
        (_("SIM card (ICCID)"), network.iccid),
    ]


def _hardware(report: Report) -> Facts:
    hardware = report.diagnostics.hardware
    registered = report.connectors_registered
    connectors: object = hardware.connectors
    if hardware.connectors not in {None, registered}:
        told_and_said = {"told": hardware.connectors, "registered": registered}
        connectors = Markup("<strong>{}</strong>").format(_("%(told)s, but %(registered)s registered") % told_and_said)
    return [
        (_("Connectors"), connectors),
        (_("Meter"), hardware.meter_type),
        (_("Serial number of the meter"), hardware.meter_serial_number),
        (_("Residual current device"), _truth(hardware.rcd_present)),
    ]


def _upload(view: UploadView) -> Upload:
    row, standing = view
    return Upload(
        upload_id=row.upload_id,
        kind=_("Security log") if row.log_type == "security" else _("Diagnostics log"),
        state="requested" if standing.status == "pending" else standing.status,
        detail=firmware_sentences.told(standing.detail),
        requested_at=row.requested_at,
        file_name=None if row.file_id is None else row.file_name or row.upload_id,
    )


def _update(view: UpdateView) -> Update:
    return Update(
        version=view.row.version,
        from_version=view.row.from_version,
        state=view.standing.state,
        detail=firmware_sentences.told(view.standing.detail),
        requested_at=view.row.requested_at,
        told=view.told,
    )


def _moment(at: datetime | None) -> str | None:
    return None if at is None else moment(at)


def _truth(value: bool | None) -> str | None:
    return None if value is None else _("Yes") if value else _("No")


def _milliseconds(value: float | None) -> str:
    return "–" if value is None else _("%(time)s ms") % {"time": number(value, 0)}


def _skew(seconds: float | None) -> str:
    if seconds is None:
        return "–"
    if abs(seconds) < 1:
        return _("exact")
    ahead = _("%(time)s ahead") if seconds > 0 else _("%(time)s behind")
    return ahead % {"time": duration(abs(seconds))}
