"""The relay's rules, pure: which message goes through and how it is changed, who decides, what is tried again, what a failure means.

`rules.RelayRules` gathers them for the gateway's port of the same name; no socket, no clock, no SQL in here.
"""
