"""Every feature's services, built once per process from its parts. The web process gives role `web`, a worker `engine`."""

from datetime import timedelta
from functools import cached_property

from sliproad.app.roaming_services import RoamingServices
from sliproad.features.authorization.service import AuthorizationService
from sliproad.features.charge_points.attempts import AttemptService
from sliproad.features.charge_points.live_service import LiveService
from sliproad.features.charge_points.service import RegistryService
from sliproad.features.charging.service import ChargingService
from sliproad.features.commands.service import CommandService
from sliproad.features.commissioning import templates_assembly
from sliproad.features.commissioning.batch import BatchCommissioning
from sliproad.features.commissioning.control import CommissioningControl
from sliproad.features.commissioning.diagnostics_collecting import DiagnosticsCollector
from sliproad.features.commissioning.diagnostics_service import DiagnosticsService
from sliproad.features.commissioning.ending import Ending
from sliproad.features.commissioning.facts import FactsGatherer
from sliproad.features.commissioning.glance import Glances
from sliproad.features.commissioning.issues_desk import IssueDesk
from sliproad.features.commissioning.issues_mails import IssueMails
from sliproad.features.commissioning.issues_service import IssueService
from sliproad.features.commissioning.jobs import Wakeups
from sliproad.features.commissioning.leftovers import Leftovers
from sliproad.features.commissioning.live_events import LiveEvents
from sliproad.features.commissioning.logs_service import LogService
from sliproad.features.commissioning.mails import SiteOwnerMails
from sliproad.features.commissioning.photos_service import PhotoService
from sliproad.features.commissioning.records import CommissioningRecords
from sliproad.features.commissioning.runner import CommissioningRunner
from sliproad.features.commissioning.service import CommissioningService
from sliproad.features.commissioning.templates_assembly import TemplateRoom
from sliproad.features.connections import assembly as connections_assembly
from sliproad.features.connections.assembly import ConnectionRoom
from sliproad.features.connections.assigning import Assigning
from sliproad.features.connections.following import Placements, SiteConnections
from sliproad.features.connections.move_model.vendor_keys import VENDOR_KEYS, read_vendor_keys
from sliproad.features.connections.relay_presence import RelayPresence
from sliproad.features.device_model.service import DeviceModelService
from sliproad.features.firmware import assembly
from sliproad.features.firmware.assembly import FirmwareRoom
from sliproad.features.frame_log.service import FrameLogService
from sliproad.features.handover.checking import CertificateChecker
from sliproad.features.handover.issuing import CertificateIssuer
from sliproad.features.handover.links import CertificateLinks
from sliproad.features.handover.reading import HandoverReading
from sliproad.features.handover.service import HandoverService
from sliproad.features.projects.assignment import AssignmentService
from sliproad.features.projects.bulk import BulkRegistrationService
from sliproad.features.projects.checklist_service import ChecklistService
from sliproad.features.projects.registration import RegistrationService
from sliproad.features.projects.service import ProjectService
from sliproad.features.security.service import CredentialService
from sliproad.features.sites.ownership import SiteOwnershipService
from sliproad.features.sites.service import SiteService
from sliproad.features.webhooks.control import WebhookControl
from sliproad.features.webhooks.service import WebhookService
from sliproad.foundation.crypto import SealingKeys
from sliproad.foundation.files import Files


