"""Every feature's services, built once per process from its parts. The web process gives role `web`, a worker `engine`."""

from dataclasses import dataclass
from functools import cached_property

from sliproad.features.accounts.account_mails import AccountMails
from sliproad.features.accounts.administration import Administration
from sliproad.features.accounts.authentication import Authentication
from sliproad.features.accounts.guards import Guards
from sliproad.features.accounts.invitations import Invitations
from sliproad.features.accounts.mailed_tokens import MailedTokens
from sliproad.features.accounts.model import PersonKind
from sliproad.features.accounts.organizations import Organizations
from sliproad.features.accounts.passwords import Passwords
from sliproad.features.accounts.people import People
from sliproad.features.accounts.service import AccountService
from sliproad.features.accounts.sign_up import SignUp
from sliproad.features.accounts.throttle import LoginThrottle
from sliproad.features.accounts.tokens import AccessTokens
from sliproad.features.authorization.service import AuthorizationService
from sliproad.features.charge_points.attempts import AttemptService
from sliproad.features.charge_points.live_service import LiveService
from sliproad.features.charge_points.service import RegistryService
from sliproad.features.charging.service import ChargingService
from sliproad.features.commands.service import CommandService
from sliproad.features.commissioning.batch import BatchCommissioning
from sliproad.features.commissioning.batch_start import SharedCommissioning
from sliproad.features.commissioning.control import CommissioningControl
from sliproad.features.commissioning.diagnostics_collecting import DiagnosticsCollector
from sliproad.features.commissioning.diagnostics_service import DiagnosticsService
from sliproad.features.commissioning.ending import Ending
from sliproad.features.commissioning.facts import FactsGatherer
from sliproad.features.commissioning.issues_desk import IssueDesk
from sliproad.features.commissioning.issues_mails import IssueMails
from sliproad.features.commissioning.issues_service import IssueService
from sliproad.features.commissioning.jobs import Wakeups
from sliproad.features.commissioning.leftovers import Leftovers
from sliproad.features.commissioning.mails import SiteOwnerMails
from sliproad.features.commissioning.photos_service import PhotoService
from sliproad.features.commissioning.records import CommissioningRecords
from sliproad.features.commissioning.runner import CommissioningRunner
from sliproad.features.commissioning.service import CommissioningService
from sliproad.features.device_model.service import DeviceModelService
from sliproad.features.firmware import assembly
from sliproad.features.firmware.assembly import FirmwareRoom
from sliproad.features.frame_log.service import FrameLogService
from sliproad.features.handover.checking import CertificateChecker
from sliproad.features.handover.issuing import CertificateIssuer
from sliproad.features.handover.links import CertificateLinks
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
from sliproad.foundation.bus import Bus
from sliproad.foundation.clock import Clock
from sliproad.foundation.crypto import SecretKey
from sliproad.foundation.database import Database
from sliproad.foundation.documents.identity import SigningIdentity
from sliproad.foundation.documents.signing import TimestampService
from sliproad.foundation.files import Files
from sliproad.foundation.jobs import Jobs
from sliproad.foundation.outbound import OutboundClient
from sliproad.foundation.outgoing import Outgoing
from sliproad.foundation.settings import Settings
from sliproad.foundation.web.limits import RateLimiter


@dataclass(frozen=True)
class Parts:
    """What a process is made of below its features; `wiring` opens and closes them."""

    settings: Settings
    clock: Clock
    secret_key: SecretKey
    database: Database
    """Speaks as the role of the process: `web` in the web process, `engine` in a worker."""
    engine: Database
    bus: Bus
    jobs: Jobs
    client: OutboundClient
    jwt_key: bytes
    identity: SigningIdentity
    timestamp_service: TimestampService | None

    @property
    def public_url(self) -> str:
        return self.settings.public_url or f"http://{self.settings.http_host}:{self.settings.http_port}"

    @property
    def ocpp_public_url(self) -> str:
        return self.settings.ocpp_public_url or f"ws://{self.settings.ocpp_host}:{self.settings.ocpp_port}"


