"""Puts what other rooms know about a project into the certificate's record. Pure; `issuing` gathers the facts."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sliproad.features.charge_points.model import ChargePoint
from sliproad.features.commissioning.records import SessionSummary
from sliproad.features.handover.certificate import record
from sliproad.features.handover.model import Declaration, Handover
from sliproad.features.projects.model import Checklist, ChecklistItem, Project, ProjectInstaller
from sliproad.features.sites.model import Site


@dataclass(frozen=True, slots=True)
class Facts:
    """All that a certificate tells of. `summaries` by charge point key."""

    project: Project
    site: Site
    organization_name: str
    installers: Sequence[ProjectInstaller]
    charge_points: Sequence[ChargePoint]
    summaries: Mapping[int, SessionSummary]
    checklist: Checklist


def record_of(handover: Handover, declaration: Declaration, facts: Facts) -> record.HandoverRecord:
    """The record of a handover. Items that a charge point's hardware can't have are left out of its checklist."""
    site, items = facts.site, [item for item in facts.checklist.items if item.applicable]
    return record.HandoverRecord(
        certificate_id=handover.certificate_id,
        issued_at=handover.handed_over_at,
        project=record.ProjectRecord(facts.project.project_id, facts.project.name),
        site=record.SiteRecord(
            site.name,
            site.address,
            None if site.latitude is None else float(site.latitude),
            None if site.longitude is None else float(site.longitude),
            site.time_zone,
        ),
        organization_name=facts.organization_name,
        signed_by=declaration.signed_by,
        verify_url=handover.verify_url,
        charge_points=tuple(
            _charge_point(
                charge_point,
                facts.summaries.get(charge_point.key),
                [item for item in items if item.charge_point_key == charge_point.key],
            )
            for charge_point in facts.charge_points
        ),
        installers=tuple(
            record.InstallerRecord(installer.full_name, installer.company) for installer in facts.installers
        ),
        project_checklist=tuple(_item(item) for item in items if item.charge_point_key is None),
        handover_notes=declaration.handover_notes,
        site_contact_name=declaration.site_contact_name,
        site_contact_email=declaration.site_contact_email,
        signature=declaration.signature,
    )


def _charge_point(
    charge_point: ChargePoint, summary: SessionSummary | None, items: Sequence[ChecklistItem]
) -> record.ChargePointRecord:
    return record.ChargePointRecord(
        charge_point_id=charge_point.charge_point_id,
        vendor=charge_point.vendor,
        model=charge_point.model,
        serial_number=charge_point.serial_number,
        ocpp_version=charge_point.ocpp_version,
        firmware_version=summary.firmware_version if summary else None,
        max_power_kw=charge_point.max_power_kw,
        connector_count=charge_point.connector_count,
        location_description=charge_point.location.description or charge_point.location.address,
        commissioning_session_id=summary.session_id if summary else None,
        commissioned_at=charge_point.commissioned_at,
        test_energy_wh=summary.test_energy_wh if summary else None,
        steps=tuple(
            record.StepResult(step.name, step.status, step.detail, step.duration_ms, step.value)
            for step in (summary.steps if summary else ())
        ),
        checklist=tuple(_item(item) for item in items),
    )


def _item(item: ChecklistItem) -> record.ChecklistItem:
    done_by = None if item.by_platform else item.done_by
    return record.ChecklistItem(item.item, item.done, done_by, item.done_at, item.note, item.by_platform)
