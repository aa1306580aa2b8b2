"""The only room that holds sockets of charge points: upgrade, conversation, durable answers, commands.

`app/wiring.py` builds one `Gateway` per process and fills the ports of `gateway.ports` with features. Reading order: `ports`,
`upgrade_request`, `admission`, `listener`, `connection`, `commit_group`, `command_bridge`, `gateway`.
"""
