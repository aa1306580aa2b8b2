"""Puts the hub together from a process's parts. `app/services.py` calls it once."""

from dataclasses import dataclass

from sliproad.features.roaming.admission import Admission
from sliproad.features.roaming.callbacks import Callbacks
from sliproad.features.roaming.delivery import Delivery
from sliproad.features.roaming.forwarding import Forwarding
from sliproad.features.roaming.hub import Hub
from sliproad.features.roaming.model import Identity
from sliproad.features.roaming.ocpi_routes import OcpiEdge
from sliproad.features.roaming.parties import Parties
from sliproad.features.roaming.peers import Peers
from sliproad.features.roaming.presence import Presence
from sliproad.features.roaming.quick_start import QuickStart
from sliproad.features.roaming.registration import Registration
from sliproad.foundation.clock import Clock
from sliproad.foundation.crypto import SecretKey
from sliproad.foundation.database import Database
from sliproad.foundation.jobs import Jobs
from sliproad.foundation.outbound import OutboundClient


@dataclass(frozen=True, slots=True)
class RoamingRoom:
    """What others use of the hub."""

    parties: Parties
    edge: OcpiEdge
    delivery: Delivery
    presence: Presence
    quick_start: QuickStart


def assemble(
    engine: Database, clock: Clock, jobs: Jobs, *, secret_key: SecretKey, client: OutboundClient, identity: Identity
) -> RoamingRoom:
    """The hub over one set of parts; `engine` speaks as the role of that name."""
    admission, peers = Admission(engine, clock, secret_key), Peers(client, secret_key)
    presence = Presence(engine, clock, jobs, peers)
    registration = Registration(engine, clock, admission=admission, peers=peers, presence=presence, identity=identity)
    callbacks = Callbacks(engine, clock, admission=admission, peers=peers, identity=identity)
    forwarding = Forwarding(engine, peers=peers, presence=presence, callbacks=callbacks, identity=identity)
    hub = Hub(engine, clock, jobs, identity=identity, presence=presence, forwarding=forwarding, callbacks=callbacks)
    quick_start = QuickStart(hub, registration)
    edge = OcpiEdge(
        clock, admission=admission, registration=registration, hub=hub, identity=identity, quick_start=quick_start
    )
    delivery = Delivery(engine, clock, jobs, peers, presence)
    return RoamingRoom(Parties(registration), edge, delivery, presence, quick_start)
