"""OCPP-J without input or output: frames, validation and the conversation on one socket.

The gateway drives it, the features read its validated payloads. Nothing here waits, reads a clock or opens anything;
time comes in as seconds. Reading order: `versions`, `errors`, `actions`, `frames`, `validation`, `conversation`.
"""
