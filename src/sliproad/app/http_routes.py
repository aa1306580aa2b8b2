"""Which path leads to which feature: the whole REST and page side on one page. `wiring` calls `routers`."""

from collections.abc import Iterator

from fastapi import APIRouter

from sliproad.app.services import Services
from sliproad.features.accounts import (
    account_pages,
    installer_routes,
    key_routes,
    login_pages,
    operator_login_pages,
    operator_routes,
    organization_routes,
    platform_routes,
    user_routes,
)
from sliproad.features.accounts import pages as mailed_pages
from sliproad.features.accounts.model import PersonKind
from sliproad.features.charge_points import routes as charge_point_routes
from sliproad.features.charging import routes as charging_routes
from sliproad.features.commands import routes as command_routes
from sliproad.features.commissioning import (
    apply_template_routes,
    batch_routes,
    control_routes,
    diagnostics_pages,
    diagnostics_routes,
    drift_routes,
    faults_pages,
    faults_routes,
    issues_cpo_routes,
    issues_pages,
    issues_routes,
    log_pages,
    logs_routes,
    photos_routes,
    session_pages,
    start_pages,
    templates_routes,
)
from sliproad.features.commissioning import routes as commissioning_routes
from sliproad.features.connections import cpo_routes as cpo_connection_routes
from sliproad.features.connections import (
    desk_pages,
    move_routes,
    operator_choice_pages,
    rollout_pages,
    rollout_routes,
    version_pages,
)
from sliproad.features.connections import routes as connection_routes
from sliproad.features.firmware import library_routes, updates_routes, uploads_pages, uploads_routes
from sliproad.features.frame_log import routes as frame_log_routes
from sliproad.features.handover import installer_pages as handover_installer_pages
from sliproad.features.handover import owner_pages
from sliproad.features.handover import pages as handover_pages
from sliproad.features.handover import reading_routes as handover_reading_routes
from sliproad.features.handover import routes as handover_routes
from sliproad.features.projects import (
    bulk_pages,
    bulk_routes,
    charge_point_pages,
    registration_pages,
    registration_routes,
    site_owner_routes,
)
from sliproad.features.projects import installer_routes as project_installer_routes
from sliproad.features.projects import pages as project_pages
from sliproad.features.projects import routes as project_routes
from sliproad.features.roaming import admin_routes as roaming_admin_routes
from sliproad.features.roaming import ocpi_routes
from sliproad.features.sites import routes as site_routes
from sliproad.features.webhooks import routes as webhook_routes
from sliproad.foundation.web import mailbox
from sliproad.foundation.web.ui import NavEntry, example_pages, gallery

LARGER_BODIES = {
    **handover_pages.LARGER_BODIES,
    **photos_routes.LARGER_BODIES,
    **issues_pages.LARGER_BODIES,
    **faults_pages.LARGER_BODIES,
    **faults_routes.LARGER_BODIES,
    **bulk_routes.LARGER_BODIES,
    **bulk_pages.LARGER_BODIES,
}
"""Where files are uploaded, and how many bytes are taken there."""
STREAMED = (*uploads_routes.STREAMED, *library_routes.STREAMED)
"""Where routes read bodies bit by bit."""
NAVIGATION: tuple[NavEntry, ...] = (
    *project_pages.NAVIGATION,
    *owner_pages.NAVIGATION,
    *operator_choice_pages.NAVIGATION,
    *desk_pages.NAVIGATION,
)
"""Every role's places; each feature's pages declare theirs."""


