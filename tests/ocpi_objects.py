"""Objects as the specification describes them, for tests: whole, and of the party that is asked for."""

import copy
from typing import Any

STAMP = "2026-05-01T09:00:00Z"
LOCATION: dict[str, Any] = {
    "country_code": "FR",
    "party_id": "ABC",
    "id": "LOC1",
    "publish": True,
    "name": "Gare du Nord",
    "address": "18 Rue de Dunkerque",
    "city": "Paris",
    "postal_code": "75010",
    "country": "FRA",
    "coordinates": {"latitude": "48.88094", "longitude": "2.35535"},
    "parking_type": "ON_STREET",
    "evses": [
        {
            "uid": "3256",
            "evse_id": "FR*ABC*E1041503001",
            "status": "AVAILABLE",
            "capabilities": ["RESERVABLE", "RFID_READER"],
            "connectors": [
                {
                    "id": "1",
                    "standard": "IEC_62196_T2",
                    "format": "CABLE",
                    "power_type": "AC_3_PHASE",
                    "max_voltage": 230,
                    "max_amperage": 32,
                    "tariff_ids": ["11"],
                    "last_updated": STAMP,
                }
            ],
            "last_updated": STAMP,
        }
    ],
    "operator": {"name": "ABC Énergie"},
    "time_zone": "Europe/Paris",
    "x_marketing": {"claim": "plug and go"},
    "last_updated": STAMP,
}
TARIFF: dict[str, Any] = {
    "country_code": "FR",
    "party_id": "ABC",
    "id": "11",
    "currency": "EUR",
    "elements": [{"price_components": [{"type": "ENERGY", "price": 0.39, "vat": 20.0, "step_size": 1}]}],
    "last_updated": STAMP,
}
TOKEN: dict[str, Any] = {
    "country_code": "NL",
    "party_id": "XYZ",
    "uid": "012345678",
    "type": "RFID",
    "contract_id": "NL8XYZ12345678V",
    "issuer": "XYZ Mobility",
    "valid": True,
    "whitelist": "ALLOWED",
    "last_updated": STAMP,
}
CDR_TOKEN = {name: TOKEN[name] for name in ("country_code", "party_id", "uid", "type", "contract_id")}
PERIOD = {"start_date_time": "2026-05-01T08:00:00Z", "dimensions": [{"type": "ENERGY", "volume": 15.342}]}
SESSION: dict[str, Any] = {
    "country_code": "FR",
    "party_id": "ABC",
    "id": "S-101",
    "start_date_time": "2026-05-01T08:00:00Z",
    "kwh": 0.0,
    "cdr_token": CDR_TOKEN,
    "auth_method": "WHITELIST",
    "location_id": "LOC1",
    "evse_uid": "3256",
    "connector_id": "1",
    "currency": "EUR",
    "status": "ACTIVE",
    "last_updated": STAMP,
}
CDR: dict[str, Any] = {
    "country_code": "FR",
    "party_id": "ABC",
    "id": "CDR-1",
    "start_date_time": "2026-05-01T08:00:00Z",
    "end_date_time": "2026-05-01T09:58:23Z",
    "session_id": "S-101",
    "cdr_token": CDR_TOKEN,
    "auth_method": "WHITELIST",
    "cdr_location": {
        "id": "LOC1",
        "address": "18 Rue de Dunkerque",
        "city": "Paris",
        "country": "FRA",
        "coordinates": {"latitude": "48.88094", "longitude": "2.35535"},
        "evse_uid": "3256",
        "evse_id": "FR*ABC*E1041503001",
        "connector_id": "1",
        "connector_standard": "IEC_62196_T2",
        "connector_format": "CABLE",
        "connector_power_type": "AC_3_PHASE",
    },
    "currency": "EUR",
    "charging_periods": [PERIOD],
    "total_cost": {"excl_vat": 4.0, "incl_vat": 4.4},
    "total_energy": 15.342,
    "total_time": 1.973,
    "last_updated": STAMP,
}


def a(kind: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """A copy of `kind`, changed; a field set to `...` is left out."""
    made = copy.deepcopy(kind) | changes
    return {name: value for name, value in made.items() if value is not ...}
