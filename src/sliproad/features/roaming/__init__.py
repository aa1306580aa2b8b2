"""The roaming hub (HUB): parties that speak OCPI 2.2.1 connect to it, and it carries what they tell each other."""
