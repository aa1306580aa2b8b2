"""The variables that a virtual OCPP 2.x charge point leaves the factory with: a table, read by `versions`."""

from collections.abc import Callable

from sliproad.simulator.device_model import Variable
from sliproad.simulator.meter import DC_FROM_W, IMPORT_REGISTER, MEASURANDS, Meter
from sliproad.simulator.station import Station
from sliproad.simulator.value_rules import (
    is_basic_auth_password,
    is_boolean,
    is_measurand_list,
    is_text,
    is_unsigned,
)

DEFAULT_MEASURANDS = f"{IMPORT_REGISTER},Power.Active.Import,Current.Import,Voltage"
ITEMS_PER_MESSAGE = 20
LOCAL_ADDRESS = "192.168.1.101"
AC_CONNECTOR, DC_CONNECTOR = "cType2", "cCCS2"
TX_POINTS = "ParkingBayOccupancy,EVConnected,Authorized,DataSigned,PowerPathClosed,EnergyTransfer"


def factory_variables(station: Station) -> list[Variable]:
    """All variables of a charge point, those of its EVSEs and connectors included."""
    fiscal = _fiscal_metering(station) if station.settings.meter_type is not None else []
    return [
        *_identity(station),
        *_outlets(station),
        *_communication(),
        *_network(station),
        *_transactions(),
        *_limits(),
        *fiscal,
    ]


def _seconds(component: str, name: str, value: int, instance: str | None = None, *, reboot: bool = False) -> Variable:
    return Variable(component, name, str(value), is_unsigned, "integer", instance, unit="s", needs_reboot=reboot)


def _number(component: str, name: str, value: int, instance: str | None = None) -> Variable:
    return Variable(component, name, str(value), is_unsigned, "integer", instance)


def _flag(component: str, name: str, *, on: bool) -> Variable:
    return Variable(component, name, str(on).lower(), is_boolean, "boolean")


def _measurand_list(component: str, name: str, value: str) -> Variable:
    return Variable(component, name, value, is_measurand_list, "MemberList", values_list=",".join(MEASURANDS))


def _fixed(component: str, name: str, value: str, data_type: str = "string", instance: str | None = None) -> Variable:
    return Variable(component, name, value, None, data_type, instance)


def _identity(station: Station) -> list[Variable]:
    plate = station.settings
    return [
        _fixed("ChargingStation", "Available", "true", "boolean"),
        _fixed("ChargingStation", "AvailabilityState", "Available", "OptionList"),
        _fixed("ChargingStation", "Problem", "false", "boolean"),
        _fixed("ChargingStation", "Model", plate.model[:20]),
        _fixed("ChargingStation", "VendorName", plate.vendor[:50]),
        _fixed("ChargingStation", "SerialNumber", plate.serial_number[:25]),
        Variable("ChargingStation", "FirmwareVersion", "", live=lambda: station.firmware_version),
        _fixed("ChargingStation", "SupplyPhases", "3", "integer"),
        Variable("SecurityCtrlr", "BasicAuthPassword", "", is_basic_auth_password, write_only=True),
        _fixed("RCD", "Available", "true", "boolean"),
        _fixed("DataLink", "NetworkAddress", LOCAL_ADDRESS),
        Variable("DataLink", "SignalStrength", "-71", data_type="decimal", unit="dBm"),
        _fixed("SecurityCtrlr", "Identity", plate.identity[:48]),
        Variable("SecurityCtrlr", "OrganizationName", "Sliproad", is_text),
        _fixed("SecurityCtrlr", "SecurityProfile", "2" if plate.url.startswith("wss") else "1", "integer"),
        _fixed("SecurityCtrlr", "CertificateEntries", "0", "integer"),
        Variable("ClockCtrlr", "DateTime", "", data_type="dateTime", live=station.clock.stamp),
        Variable("ClockCtrlr", "TimeSource", "Heartbeat", is_text, "SequenceList", values_list="Heartbeat,NTP"),
    ]


