"""Calls to charge points: encode an OCPP CALL, send it to the gateway that holds the socket, await the answer."""
