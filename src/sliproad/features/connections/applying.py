"""Gives charge points a version (OPER): one, a whole site, or one that came under the operator later.

Every way ends in `Assigning.assign`, in the caller's transaction; gateways see the change within a second.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sliproad.features.accounts.model import OperatorActor
from sliproad.features.charge_points.model import ChargePoint
from sliproad.features.charge_points.service import RegistryService
from sliproad.features.connections import assignments_store, version_rules, versions_store
from sliproad.features.connections.assigning import Assigning
from sliproad.features.connections.model import OFF, ConnectionState, Version
from sliproad.features.connections.move_model import course
from sliproad.features.connections.sealing import ConnectionSecrets
from sliproad.features.connections.store import ConnectionAssignmentRow
from sliproad.features.sites.service import SiteService
from sliproad.foundation.bus import Bus
from sliproad.foundation.database import Database, Session
from sliproad.foundation.errors import Conflict, InvalidInput, NotFound
from sliproad.foundation.web import Page

CHANGED = "connections.changed"
"""Said on the bus after a commit that gateways are to see; they look for themselves every second anyway."""


@dataclass(frozen=True, slots=True)
class ConnectionApplying:
    """Use cases of an operator: apply, and see what became of it."""

    database: Database
    bus: Bus
    assigning: Assigning
    registry: RegistryService
    sites: SiteService
    secrets: ConnectionSecrets

    async def apply_to_charger(
        self, actor: OperatorActor, name: str, version_id: str, off_policy: str, *, native: bool = False
    ) -> ConnectionState:
        """Give a version to the charge point with this serial number, or this id; with `native` it is itself moved there.

        Raises:
            NotFound: no such charge point on a site of this operator.
            Conflict: `serial_number_ambiguous`.
            InvalidInput: no such version, or it is for another charge point.
        """
        async with self.database.transaction(actor.scope) as session:
            charge_point = await self.find(session, actor, name)
            version = await self.version(session, actor, version_id)
            if version.is_for_one and version.serial_number not in {
                charge_point.serial_number,
                charge_point.charge_point_id,
            }:
                raise InvalidInput.field("version", f"is for the charge point {version.serial_number}, not this one")
            if sentence := version_rules.identity_error(version.identity_of(charge_point.serial_number)):
                raise InvalidInput.field(
                    "version", f"needs a chargePointId for this charge point: the serial number {sentence}"
                )
            if native and (sentence := self._unfit_for_native(version, charge_point)):
                raise InvalidInput.field("version", sentence)
            await self.assigning.assign(
                session, version, [charge_point], actor.actor_id, off_policy=off_policy, native=native
            )
            [state] = await self.states(session, actor, [charge_point])
        await self.bus.publish(CHANGED, {})
        return state

    async def apply_to_site(
        self, actor: OperatorActor, site_id: str, version_id: str, off_policy: str, *, native: bool = False
    ) -> list[ConnectionState]:
        """Give an operator-level version to every charge point of a site; with `native` they are themselves moved there.

        Raises:
            NotFound: no such site of this operator.
            InvalidInput: no such version, or it is for a single charge point.
        """
        async with self.database.transaction(actor.scope) as session:
            version = await self.version(session, actor, version_id)
            charge_points = await self.on_site(session, actor, site_id, version)
            fit, unfit = split_by_identity(version, charge_points)
            if native:
                fit, too = self._split_by_password(version, fit)
                unfit += too
            await self.assigning.assign(session, version, fit, actor.actor_id, off_policy=off_policy, native=native)
            found = await self.states(session, actor, fit)
        await self.bus.publish(CHANGED, {})
        return found + unfit

    def _unfit_for_native(self, version: Version, charge_point: ChargePoint) -> str | None:
        """Why this charge point can't be given these settings itself: the password must be one that it takes."""
        if version.connectivity_mode == OFF:
            return None
        return course.unfit(charge_point.ocpp_version, self.secrets.open(version.password_sealed))

    def _split_by_password(
        self, version: Version, charge_points: Sequence[ChargePoint]
    ) -> tuple[list[ChargePoint], list[ConnectionState]]:
        """Those that take the password, and what to say of the others."""
        sentences = {each.key: self._unfit_for_native(version, each) for each in charge_points}
        unfit = [
            ConnectionState(
                each.charge_point_id, each.serial_number, "failed", reason=f"The version {sentences[each.key]}."
            )
            for each in charge_points
            if sentences[each.key]
        ]
        return [each for each in charge_points if not sentences[each.key]], unfit

    async def on_site(
        self, session: Session, actor: OperatorActor, site_id: str, version: Version
    ) -> Sequence[ChargePoint]:
        """The charge points of a site that gets a version; the site stays the operator's until the transaction ends."""
        if version.is_for_one:
            raise InvalidInput.field("version", "is for a single charge point; a site takes operator-level versions")
        await self.sites.of_operator(session, actor, site_id)
        return await self.registry.of_site(session, site_id)

    async def version(self, session: Session, actor: OperatorActor, version_id: str) -> Version:
        """A version of the operator's, named in a body. Raises InvalidInput."""
        version = await versions_store.find_version(session, actor.operator_id, version_id)
        if version is None:
            raise InvalidInput.field("version", "is not a version that you stored")
        return version

    async def find(self, session: Session, actor: OperatorActor, name: str) -> ChargePoint:
        """The charge point of the operator's with this serial number or id; its site stays the operator's until the transaction ends.

        Raises:
            NotFound: there is none on a site of this operator.
            Conflict: `serial_number_ambiguous`, with the ids.
        """
        found = await self.registry.called(session, name)
        if len(found) > 1:
            raise Conflict(
                "Several charge points of yours have this serial number. Use one of these ids in its place.",
                code="serial_number_ambiguous",
                candidates=tuple(charge_point.charge_point_id for charge_point in found),
            )
        if not found:
            raise NotFound("There is no such charge point on a site that has you as operator.")
        try:
            await self.sites.of_operator(session, actor, found[0].site_id)
        except NotFound:
            raise NotFound("There is no such charge point on a site that has you as operator.") from None
        return found[0]

    async def state_of_charger(self, actor: OperatorActor, name: str) -> ConnectionState:
        """How the connection of one charge point is. Raises as `find`."""
        async with self.database.transaction(actor.scope) as session:
            charge_point = await self.find(session, actor, name)
            [state] = await self.states(session, actor, [charge_point])
        return state

    async def states_of_site(
        self, actor: OperatorActor, site_id: str, page: Page
    ) -> tuple[list[ConnectionState], Mapping[str, int], str | None]:
        """A page of a site's charge points, how many of the site are in which state, and the next cursor.

        Raises:
            NotFound: no such site of this operator.
        """
        after = page.after(int)
        async with self.database.transaction(actor.scope) as session:
            await self.sites.of_operator(session, actor, site_id)
            charge_points = await self.registry.of_site(session, site_id)
            all_states = await self.states(session, actor, charge_points)
        counts: dict[str, int] = {}
        for state in all_states:
            counts[state.state] = counts.get(state.state, 0) + 1
        pairs = [
            (charge_point.key, state)
            for charge_point, state in zip(charge_points, all_states, strict=True)
            if after is None or charge_point.key > after[0]
        ]
        kept, next_cursor = page.cut(pairs, lambda pair: (pair[0],))
        return [state for _, state in kept], counts, next_cursor

    async def states(
        self, session: Session, actor: OperatorActor, charge_points: Sequence[ChargePoint]
    ) -> list[ConnectionState]:
        """How their connections are, in the same order."""
        rows = await assignments_store.select_assignments(session, [each.key for each in charge_points])
        return [state_of(each, rows.get(each.key), actor.operator_id) for each in charge_points]


