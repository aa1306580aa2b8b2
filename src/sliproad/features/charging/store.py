"""Rows of transactions, their events and the meter's readings. Hot writes are in `statements`, reads in `queries`."""

from datetime import datetime
from decimal import Decimal

from sqlalchemy import BigInteger, Identity, Index, Numeric, Sequence, Text, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from sliproad.foundation.database import Row, visible_to

ENERGY = Numeric(20, 3)
"""Wh; holds the 53-bit registers that `ocpp` lets through."""

transaction_ids_16 = Sequence("transaction_ids_16", start=1, minvalue=1, maxvalue=2**31 - 1, metadata=Row.metadata)
"""Transaction ids that we give out to 1.6 charge points: positive int32, never reused, unique in the installation."""


class TransactionRow(Row):
    """A charging transaction, known from whichever of its messages came first; what is not known yet is null."""

    __tablename__ = "transactions"
    __table_args__ = (
        Index(
            "transactions_transaction_id_key",
            "charge_point_key",
            "transaction_id",
            unique=True,
            postgresql_where=text("is_known"),
        ),
        Index("transactions_start_key_key", "charge_point_key", "start_key", unique=True),
        Index("transactions_organization_id_received_at_idx", "organization_id", "received_at", "transaction_key"),
        Index(
            "transactions_open_idx",
            "charge_point_key",
            "evse_id",
            postgresql_where=text("stop_received_at is null"),
        ),
        {"info": visible_to("organization", "charge_point"), "postgresql_with": {"fillfactor": 80}},
    )

    transaction_key: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    charge_point_key: Mapped[int] = mapped_column(BigInteger)
    organization_id: Mapped[str]
    transaction_id: Mapped[str]
    """OCPP's: given out by us in 1.6, by the charge point in 2.x."""
    is_known: Mapped[bool] = mapped_column(server_default=text("true"))
    """False: a 1.6 charge point named an id that we never gave it. Such a row stays apart from ours."""
    start_key: Mapped[str | None]
    """1.6: what makes a StartTransaction the same message again (connector, idTag, timestamp, meterStart).

    Of a stop of an unknown transaction: what makes that stop the same again.
    """
    evse_id: Mapped[int | None]
    connector_id: Mapped[int | None]
    id_token: Mapped[str | None]
    id_token_type: Mapped[str | None]
    authorization_status: Mapped[str | None]
    """What the start was answered: `Accepted`, `Invalid`."""
    remote_start_id: Mapped[int | None]
    reservation_id: Mapped[int | None]
    started_at: Mapped[datetime | None]
    received_at: Mapped[datetime]
    """When the first message of this transaction came."""
    meter_start_wh: Mapped[Decimal | None] = mapped_column(ENERGY)
    stopped_at: Mapped[datetime | None]
    stop_received_at: Mapped[datetime | None]
    meter_stop_wh: Mapped[Decimal | None] = mapped_column(ENERGY)
    stop_reason: Mapped[str | None]
    stop_id_token: Mapped[str | None]
    charging_state: Mapped[str | None]
    charging_state_at: Mapped[datetime | None]
    flags: Mapped[list[str]] = mapped_column(ARRAY(Text), server_default=text("'{}'"))
    """What was odd about it when it came; `queries` adds what times, registers and seqNos tell. See `model.Flag`."""


class TransactionEventRow(Row):
    """A TransactionEvent of 2.x. The same event again meets its key; another one with a used seqNo is kept as well."""

    __tablename__ = "transaction_events"
    __table_args__ = ({"info": visible_to("organization", "charge_point")},)

    charge_point_key: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    transaction_id: Mapped[str] = mapped_column(primary_key=True)
    seq_no: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    event_type: Mapped[str] = mapped_column(primary_key=True)
    at: Mapped[datetime] = mapped_column(primary_key=True)
    organization_id: Mapped[str]
    received_at: Mapped[datetime]
    trigger_reason: Mapped[str]
    offline: Mapped[bool]
    charging_state: Mapped[str | None]


class MeterValueRow(Row):
    """A reading of a meter at one moment: its sampled values as sent, and the energy register read out of them."""

    __tablename__ = "meter_values"
    __table_args__ = (
        Index("meter_values_received_at_idx", "received_at", postgresql_using="brin"),
        {"info": visible_to("organization", "charge_point")},
    )

    charge_point_key: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    transaction_id: Mapped[str] = mapped_column(primary_key=True)
    """Empty outside a transaction."""
    at: Mapped[datetime] = mapped_column(primary_key=True)
    evse_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    """1.6: the connector."""
    content_key: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    """A checksum of the sampled values, so that the same reading again is the same row."""
    organization_id: Mapped[str]
    received_at: Mapped[datetime]
    energy_wh: Mapped[Decimal | None] = mapped_column(ENERGY)
    """Energy.Active.Import.Register, in Wh."""
    sampled: Mapped[str]
    """JSON text: the sampled values as sent. Text, for it is only kept (see frame_log)."""
