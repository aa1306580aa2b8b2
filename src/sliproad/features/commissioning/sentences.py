"""Every sentence that commissioning keeps of a session, as a pattern that pages can translate (`foundation.sentences`).

The engine (`steps`, `workflow`, `runner`, `apply_template`) writes them; a test holds each of its sentences against these. Also what
the use cases behind the pages refuse with, and what diagnostics say.
"""

from sliproad.foundation.language import marked
from sliproad.foundation.sentences import Sentences

STEPS = (
    # any step
    marked("Skipped as asked for at the start"),
    marked("Stopped before it was finished"),
    marked("Not finished within %(seconds)s s: still waiting for %(what)s"),
    marked("The charge point lost its connection and did not come back within the %(seconds)s s of this step"),
    marked("Check its power and its network: cable, SIM card, signal strength"),
    marked("The charge point did not answer %(action)s, asked %(times)s times"),
    marked("The charge point did not answer %(action)s, asked once"),
    marked("Check its connection and that its firmware is current"),
    marked("Check its connection and start again"),
    # connectivity
    marked("The charge point speaks OCPP %(spoken)s, but it is registered with OCPP %(registered)s"),
    marked("Set it to OCPP %(registered)s, or register it with OCPP %(spoken)s"),
    marked("WebSocket connected successfully over OCPP %(version)s, BootNotification accepted"),
    marked(
        "WebSocket connected successfully over OCPP %(version)s, back after a lost connection, its last BootNotification accepted"
    ),
    marked(
        "The charge point is connected, but its BootNotification is answered Pending, so that it may not charge yet: that is its "
        "boot policy here"
    ),
    marked(
        "The charge point is connected, but its BootNotification is answered Rejected: that is its boot policy here"
    ),
    marked("Ask the operator to set the boot policy to accepted, then restart the charge point"),
    marked("The charge point is connected, but has sent no BootNotification"),
    marked("Restart it; if that does not help, check that its OCPP mode is on"),
    # heartbeat
    marked("Heartbeat received on this connection"),
    marked("Heartbeat received within %(seconds)ss"),
    marked("The charge point can't be asked for a Heartbeat and sends one only every %(seconds)s s"),
    marked("Set its heartbeat interval to 300 s or less and start again"),
    marked("No Heartbeat arrived within %(seconds)s s"),
    marked("No Heartbeat arrived within %(seconds)s s although the charge point agreed to send one"),
    marked("Check that heartbeats are switched on in the charge point and that its firmware is current"),
    # firmware
    marked("Firmware %(version)s runs; nothing to update"),
    marked("The charge point tells no firmware version; nothing to update"),
    marked("The firmware can't be updated: %(what)s"),
    marked("Firmware updated from %(old)s to %(new)s"),
    marked("The firmware update to %(version)s failed"),
    marked("The firmware update did not end in time"),
    marked("Skipped: the charge point tells no firmware version, neither at its boot nor when asked"),
    marked("Firmware version %(version)s recorded"),
    marked("Firmware version %(version)s recorded, as expected: %(range)s"),
    marked("it is older than template %(template)s expects (%(range)s)"),
    marked("it is newer than template %(template)s expects (%(range)s)"),
    marked("Firmware version %(version)s is older than template %(template)s expects (%(range)s)"),
    marked("Firmware version %(version)s is newer than template %(template)s expects (%(range)s)"),
    marked("Update the firmware and start again"),
    marked("Choose a template that fits this firmware and start again"),
    # configuration
    marked("All %(count)s configuration keys applied"),
    marked("The template has no configuration keys for OCPP %(version)s"),
    marked("%(count)s of %(total)s configuration keys applied"),
    marked("not supported by the firmware: %(keys)s"),
    marked("rejected: %(keys)s"),
    marked("read-only with another value: %(keys)s"),
    marked("set, but read back with another value: %(keys)s"),
    marked("Set %(keys)s in the charge point's own menu"),
    marked("the template goes on without"),
    marked("Set %(keys)s in the charge point's own menu, or start again with a template that fits this model"),
    marked("Check that this is the right model and that its firmware is current"),
    # connectors
    marked("Connector %(connectors)s did not report a status when asked"),
    marked("Check its cabling inside the charge point, and whether the charge point really has %(count)s connectors"),
    marked("1 connector reports a status: %(statuses)s"),
    marked("%(count)s connectors report a status: %(statuses)s"),
    marked("each went out of service and came back"),
    marked("Connector %(connectors)s reports Faulted"),
    marked("Clear the fault at the charge point and start again"),
    marked("Connector %(connectors)s reports Faulted: clear the fault at the charge point before anyone charges there"),
    marked("Connector %(connector)s refused ChangeAvailability to %(state)s (%(reason)s)"),
    marked("Connector %(connector)s accepted ChangeAvailability to %(state)s, but still reports %(status)s"),
    marked("Connector %(connector)s accepted ChangeAvailability to %(state)s, but reported nothing"),
    marked("Restart the charge point and start again"),
    # meter
    marked(
        "Skipped: the charge point shows no meter support (it names no meter at its boot and has no key for signed readings)"
    ),
    marked("Meter readings are plausible: %(list)s"),
    marked("%(energy)s kWh at connector %(connector)s"),
    marked("Connector %(connector)s sent no meter readings when asked"),
    marked("Connector %(connector)s sends readings without its energy register"),
    marked("The energy register of connector %(connector)s fell from %(before)s Wh to %(after)s Wh"),
    marked("Connector %(connector)s reports %(volts)s V, which no healthy supply has"),
    marked("Connector %(connector)s reports %(amperes)s A although nothing charges there"),
    marked("Check the meter and its wiring"),
    marked("Connector %(connector)s does not send meter values when asked"),
    # test transaction
    marked("No connector is free for the test: %(statuses)s"),
    marked("Free one and start again"),
    marked("The charge point answered %(action)s with an error: it does not know how to"),
    marked("The charge point answered %(action)s with an error: %(error)s"),
    marked("The charge point rejected %(action)s at connector %(connector)s"),
    marked("Plug in the vehicle and start again"),
    marked("Check that remote start is allowed in its settings and that the connector shows no fault"),
    marked(
        "The charge point accepted the remote start, but no transaction began at connector %(connector)s within %(seconds)s s"
    ),
    marked("The charge point accepted the remote stop, but did not end the transaction within %(seconds)s s"),
    marked("The charge point refused %(action)s for the transaction that it runs"),
    marked("Unplug the vehicle to end it, and check the charge point's firmware"),
    marked("Test transaction completed, %(energy)s kWh delivered"),
    marked(
        "it came without the remoteStartId of our request (OCPP 2.x F01), so that it was known by its token alone: update the "
        "charge point's firmware"
    ),
    marked(
        "the register says %(average)s kW on average, more than the %(rated)s kW that the charge point is rated for: check the "
        "ratio of its meter"
    ),
    marked("The transaction ended by itself (%(reason)s) before we stopped it"),
    marked("The transaction ended by itself before we stopped it"),
    marked("Leave the vehicle plugged in until the test is over, and start again"),
    marked(
        "The transaction came with remoteStartId %(told)s instead of that of our request (OCPP 2.x F01), so that apps and roaming "
        "partners would take it for another's"
    ),
    marked("Update the charge point's firmware"),
    marked("The test transaction came without readings of the energy register"),
    marked("The energy register fell during the test, from %(before)s Wh to %(after)s Wh"),
    marked("The register showed %(last)s Wh while charging, but %(stop)s Wh at the end: the two disagree"),
    marked("Only %(delivered)s Wh were delivered, %(least)s Wh are the least that proves charging"),
    marked("Check that the vehicle is ready to charge and not full, and start again"),
)
WAITS = (
    marked("the charge point to connect again"),
    marked("the answer to %(action)s"),
    marked("a BootNotification"),
    marked("a Heartbeat"),
    marked("a Heartbeat, which comes every %(seconds)s s"),
    marked("firmware %(version)s to be installed: %(what)s"),
    marked("requested"),
    marked("downloading"),
    marked("downloaded"),
    marked("installing"),
    marked("the firmware update to begin"),
    marked("the firmware version"),
    marked("the charge point to tell which variables can be written"),
    marked("the charge point to restart"),
    marked("template %(template)s to be applied"),
    marked("the status of connector %(connectors)s"),
    marked("connector %(connector)s to go out of service"),
    marked("connector %(connector)s to go back in service"),
    marked("meter readings, which come every quarter of an hour unasked"),
    marked("meter readings, which come unasked"),
    marked("the meter readings of connector %(connector)s"),
    marked("a free connector (now: %(statuses)s)"),
    marked("the end of an earlier test at connector %(connector)s"),
    marked("the vehicle: plug it in at connector %(connector)s now"),
    marked("the test transaction: plug in the vehicle at connector %(connector)s now"),
    marked("the test transaction to begin at connector %(connector)s"),
    marked("the test transaction, if the charge point heard of it"),
    marked("the vehicle to draw energy (%(energy)s Wh so far)"),
    marked("another try to stop"),
    marked("the end of the test transaction"),
)
"""What a session waits for; each completes "Waiting for …"."""
LOG = (
    marked("Commissioning begins with template %(template)s"),
    marked("Step %(step)s begins"),
    marked("Waiting for %(what)s"),
    marked("%(action)s is sent"),
    marked("Paused at step %(step)s"),
    marked("The test transaction is stopped; resuming begins it anew"),
    marked("Resumed"),
    marked("Resumed at step %(step)s"),
    marked("Stopped"),
    marked("Stopped at step %(step)s"),
    marked("All steps passed"),
    marked("Put live by %(person)s"),
    marked("Starting a test transaction at connector %(connector)s"),
    marked("Stopping test transaction %(transaction)s"),
    marked("Test transaction %(transaction)s began"),
    marked("Key '%(key)s' set to '%(value)s'"),
    marked("Key '%(key)s' set to '%(value)s', takes effect after a reboot"),
    marked("Key '%(key)s' can't be set to '%(value)s': %(reason)s"),
    marked("Key '%(key)s' not supported by firmware — skipped"),
    marked("The charge point did not answer when asked for several keys at once: asking key by key"),
    marked("The charge point dropped its connection when asked for several keys at once: asking key by key"),
    marked("The charge point refused when asked for several keys at once: asking key by key"),
    marked("Restarting the charge point (%(kind)s), since some keys take effect only then"),
    marked("%(person)s applies template %(template)s"),
    marked("Template %(template)s was not applied: the charge point did not answer"),
    marked("Template %(template)s applied: %(count)s of %(total)s keys"),
    marked("not applied: %(keys)s"),
    marked("%(action)s received"),
    marked("%(action)s sent"),
    marked("%(action)s received and refused with %(error)s"),
    marked("%(action)s sent and refused with %(error)s"),
    marked("Answer to %(action)s received after %(milliseconds)s ms"),
    marked("Answer to %(action)s received"),
    marked("Answer to %(action)s sent"),
    marked("Error %(error)s to %(action)s received after %(milliseconds)s ms"),
    marked("Error %(error)s to %(action)s received"),
    marked("Error %(error)s to %(action)s sent"),
    marked("%(action)s was answered %(status)s"),
    marked("%(action)s was answered"),
    marked("%(action)s was answered with the error %(error)s"),
    marked("%(action)s was not answered in time"),
    marked("%(action)s was not answered: the connection was lost"),
    marked("%(action)s was interrupted by a restart of the platform"),
    marked("%(action)s could not be sent: the charge point is not connected"),
    marked("the project asks for the charge point to be put live by hand"),
)
REFUSALS = (
    marked("Commissioning has not been started for this charge point"),
    marked("A commissioning session is already active for this charge point"),
    marked("The charge point is not connected"),
    marked("Look at its connection attempts to see why"),
    marked("This charge point has already been commissioned"),
    marked("The newest commissioning session of this charge point has not passed"),
    marked("This commissioning session is %(what)s; it can't be %(why)s now"),
    marked("running"),
    marked("paused"),
    marked("resumed"),
    marked("stopped"),
    marked("completed"),
    marked("failed"),
    marked("This project has been handed over; nothing in it can be changed"),
    marked("There is no such commissioning session of this charge point"),
    marked("There is no such commissioning template"),
    marked("A template is being applied to this charge point already"),
    marked("The charge point did not answer in time"),
    marked("Check its connection and ask again"),
    marked("The charge point lost its connection while it was asked and did not come back"),
    marked("Ask again when it is connected"),
    marked("The charge point told none of its settings when it was asked"),
)
SENTENCES = Sentences((*STEPS, *WAITS, *LOG, *REFUSALS))
told = SENTENCES.told
