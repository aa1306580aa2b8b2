"""A template as JSON, and back: what `templates_store` keeps of a version and what a session keeps of the one it began with. Pure."""

from collections.abc import Mapping
from dataclasses import asdict, replace
from datetime import datetime
from typing import Any

from sliproad.features.commissioning.templates import FirmwareExpectation, Setting, Template, Variable


def definition_of(template: Template) -> dict[str, Any]:
    """Everything of a template, JSON-able."""
    return asdict(template) | {
        "created_at": template.created_at.isoformat(),
        "settings": [asdict(setting) | {"variable": _variable(setting)} for setting in template.settings],
    }


def _variable(setting: Setting) -> list[str | None] | None:
    return None if setting.variable is None else list(setting.variable)


def template_of(definition: Mapping[str, Any]) -> Template:
    """The template that `definition_of` wrote."""
    firmware = definition["firmware"]
    parts = dict(definition) | {
        "created_at": datetime.fromisoformat(definition["created_at"]),
        "compatible_models": tuple(definition["compatible_models"]),
        "steps": tuple(definition["steps"]),
        "settings": tuple(_setting(setting) for setting in definition["settings"]),
        "firmware": None if firmware is None else FirmwareExpectation(**firmware),
    }
    return Template(**parts)


def _setting(definition: Mapping[str, Any]) -> Setting:
    setting = Setting(**definition)
    return setting if setting.variable is None else replace(setting, variable=Variable(*setting.variable))
