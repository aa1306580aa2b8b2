"""The native move: a charge point is itself given the operator's server, step by step. Pure; `moving` drives it.

`course` says what is next, `plan_16` and `plan_2x` which CALLs that takes, `vendor_keys` how vendors call things in OCPP 1.6.
"""