def _outlets(station: Station) -> list[Variable]:
    power_w = station.settings.max_power_w
    kind = DC_CONNECTOR if power_w >= DC_FROM_W else AC_CONNECTOR
    found: list[Variable] = []
    for number, connector in station.connectors.items():
        state = _live_state(station, number)
        found += [
            Variable("EVSE", "Available", "true", data_type="boolean", evse=number),
            Variable("EVSE", "AvailabilityState", "", data_type="OptionList", evse=number, live=state),
            Variable("EVSE", "SupplyPhases", "3", data_type="integer", evse=number),
            Variable(
                "EVSE",
                "Power",
                "0",
                data_type="decimal",
                evse=number,
                unit="W",
                max_limit=power_w,
                live=_live_power(connector.meter),
            ),
            Variable("Connector", "Available", "true", data_type="boolean", evse=number, connector=1),
            Variable(
                "Connector", "AvailabilityState", "", data_type="OptionList", evse=number, connector=1, live=state
            ),
            Variable("Connector", "ConnectorType", kind, evse=number, connector=1),
            Variable("Connector", "SupplyPhases", "3", data_type="integer", evse=number, connector=1),
        ]
    return found


def _live_state(station: Station, number: int) -> Callable[[], str]:
    return lambda: station.dialect.reported_status(station.connectors[number])


def _live_power(meter: Meter) -> Callable[[], str]:
    return lambda: str(meter.power_w)


def _live_register(meter: Meter) -> Callable[[], str]:
    return lambda: str(int(meter.register_wh))


def _communication() -> list[Variable]:
    name = "OCPPCommCtrlr"
    return [
        _seconds(name, "HeartbeatInterval", 300),
        _seconds(name, "WebSocketPingInterval", 60, reboot=True),
        _seconds(name, "OfflineThreshold", 600),
        _seconds(name, "RetryBackOffRandomRange", 10),
        _number(name, "RetryBackOffRepeatTimes", 5),
        _seconds(name, "RetryBackOffWaitMinimum", 5),
        _number(name, "NetworkProfileConnectionAttempts", 3),
        _number(name, "MessageAttempts", 3, "TransactionEvent"),
        _seconds(name, "MessageAttemptInterval", 10, "TransactionEvent"),
        _fixed(name, "MessageTimeout", "30", "integer", "Default"),
        _fixed(name, "FileTransferProtocols", "HTTP,HTTPS", "MemberList"),
        _number(name, "ResetRetries", 3),
        _flag(name, "QueueAllMessages", on=False),
        _flag(name, "UnlockOnEVSideDisconnect", on=True),
    ]


def _network(station: Station) -> list[Variable]:
    name, slots = "OCPPCommCtrlr", "0,1,2,3"
    return [
        Variable(
            name, "NetworkConfigurationPriority", "0", is_text, "SequenceList", values_list=slots, needs_reboot=True
        ),
        Variable(name, "ActiveNetworkProfile", "0", data_type="integer", live=lambda: station.active_slot),
    ]


