"""The ways in which a virtual charge point can misbehave.

Each is something installers meet in the field. A charger reads `settings.faults` at the place where the behaviour
happens; this table is what the command line and the tests list.
"""

from enum import StrEnum


class Fault(StrEnum):
    """A named misbehaviour; `ChargerSettings.faults` takes these or their plain names."""

    REJECTS_KEYS = "rejects_keys"
    REBOOTS_ON_CHANGE = "reboots_on_change"
    NO_TRIGGER_MESSAGE = "no_trigger_message"
    DROPS_SOCKET_ON_GET_CONFIGURATION = "drops_socket_on_get_configuration"
    BOOTS_IN_1970 = "boots_in_1970"
    NEVER_SENDS_HEARTBEATS = "never_sends_heartbeats"
    METER_RUNS_BACKWARDS = "meter_runs_backwards"
    REFUSES_REMOTE_START = "refuses_remote_start"
    DISCONNECTS_MID_TRANSACTION = "disconnects_mid_transaction"
    ANSWERS_LATE = "answers_late"
    APPENDS_SERIAL_TO_URL = "appends_serial_to_url"
    RECONNECTS_WITHOUT_BOOT = "reconnects_without_boot"
    NEVER_UPLOADS = "never_uploads"
    FAILS_TO_INSTALL = "fails_to_install"
    KEEPS_ITS_FIRMWARE = "keeps_its_firmware"


FAULTS: dict[Fault, str] = {
    Fault.REJECTS_KEYS: "answers Rejected to every write of a setting (or of those in `rejected_keys`)",
    Fault.REBOOTS_ON_CHANGE: "reboots by itself after every accepted write of a setting",
    Fault.NO_TRIGGER_MESSAGE: "does not know TriggerMessage: CALLERROR NotImplemented",
    Fault.DROPS_SOCKET_ON_GET_CONFIGURATION: "drops its socket, unanswered, when asked for more than one setting",
    Fault.BOOTS_IN_1970: "has no clock battery and never sets its clock: it lives in January 1970",
    Fault.NEVER_SENDS_HEARTBEATS: "sends no Heartbeat, triggered or not",
    Fault.METER_RUNS_BACKWARDS: "the energy register falls while the vehicle charges",
    Fault.REFUSES_REMOTE_START: "answers Rejected to every remote start",
    Fault.DISCONNECTS_MID_TRANSACTION: "loses its connection once in each transaction, after the first sample",
    Fault.ANSWERS_LATE: "answers every call only after `late_answer_seconds`",
    Fault.APPENDS_SERIAL_TO_URL: "appends its serial number, not its identity, to the URL it was given",
    Fault.RECONNECTS_WITHOUT_BOOT: "sends a BootNotification after a (re)boot only, not after a lost connection",
    Fault.NEVER_UPLOADS: "says that it uploads its log, and never does",
    Fault.FAILS_TO_INSTALL: "downloads firmware and then can't install it",
    Fault.KEEPS_ITS_FIRMWARE: "says that new firmware is installed, and boots with the old one",
}
