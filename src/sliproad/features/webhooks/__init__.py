"""Webhooks: endpoints of organisations, and signed deliveries of domain events to them."""
