"""Why a charge point is not (or not yet) at the operator's server: the reasons that operators read."""

SHEET = "Enter the settings by hand: the settings sheet has them."

WAITS = "The move begins when the charge point connects here."
NEEDS_ONE = "needs a basicAuthPassword for native delivery: without one the charge point would show your server its password for ours"
OFFLINE_MEANWHILE = "The charge point went offline before it had taken all settings. Apply again when it is back."
NO_ANSWER = "The charge point did not answer {action} in three attempts."
NOT_REBOOTED = "The charge point took the settings but did not restart in time, so it is still here."
CAME_BACK = (
    "The charge point left and came back here: it did not get into your server. Look there for a refused connection."
)
NOT_CONFIRMED = (
    "The charge point has left, but you did not confirm its arrival in time. Where it has arrived, confirm it now; where it has"
    " not, it has to be set by hand: the settings sheet has what to enter."
)
RETURNED = "The charge point was at your server and has come back here. Apply again to send it back."
GONE = (
    "The charge point itself was moved to an operator's server and can't be reached from here. It comes back when its"
    " settings are changed there or at the charge point; the settings sheet for the way back has them."
)
NOT_RESTORED = " Its former settings could not be restored: {why}"

UNKNOWN_VENDOR = "How {vendor} calls the server's address in OCPP 1.6 is not known here. " + SHEET
READ_ONLY = "The charge point does not let its server's address ({key}) be changed over OCPP. " + SHEET
NO_IDENTITY_KEY = (
    "The charge point is called {here} here and can't be told over OCPP to be {there} elsewhere. Store a version for it with"
    " chargePointId {here}, or enter the settings by hand: the settings sheet has them."
)
NO_PRIORITY = (
    "The charge point does not tell its network profiles (OCPPCommCtrlr.NetworkConfigurationPriority): {status}. "
    + SHEET
)
NO_SLOT = (
    "The charge point took none of the network profiles that it was offered (SetNetworkProfile: {status}). " + SHEET
)
PRIORITY_REFUSED = "The charge point did not take the order of its network profiles: {status}. " + SHEET
PASSWORD_REFUSED = "The charge point did not take the password ({status}). " + SHEET
CERTIFICATE_REFUSED = "The charge point did not take your server's CA certificate ({status}). " + SHEET
CERTIFICATE_TOO_LONG = "The CA certificate is longer than OCPP {version} allows ({most} characters). " + SHEET
URL_TOO_LONG = "The address is longer than OCPP {version} allows ({most} characters). " + SHEET
KEY_REFUSED = "The charge point did not take {key} ({status}). " + SHEET
RESET_REFUSED = "The charge point refuses to restart ({status}), and the settings take effect at a restart."
