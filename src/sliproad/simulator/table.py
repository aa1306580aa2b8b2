"""The live table of `sliproad simulate`: one row a charge point, drawn from `ChargerState`."""

from collections.abc import Iterable

from rich import box
from rich.table import Table

from sliproad.simulator.charger import ChargerState
from sliproad.simulator.connectors import ConnectorStatus

COLOURS = {
    ConnectorStatus.CHARGING: "green",
    ConnectorStatus.PREPARING: "cyan",
    ConnectorStatus.FINISHING: "cyan",
    ConnectorStatus.SUSPENDED_EV: "yellow",
    ConnectorStatus.FAULTED: "red",
    ConnectorStatus.UNAVAILABLE: "red",
}
MOST_ROWS = 30


def live_table(states: Iterable[ChargerState]) -> Table:
    """All charge points, the first thirty each with a row and the rest as a sum."""
    shown = list(states)
    table = Table(
        title="Virtual charge points", title_justify="left", box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False
    )
    for heading, justify in (
        ("Charge point", "left"), ("OCPP", "left"), ("Connection", "left"), ("Connectors", "left"),
        ("Power", "right"), ("Cars", "right"), ("Energy", "right"), ("Queue", "right"),
    ):  # fmt: skip
        table.add_column(heading, justify="right" if justify == "right" else "left")
    for state in shown[:MOST_ROWS]:
        table.add_row(
            state.identity, state.version, _connection(state), _connectors(state), _power(_power_w(state)),
            str(state.transactions), _energy(_energy_wh(state)), str(state.queued_messages),
        )  # fmt: skip
    connected = sum(state.connected for state in shown)
    table.caption = (
        f"{connected} of {len(shown)} connected · {_power(sum(map(_power_w, shown)))} · "
        f"{_energy(sum(map(_energy_wh, shown)))} in {sum(state.transactions for state in shown)} sessions"
    )
    return table


def _connection(state: ChargerState) -> str:
    if not state.connected:
        return f"[red]{state.trouble or 'connecting'}[/red]"
    if state.boot_status == "Accepted":
        return "[green]accepted[/green]"
    return f"[yellow]{(state.boot_status or 'booting').lower()}[/yellow]"


def _connectors(state: ChargerState) -> str:
    words = []
    for connector in state.connectors:
        colour = COLOURS.get(connector.status)
        words.append(f"[{colour}]{connector.status.value}[/{colour}]" if colour else connector.status.value)
    return " ".join(words)


def _power_w(state: ChargerState) -> float:
    return sum(connector.power_w for connector in state.connectors)


def _energy_wh(state: ChargerState) -> int:
    return state.total_wh + sum(connector.energy_wh for connector in state.connectors)


def _power(watts: float) -> str:
    return f"{watts / 1000:.1f} kW"


def _energy(watt_hours: int) -> str:
    return f"{watt_hours / 1000:.2f} kWh"