class Services:
    """The features' services over one set of parts; each is made when first asked for."""

    def __init__(self, parts: Parts) -> None:
        self.parts = parts
        self.database, self.clock, self.jobs = parts.database, parts.clock, parts.jobs

    # ------------------------------------------------------------------ accounts

    @cached_property
    def accounts(self) -> AccountService:
        return AccountService()

    @cached_property
    def passwords(self) -> Passwords:
        return Passwords()

    @cached_property
    def limiter(self) -> RateLimiter:
        return RateLimiter(self.database, self.clock)

    @cached_property
    def tokens(self) -> AccessTokens:
        return AccessTokens(self.parts.jwt_key, issuer=self.parts.public_url, clock=self.clock)

    @cached_property
    def mailed_tokens(self) -> MailedTokens:
        return MailedTokens(self.parts.secret_key, self.parts.public_url, self.clock)

    @cached_property
    def outgoing(self) -> Outgoing:
        return Outgoing(self.jobs, self.parts.secret_key)

    @cached_property
    def authentication(self) -> Authentication:
        return Authentication(self.database, self.tokens, self.parts.secret_key, self.clock)

    @cached_property
    def guards(self) -> Guards:
        return Guards(self.authentication)

    @cached_property
    def sign_up(self) -> SignUp:
        return SignUp(self.database, self.passwords, self.limiter, self.jobs)

    @cached_property
    def people(self) -> dict[PersonKind, People]:
        """Installers and users."""
        throttle = LoginThrottle(self.limiter)
        return {
            kind: People(
                kind=kind,
                database=self.database,
                passwords=self.passwords,
                mailed_tokens=self.mailed_tokens,
                throttle=throttle,
                limiter=self.limiter,
                jobs=self.jobs,
                clock=self.clock,
            )
            for kind in PersonKind
        }

    @cached_property
    def organizations(self) -> Organizations:
        return Organizations(self.database, self.parts.secret_key, self.clock)

    @cached_property
    def invitations(self) -> Invitations:
        return Invitations(
            database=self.database,
            mailed_tokens=self.mailed_tokens,
            outgoing=self.outgoing,
            passwords=self.passwords,
            limiter=self.limiter,
            clock=self.clock,
        )

    @cached_property
    def account_mails(self) -> AccountMails:
        return AccountMails(self.database, self.mailed_tokens, self.outgoing, self.limiter)

    @cached_property
    def administration(self) -> Administration:
        return Administration(self.parts.engine, self.passwords, self.parts.secret_key, self.clock)

    # ------------------------------------------------------------------ sites, charge points, projects

    @cached_property
    def sites(self) -> SiteService:
        return SiteService(self.database, self.clock)

    @cached_property
    def site_ownership(self) -> SiteOwnershipService:
        return SiteOwnershipService(self.database, self.clock, self.sites, self.invitations)

    @cached_property
    def registry(self) -> RegistryService:
        return RegistryService(self.database, self.clock, self.parts.bus, ocpp_public_url=self.parts.ocpp_public_url)

    @cached_property
    def live(self) -> LiveService:
        return LiveService()

    @cached_property
    def attempts(self) -> AttemptService:
        return AttemptService(self.parts.engine, self.clock)

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
        commissioning = SharedCommissioning(
            self.database,
            self.clock,
            self.jobs,
            registry=self.registry,
            projects=self.projects,
            live=self.live,
            authorization=self.authorization,
        )
        return BatchCommissioning(self.database, commissioning, registry=self.registry, projects=self.projects)

    @cached_property
    def commissioning_control(self) -> CommissioningControl:
        return CommissioningControl(self.commissioning, self.parts.bus)

    @cached_property
    def leftovers(self) -> Leftovers:
        """Stops test transactions that sessions gave up."""
        return Leftovers(self.parts.engine, self.clock, self.commands, self.live, self.charging)

    @cached_property
    def wakeups(self) -> Wakeups:
        """Runs sessions; opened in workers only."""
        interval = self.parts.settings.commissioning_heartbeat_seconds
        facts = FactsGatherer(self.registry, self.live, self.charging, heartbeat_interval_seconds=interval)
        ending = Ending(self.registry, self.projects)
        runner = CommissioningRunner(
            self.parts.engine, self.clock, self.parts.bus, self.commands, facts=facts, ending=ending
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
    def certificate_checker(self) -> CertificateChecker:
        return CertificateChecker(self.database)

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