class Services(RoamingServices):
    """The features' services over one set of parts; each is made when first asked for."""

    # ------------------------------------------------------------------ sites, charge points, projects

    @cached_property
    def sites(self) -> SiteService:
        return SiteService(self.database, self.clock, self.accounts, self.site_connections)

    @cached_property
    def site_ownership(self) -> SiteOwnershipService:
        return SiteOwnershipService(self.database, self.clock, self.sites, self.invitations)

    @cached_property
    def registry(self) -> RegistryService:
        return RegistryService(
            self.database,
            self.clock,
            self.parts.bus,
            ocpp_public_url=self.parts.ocpp_public_url,
            placements=self.placements,
        )

    @cached_property
    def live(self) -> LiveService:
        return LiveService()

    @cached_property
    def attempts(self) -> AttemptService:
        return AttemptService(self.parts.engine, self.clock, self.frame_log)

    @cached_property
    def credentials(self) -> CredentialService:
        return CredentialService(self.parts.secret_key)

    @cached_property
    def commands(self) -> CommandService:
        return CommandService(self.parts.engine, self.parts.bus)

    @cached_property
    def authorization(self) -> AuthorizationService:
        return AuthorizationService(self.parts.secret_key)

    @cached_property
    def charging(self) -> ChargingService:
        return ChargingService()

    @cached_property
    def frame_log(self) -> FrameLogService:
        return FrameLogService()

    @cached_property
    def records(self) -> CommissioningRecords:
        return CommissioningRecords()

    @cached_property
    def projects(self) -> ProjectService:
        return ProjectService(self.database, self.clock, self.sites, self.registry, self.records)

    @cached_property
    def assignment(self) -> AssignmentService:
        return AssignmentService(self.database, self.clock, self.projects, self.sites, self.accounts)

    @cached_property
    def checklists(self) -> ChecklistService:
        return ChecklistService(self.database, self.clock, self.projects)

    @cached_property
    def registration(self) -> RegistrationService:
        return RegistrationService(
            self.database, self.clock, self.projects, self.registry, self.credentials, limiter=self.limiter
        )

    @cached_property
    def bulk_registration(self) -> BulkRegistrationService:
        return BulkRegistrationService(
            self.database, self.projects, self.registry, self.credentials, limiter=self.limiter
        )

    # ------------------------------------------------------------------ operators' connections

    @cached_property
    def assigning(self) -> Assigning:
        return Assigning(self.clock, self.jobs)

    @cached_property
    def site_connections(self) -> SiteConnections:
        return SiteConnections(self.assigning)

    @cached_property
    def relay_presence(self) -> RelayPresence:
        return RelayPresence(self.live)

    @cached_property
    def placements(self) -> Placements:
        return Placements(self.sites, self.jobs)

    @cached_property
    def connections(self) -> ConnectionRoom:
        own_keys = self.parts.settings.vendor_keys
        return connections_assembly.assemble(
            self.database,
            self.parts.engine,
            self.parts.bus,
            assigning=self.assigning,
            sealing_keys=SealingKeys(self.parts.settings.sealing_secrets),
            registry=self.registry,
            sites=self.sites,
            accounts=self.accounts,
            commands=self.commands,
            credentials=self.credentials,
            vendor_keys=VENDOR_KEYS if own_keys is None else read_vendor_keys(own_keys.read_text()),
            move_window=timedelta(seconds=self.parts.settings.native_move_seconds),
        )

    # ------------------------------------------------------------------ firmware

    @cached_property
    def device_model(self) -> DeviceModelService:
        return DeviceModelService(self.clock)

    @cached_property
    def firmware(self) -> FirmwareRoom:
        return assembly.assemble(
            self.database,
            self.parts.engine,
            self.clock,
            self.jobs,
            secret_key=self.parts.secret_key,
            public_url=self.parts.public_url,
            registry=self.registry,
            projects=self.projects,
            live=self.live,
            commands=self.commands,
        )

    # ------------------------------------------------------------------ commissioning, handover, webhooks

    @cached_property
    def commissioning(self) -> CommissioningService:
        return CommissioningService(
            self.database,
            self.clock,
            self.jobs,
            registry=self.registry,
            projects=self.projects,
            live=self.live,
            authorization=self.authorization,
        )

    @cached_property
    def batch_commissioning(self) -> BatchCommissioning:
        return BatchCommissioning(self.database, self.commissioning, registry=self.registry, projects=self.projects)

    @cached_property
    def commissioning_control(self) -> CommissioningControl:
        return CommissioningControl(self.commissioning, self.parts.bus)

    @cached_property
    def commissioning_logs(self) -> LogService:
        return LogService(self.commissioning, self.frame_log)

    @cached_property
    def live_events(self) -> LiveEvents:
        return LiveEvents(self.commissioning, self.frame_log, self.parts.bus)

    @cached_property
    def glances(self) -> Glances:
        return Glances(self.commissioning, self.firmware.updates)

    @cached_property
    def facts(self) -> FactsGatherer:
        interval = self.parts.settings.commissioning_heartbeat_seconds
        return FactsGatherer(
            self.registry,
            self.live,
            self.charging,
            heartbeat_interval_seconds=interval,
            updates=self.firmware.updates,
        )

    @cached_property
    def templates(self) -> TemplateRoom:
        return templates_assembly.assemble(
            self.database,
            self.parts.engine,
            self.clock,
            self.jobs,
            registry=self.registry,
            projects=self.projects,
            live=self.live,
            commands=self.commands,
            facts=self.facts,
            library=self.firmware.library,
        )

    @cached_property
    def leftovers(self) -> Leftovers:
        """Stops test transactions that sessions gave up."""
        return Leftovers(self.parts.engine, self.clock, self.commands, self.live, self.charging)

    @cached_property
    def wakeups(self) -> Wakeups:
        """Runs sessions; opened in workers only."""
        ending = Ending(self.registry, self.projects)
        runner = CommissioningRunner(
            self.parts.engine, self.clock, self.parts.bus, self.commands, facts=self.facts, ending=ending
        )
        return Wakeups(runner, self.commands, self.parts.bus)

    @cached_property
    def diagnostics(self) -> DiagnosticsService:
        return DiagnosticsService(
            self.database,
            self.clock,
            self.jobs,
            registry=self.registry,
            projects=self.projects,
            live=self.live,
            attempts=self.attempts,
            device_model=self.device_model,
            updates=self.firmware.updates,
            frames=self.frame_log,
        )

    @cached_property
    def diagnostics_collector(self) -> DiagnosticsCollector:
        return DiagnosticsCollector(
            self.parts.engine, self.clock, live=self.live, commands=self.commands, device_model=self.device_model
        )

    @cached_property
    def site_owner_mails(self) -> SiteOwnerMails:
        return SiteOwnerMails(self.registry, self.projects, self.outgoing)

    @cached_property
    def photos(self) -> PhotoService:
        return PhotoService(
            self.database,
            self.clock,
            registry=self.registry,
            projects=self.projects,
            files=Files(),
            limiter=self.limiter,
        )

    @cached_property
    def issues(self) -> IssueService:
        return IssueService(
            self.database,
            self.clock,
            registry=self.registry,
            projects=self.projects,
            photos=self.photos,
            limiter=self.limiter,
            prefix=self.parts.settings.issue_prefix,
        )

    @cached_property
    def issue_desk(self) -> IssueDesk:
        return IssueDesk(self.database, self.parts.engine, self.clock, self.accounts)

    @cached_property
    def issue_mails(self) -> IssueMails:
        return IssueMails(self.accounts, self.projects, self.outgoing)

    @cached_property
    def certificate_links(self) -> CertificateLinks:
        return CertificateLinks(self.clock, self.parts.secret_key, self.parts.public_url)

    @cached_property
    def handover(self) -> HandoverService:
        return HandoverService(
            self.database,
            self.clock,
            projects=self.projects,
            jobs=self.jobs,
            links=self.certificate_links,
            files=Files(),
            limiter=self.limiter,
        )

    @cached_property
    def handover_reading(self) -> HandoverReading:
        return HandoverReading(
            self.database,
            projects=self.projects,
            assignments=self.assignment,
            accounts=self.accounts,
            links=self.certificate_links,
        )

    @cached_property
    def certificate_checker(self) -> CertificateChecker:
        return CertificateChecker(self.database, self.limiter)

    @cached_property
    def certificate_issuer(self) -> CertificateIssuer:
        return CertificateIssuer(
            self.parts.engine,
            self.clock,
            projects=self.projects,
            assignments=self.assignment,
            accounts=self.accounts,
            commissioning=self.records,
            files=Files(),
            outgoing=self.outgoing,
            links=self.certificate_links,
            identity=self.parts.identity,
            timestamp_service=self.parts.timestamp_service,
        )

    @cached_property
    def webhooks(self) -> WebhookService:
        return WebhookService(self.database, self.clock, self.parts.secret_key, self.jobs, self.parts.client)

    @cached_property
    def webhook_control(self) -> WebhookControl:
        return WebhookControl(self.database, self.clock, self.parts.secret_key, self.jobs)
