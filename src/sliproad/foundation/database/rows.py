"""The declarative base of all row classes. Each feature's `store` defines its own rows and is the only one to touch them."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import DateTime, MetaData
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import DeclarativeBase

NAMES = {
    "ix": "%(table_name)s_%(column_0_N_name)s_idx",
    "uq": "%(table_name)s_%(column_0_N_name)s_key",
    "ck": "%(table_name)s_%(constraint_name)s_check",
    "fk": "%(table_name)s_%(column_0_N_name)s_fkey",
    "pk": "%(table_name)s_pkey",
}

KINDS = frozenset(
    {
        "organization",
        "project",
        "owned_project",
        "charge_point",
        "site",
        "installer",
        "user",
        "operator",
        "operated_site",
        "lookup",
        "engine",
    }
)


class Kept(NamedTuple):
    """How long a table's rows stay; `foundation/retention.py` deletes them afterwards."""

    days: float
    since: str
    """The column with the time from which the days count; rows where it is null stay."""
    where: str
    """Which rows at all, as an SQL condition over the table's own columns."""


class Row(DeclarativeBase):
    """A table. Every one says in `__table_args__` who may see its rows: `{"info": visible_to("organization", …)}`."""

    metadata = MetaData(naming_convention=NAMES)
    type_annotation_map = {  # noqa: RUF012 (SQLAlchemy reads it off the class)
        datetime: DateTime(timezone=True),
        dict[str, Any]: JSONB,
        list[Any]: JSONB,
    }


def visible_to(*kinds: str, lookup: Sequence[str] = ()) -> dict[str, Any]:
    """Who may see (and write) a table's rows as role `web`; see `policies.py` for each kind's condition.

    `organization`: column `organization_id`; `project`: `project_id`; `owned_project`: the same, for owners
    of its site alone; `charge_point`: `charge_point_key`; `site`: `site_id`; `installer`: `installer_id`; `user`:
    `user_id`; `operator`: `operator_id`; `operated_site`: `site_id` of a site that has this operator; `lookup`: the text
    columns in `lookup` equal the scope's lookup value; `engine`: nobody but gateway and workers.
    """
    if unknown := set(kinds) - KINDS:
        raise ValueError(f"unknown visibility: {sorted(unknown)}")
    return {"visible_to": frozenset(kinds), "lookup": tuple(lookup)}


def kept(days: float, *, since: str, where: str = "true") -> dict[str, Any]:
    """How long a table's rows stay; stands beside who may see them.

    `{"info": visible_to("engine") | kept(30, since="at")}`. `where` is an SQL condition for the rows that may go at all; it
    holds nothing from outside.
    """
    return {"kept": Kept(days, since, where)}