def state_of(charge_point: ChargePoint, row: ConnectionAssignmentRow | None, operator_id: str) -> ConnectionState:
    """What an operator sees of a charge point: never the connection of another one."""
    if row is None or row.operator_id != operator_id:
        return ConnectionState(charge_point.charge_point_id, charge_point.serial_number, "off")
    return ConnectionState(
        charge_point_id=charge_point.charge_point_id,
        serial_number=charge_point.serial_number,
        state=row.state,
        version_id=row.version_id,
        identity=row.identity,
        reason=row.reason,
        state_at=row.state_at,
        connected_at=row.connected_at,
    )


def split_by_identity(
    version: Version, charge_points: Sequence[ChargePoint]
) -> tuple[list[ChargePoint], list[ConnectionState]]:
    """Those that can be called by their serial numbers, and what to say of the others."""
    fit, unfit = [], []
    numbers = Counter(charge_point.serial_number for charge_point in charge_points)
    for charge_point in charge_points:
        sentence = version_rules.identity_error(version.identity_of(charge_point.serial_number))
        if numbers[charge_point.serial_number] > 1:
            sentence = "is that of several charge points here"
        if sentence is None:
            fit.append(charge_point)
        else:
            reason = f"The serial number {sentence}. Store a version for this charge point with a chargePointId."
            unfit.append(
                ConnectionState(charge_point.charge_point_id, charge_point.serial_number, "failed", reason=reason)
            )
    return fit, unfit
