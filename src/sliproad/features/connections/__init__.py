"""Operators' OCPP connections (OPER): stored, versioned, applied to charge points; and the relay's rows."""
