"""Who said what, when: every OCPP frame of a charge point, and the messages that could not be handled."""