def routers(of: Services) -> Iterator[APIRouter]:
    """Every router, in the order in which the reference shows them."""
    installers, users = of.people[PersonKind.INSTALLER], of.people[PersonKind.USER]
    # the installer's job
    yield installer_routes.router(of.sign_up, installers, of.authentication, of.tokens)
    yield project_installer_routes.router(of.projects, of.checklists)
    yield registration_routes.router(of.registration, of.attempts)
    yield bulk_routes.router(of.bulk_registration)
    yield templates_routes.router(of.templates.templates)
    yield commissioning_routes.router(of.commissioning)
    yield apply_template_routes.router(of.templates.applying)
    yield drift_routes.router(of.templates.drift)
    yield control_routes.router(of.commissioning_control)
    yield logs_routes.router(of.commissioning_logs, of.live_events)
    yield batch_routes.router(of.batch_commissioning)
    yield issues_routes.router(of.issues)
    yield photos_routes.router(of.photos, public_url=of.parts.public_url)
    yield diagnostics_routes.router(of.diagnostics)
    yield uploads_routes.installer_router(of.firmware.uploads)
    yield handover_routes.router(of.handover)
    yield handover_reading_routes.router(of.handover_reading)
    yield from installer_pages(of)
    yield from organization_apis(of)
    yield from operator_apis(of)
    # the site owner, and everybody
    yield user_routes.site_owner_router(users, of.authentication, of.tokens)
    yield site_owner_routes.router(of.assignment)
    yield faults_routes.router(of.issues, of.photos, public_url=of.parts.public_url)
    yield owner_pages.router(owner_pages.OwnerPages(of.assignment, of.handover_reading, of.accounts, of.issues))
    yield faults_pages.router(faults_pages.FaultsPages(of.issues, of.photos))
    yield user_routes.invitation_router(of.invitations)
    # whoever runs the installation
    yield platform_routes.router(users, of.authentication, of.tokens)
    yield issues_cpo_routes.support_router(of.issue_desk)
    yield roaming_admin_routes.router(of.roaming.parties, of.roaming.quick_start)
    yield ocpi_routes.router(of.roaming.edge)
    yield key_routes.router(of.tokens)
    yield mailed_pages.router(of.people, of.invitations)
    yield login_pages.router(of.people, of.organizations, of.sign_up, of.browser_sessions)
    yield operator_login_pages.router(of.authentication, of.browser_sessions)
    yield account_pages.router(of.people, of.organizations, of.browser_sessions)
    yield uploads_routes.receiving_router(of.firmware.receiver)
    yield updates_routes.download_router(of.firmware.updates)
    yield handover_pages.router(of.handover, of.certificate_checker)
    # the design sheet
    yield gallery.router()
    yield example_pages.router()
    if of.parts.settings.demo:
        yield mailbox.router(of.parts.settings.data_dir / "mail")


def organization_apis(of: Services) -> Iterator[APIRouter]:
    """The organisation's side."""
    users = of.people[PersonKind.USER]
    yield user_routes.organization_router(of.sign_up, users, of.organizations, of.authentication, of.tokens)
    yield organization_routes.router(of.organizations, of.invitations)
    yield site_routes.router(of.sites, of.site_ownership)
    yield project_routes.router(of.projects, of.assignment, of.checklists, of.registration)
    yield charge_point_routes.router(of.registry, of.attempts)
    yield cpo_connection_routes.router(of.connections.overview)
    yield operator_choice_pages.router(of.connections.overview)
    yield command_routes.router(of.registry, of.commands)
    yield charging_routes.router(of.database, of.charging, of.registry)
    yield uploads_routes.organization_router(of.firmware.uploads)
    yield library_routes.router(of.firmware.library)
    yield updates_routes.router(of.firmware.updates)
    yield frame_log_routes.router(of.database, of.frame_log, of.registry)
    yield issues_cpo_routes.router(of.issue_desk)
    yield webhook_routes.router(of.webhooks, of.webhook_control)


def operator_apis(of: Services) -> Iterator[APIRouter]:
    """The operator's side (OPER)."""
    yield operator_routes.router(of.operators)
    yield connection_routes.router(of.connections.versions, of.connections.applying)
    yield move_routes.router(of.connections.applying, of.connections.moving, of.connections.sheets)
    yield rollout_routes.router(of.connections.rollouts)
    yield desk_pages.router(desk_pages.DeskPages(of.connections.desk, of.connections.versions, of.connections.rollouts))
    yield version_pages.router(of.connections.versions)
    yield rollout_pages.router(of.connections.rollouts, of.connections.desk)


def installer_pages(of: Services) -> Iterator[APIRouter]:
    """The installer's pages, as a phone shows them."""
    yield project_pages.router(of.projects, of.registration)
    charge_points = charge_point_pages.ChargePointPages(of.projects, of.registration, of.attempts)
    yield registration_pages.router(charge_points, of.templates.templates)
    yield bulk_pages.router(of.projects, of.bulk_registration)
    yield charge_point_pages.router(charge_points)
    glances, control = of.glances, of.commissioning_control
    starting = start_pages.StartPages(
        of.commissioning, of.templates.templates, of.templates.applying, glances, of.commissioning.clock
    )
    yield session_pages.router(of.commissioning, control, glances, starting)
    yield handover_installer_pages.router(
        handover_installer_pages.HandoverPages(of.handover, of.handover_reading, of.projects, of.checklists)
    )
    yield start_pages.router(starting)
    yield log_pages.router(of.commissioning_logs, of.live_events, control, glances)
    yield diagnostics_pages.router(of.diagnostics, of.firmware.uploads, glances)
    yield uploads_pages.router(of.firmware.uploads)
    yield issues_pages.router(issues_pages.IssuesPages(of.issues, of.photos, of.projects, glances))
