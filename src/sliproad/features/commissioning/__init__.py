"""Commissioning: a durable session takes a newly installed charge point through its checks, over OCPP 1.6 and 2.x."""