def _transactions() -> list[Variable]:
    return [
        _flag("SampledDataCtrlr", "Enabled", on=True),
        _fixed("SampledDataCtrlr", "Available", "true", "boolean"),
        _measurand_list("SampledDataCtrlr", "TxStartedMeasurands", IMPORT_REGISTER),
        _measurand_list("SampledDataCtrlr", "TxUpdatedMeasurands", DEFAULT_MEASURANDS),
        _seconds("SampledDataCtrlr", "TxUpdatedInterval", 60),
        _measurand_list("SampledDataCtrlr", "TxEndedMeasurands", IMPORT_REGISTER),
        _seconds("SampledDataCtrlr", "TxEndedInterval", 0),
        _flag("AlignedDataCtrlr", "Enabled", on=True),
        _fixed("AlignedDataCtrlr", "Available", "true", "boolean"),
        _measurand_list("AlignedDataCtrlr", "Measurands", DEFAULT_MEASURANDS),
        _seconds("AlignedDataCtrlr", "Interval", 0),
        _measurand_list("AlignedDataCtrlr", "TxEndedMeasurands", ""),
        _seconds("AlignedDataCtrlr", "TxEndedInterval", 0),
        _flag("AlignedDataCtrlr", "SendDuringIdle", on=False),
        _flag("AuthCtrlr", "Enabled", on=True),
        _flag("AuthCtrlr", "AuthorizeRemoteStart", on=False),
        _flag("AuthCtrlr", "LocalAuthorizeOffline", on=True),
        _flag("AuthCtrlr", "LocalPreAuthorize", on=False),
        _flag("AuthCtrlr", "OfflineTxForUnknownIdEnabled", on=False),
        _flag("AuthCacheCtrlr", "Enabled", on=False),
        _flag("LocalAuthListCtrlr", "Enabled", on=True),
        _fixed("LocalAuthListCtrlr", "Available", "true", "boolean"),
        _fixed("LocalAuthListCtrlr", "Entries", "0", "integer"),
        _fixed("LocalAuthListCtrlr", "ItemsPerMessage", "100", "integer"),
        _seconds("TxCtrlr", "EVConnectionTimeOut", 60),
        _flag("TxCtrlr", "StopTxOnEVSideDisconnect", on=True),
        _flag("TxCtrlr", "StopTxOnInvalidId", on=True),
        _number("TxCtrlr", "MaxEnergyOnInvalidId", 0),
        Variable("TxCtrlr", "TxStartPoint", "PowerPathClosed", None, "MemberList", values_list=TX_POINTS),
        Variable("TxCtrlr", "TxStopPoint", "PowerPathClosed", None, "MemberList", values_list=TX_POINTS),
    ]


def _limits() -> list[Variable]:
    reading = [
        _fixed("DeviceDataCtrlr", "ItemsPerMessage", str(ITEMS_PER_MESSAGE), "integer", action)
        for action in ("GetReport", "GetVariables", "SetVariables")
    ]
    sizes = [
        _fixed("DeviceDataCtrlr", "BytesPerMessage", "65536", "integer", action)
        for action in ("GetReport", "GetVariables", "SetVariables")
    ]
    return [
        *reading,
        *sizes,
        _fixed("SmartChargingCtrlr", "Available", "true", "boolean"),
        _flag("SmartChargingCtrlr", "Enabled", on=True),
        _fixed("SmartChargingCtrlr", "ProfileStackLevel", "8", "integer"),
        _fixed("SmartChargingCtrlr", "RateUnit", "A,W", "MemberList"),
        _fixed("SmartChargingCtrlr", "PeriodsPerSchedule", "24", "integer"),
        _fixed("ReservationCtrlr", "Available", "false", "boolean"),
        _fixed("MonitoringCtrlr", "Available", "false", "boolean"),
        _fixed("DisplayMessageCtrlr", "Available", "false", "boolean"),
        _fixed("TariffCostCtrlr", "Available", "false", "boolean"),
    ]


def _fiscal_metering(station: Station) -> list[Variable]:
    """A charger with a certified meter shows it by these (OCPP 2.x component FiscalMetering, SignReadings)."""
    registers = [
        Variable(
            "FiscalMetering",
            "EnergyImportRegister",
            "0",
            data_type="decimal",
            evse=number,
            unit="Wh",
            live=_live_register(connector.meter),
        )
        for number, connector in station.connectors.items()
    ]
    return [
        _fixed("FiscalMetering", "Available", "true", "boolean"),
        *registers,
        _flag("SampledDataCtrlr", "SignReadings", on=False),
        Variable(
            "OCPPCommCtrlr",
            "PublicKeyWithSignedMeterValue",
            "Never",
            is_text,
            "OptionList",
            values_list="Never,OncePerTransaction,EveryMeterValue",
        ),
    ]
