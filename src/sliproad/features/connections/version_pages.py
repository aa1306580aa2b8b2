"""`/operator/versions`: an operator's stored details, one beside another, and new ones; `/operator/changes`: who did what."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request
from pydantic import StringConstraints
from starlette.responses import Response

from sliproad.features.accounts.page_guards import OperatorPage
from sliproad.features.connections import version_rules
from sliproad.features.connections.desk_pages import PAGES
from sliproad.features.connections.model import NewVersion, Version
from sliproad.features.connections.sentences import change_label
from sliproad.features.connections.versions import ConnectionVersions
from sliproad.foundation.errors import InvalidInput
from sliproad.foundation.language import gettext as _
from sliproad.foundation.web import PageQuery, RequestModel
from sliproad.foundation.web.ui import Column, Form, Table, see_other

PLACE = "/operator/versions"
FIELDS = {
    version_rules.URL: "url",
    version_rules.CERTIFICATE: "ca_certificate",
    version_rules.DOMAIN: "ca_certificate_domain",
    version_rules.PASSWORD: "basic_auth_password",
    version_rules.IDENTITY: "charge_point_id",
}
"""The API's names of fields -> the form's."""


class VersionForm(RequestModel):
    """OPER's body in one level."""

    connectivity_mode: Literal["DualProtocol", "OcppOff"]
    url: str
    ca_certificate: Annotated[str, StringConstraints(max_length=65536)] | None = None
    ca_certificate_domain: Annotated[str, StringConstraints(max_length=253)] | None = None
    basic_auth_password: str | None = None
    authorization_decision: Literal["either", "ours", "theirs", "both"] = "either"
    apply_to_new_devices: bool = False
    serial_number: Annotated[str, StringConstraints(strip_whitespace=True, max_length=100)] | None = None
    charge_point_id: str | None = None

    def version(self) -> NewVersion:
        """A single charger's details are not for those that come later."""
        return NewVersion(
            connectivity_mode=self.connectivity_mode,
            url=self.url.strip(),
            ca_certificate=self.ca_certificate,
            ca_certificate_domain=self.ca_certificate_domain,
            password=self.basic_auth_password,
            apply_to_new_devices=self.apply_to_new_devices and self.serial_number is None,
            authorization_decision=self.authorization_decision,
            serial_number=self.serial_number,
            charge_point_id=self.charge_point_id if self.serial_number else None,
        )


def router(versions: ConnectionVersions) -> APIRouter:
    """The list, one, two beside each other, a new one; and the record of changes."""
    web = APIRouter(include_in_schema=False)

    @web.get(PLACE)
    async def list_versions(request: Request, actor: OperatorPage, page: PageQuery) -> Response:
        found, total, next_cursor = await versions.page(actor, None, page)
        columns = [
            Column("choose", _("Compare")),
            Column("version", _("Connection details")),
            Column("whose", _("For")),
            Column("stored", _("Stored")),
        ]
        table = Table(request, columns, found, total=total, next_cursor=next_cursor, caption=_("Connection details"))
        return PAGES.render(request, "desk_versions.html", table=table)

    @web.get(f"{PLACE}/compare")
    async def compare(
        request: Request, actor: OperatorPage, version: Annotated[list[str], Query(max_length=10)]
    ) -> Response:
        chosen = version[:2] if len(version) > 1 else [version[0], version[0]]
        pair = sorted([await versions.find(actor, each) for each in chosen], key=lambda each: each.created_at)
        return PAGES.render(request, "desk_compare.html", pair=pair, rows=differences(versions, *pair))

    @web.get(f"{PLACE}/new")
    async def new(
        request: Request, actor: OperatorPage, version: Annotated[str, Query(alias="from", max_length=100)] = ""
    ) -> Response:
        form: Form[VersionForm] = Form.blank(connectivity_mode="DualProtocol", authorization_decision="either")
        if version:
            form = as_form(await versions.find(actor, version))
        return PAGES.render(request, "desk_version_new.html", form=form)

    @web.post(f"{PLACE}/new")
    async def store(request: Request, actor: OperatorPage) -> Response:
        form = await Form.read(request, VersionForm)
        if form.value is not None:
            try:
                _version, warnings = await versions.store(actor, form.value.version())
            except InvalidInput as error:
                for each in error.errors:
                    form.fail(FIELDS.get(each.field, each.field), _(each.message))
            else:
                notice = _("Stored. Apply it to a site or a charge point now.")
                if warnings:
                    notice = _("Stored. The password: %(warning)s.") % {"warning": _(warnings[0].message)}
                return see_other(request, PLACE, notice=notice)
        return PAGES.render(request, "desk_version_new.html", status_code=422, form=form)

    @web.get("/operator/changes")
    async def list_changes(request: Request, actor: OperatorPage, page: PageQuery) -> Response:
        found, next_cursor = await versions.changes(actor, None, page)
        columns = [
            Column("at", _("Time")),
            Column("change", _("What")),
            Column("whose", _("Charge point")),
            Column("actor", _("Who")),
        ]
        table = Table(request, columns, found, next_cursor=next_cursor, caption=_("Changes"))
        return PAGES.render(request, "desk_changes.html", table=table, change_label=change_label)

    return web


def as_form(version: Version) -> Form[Any]:
    """What a new version begins with that is to differ a little; without the password."""
    return Form.blank(
        connectivity_mode=version.connectivity_mode,
        url=version.url,
        ca_certificate=version.ca_certificate,
        ca_certificate_domain=version.ca_certificate_domain,
        authorization_decision=version.authorization_decision,
        apply_to_new_devices="true" if version.apply_to_new_devices else None,
        serial_number=version.serial_number,
        charge_point_id=version.charge_point_id,
    )


def differences(
    versions: ConnectionVersions, left: Version, right: Version
) -> list[tuple[str, str | None, str | None, bool]]:
    """(what, in the older one, in the newer one, whether they differ); of passwords only whether they do."""
    rows: list[tuple[str, str | None, str | None]] = [
        (_("Connection"), left.connectivity_mode, right.connectivity_mode),
        (_("Address of your server"), left.url, right.url),
        (_("Certificate of its CA"), left.ca_certificate, right.ca_certificate),
        (_("Domain in its certificate"), left.ca_certificate_domain, right.ca_certificate_domain),
        (_("Serial number"), left.serial_number, right.serial_number),
        (_("Identity at your server"), left.charge_point_id, right.charge_point_id),
        (_("For charge points that come later"), yes_no(left), yes_no(right)),
        (_("Who decides about tokens"), left.authorization_decision, right.authorization_decision),
    ]
    found = [(label, one, other, one != other) for label, one, other in rows]
    same = versions.has_same_password(left, right)
    one, other = (version_rules.MASK if each.password_sealed else None for each in (left, right))
    found.append((_("Password"), one, other, not same))
    return found


def yes_no(version: Version) -> str:
    """Whether it is for new devices, in a word."""
    return _("Yes") if version.apply_to_new_devices else _("No")
