"""The `sliproad` command (contract §8). Imports late, so that `--help` is quick."""

import asyncio
import json
import os
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, NoReturn

import typer

if TYPE_CHECKING:
    from sliproad.foundation.settings import Settings

app = typer.Typer(
    name="sliproad",
    help="Takes an EV charger from the box to the road.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
admin_app = typer.Typer(help="What only whoever runs the installation may do.", no_args_is_help=True)
app.add_typer(admin_app, name="admin")

DataDir = Annotated[Path | None, typer.Option("--data-dir", help="Where everything is kept.", show_default=".sliproad")]
ConfigFile = Annotated[Path | None, typer.Option("--config", help="A TOML file with settings.", exists=True)]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def fail(sentence: str) -> NoReturn:
    """End with a sentence and exit code 1."""
    typer.echo(sentence, err=True)
    raise typer.Exit(1)


def load_settings(config: Path | None = None, **flags: Any) -> "Settings":
    """The settings, or an end that names each wrong one."""
    from pydantic import ValidationError

    from sliproad.foundation.settings import load

    try:
        return load(config, **flags)
    except ValidationError as error:
        wrong = [f"  {'.'.join(map(str, each['loc']))}: {each['msg']}" for each in error.errors()]
        fail("These settings can't be used:\n" + "\n".join(wrong))


def stop_by_sigterm() -> None:
    """Until something takes the signals over, SIGTERM unwinds the stack like Ctrl-C does, or the children would stay."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)


@app.command()
def serve(
    data_dir: DataDir = None,
    config: ConfigFile = None,
    http: Annotated[int | None, typer.Option(help="Port of the API and portal.", show_default="8080")] = None,
    ocpp: Annotated[int | None, typer.Option(help="Port of the charge points.", show_default="9000")] = None,
    host: Annotated[str | None, typer.Option(help="Address to listen on.", show_default="127.0.0.1")] = None,
    role: Annotated[
        list[str] | None, typer.Option(help="Only this role: gateway, web or worker (repeatable).", show_default="all")
    ] = None,
    gateways: Annotated[int | None, typer.Option(help="Gateway processes on the one port.", show_default="1")] = None,
    workers: Annotated[
        int | None, typer.Option(help="Worker processes.", show_default="one for each core, up to 4")
    ] = None,
    web_processes: Annotated[
        int | None, typer.Option(help="Web processes on the one port.", show_default="one for two cores, up to 4")
    ] = None,
    http_fd: Annotated[int | None, typer.Option(hidden=True)] = None,
) -> None:
    """Run Sliproad: everything, or the roles given."""
    from sliproad.app.supervisor import ROLES

    settings = load_settings(
        config,
        data_dir=data_dir,
        http_port=http,
        ocpp_port=ocpp,
        http_host=host,
        ocpp_host=host,
        gateways=gateways,
        workers=workers,
        web_processes=web_processes,
    )
    if unknown := sorted(set(role or ()) - set(ROLES)):
        fail(f"There is no role {unknown[0]}: choose from {', '.join(ROLES)}.")
    if os.environ.pop("SLIPROAD_IS_CHILD", ""):
        from sliproad.app.processes import run_role

        run_role((role or ["web"])[0], settings, http_fd=http_fd)
        return
    supervise(settings, tuple(role or ROLES))


def supervise(settings: "Settings", roles: tuple[str, ...]) -> None:
    """Run the supervisor until SIGTERM; exit 0 then."""
    from sliproad.app.supervisor import Supervisor
    from sliproad.foundation.embedded import StartError
    from sliproad.foundation.telemetry import configure_logging

    configure_logging(settings.log_format, settings.log_level, role="supervisor")
    stop_by_sigterm()
    try:
        with Supervisor(settings, roles) as running:
            given = running.settings
            typer.echo(f"Sliproad runs. Portal and API: {given.public_url}  OCPP: {given.ocpp_public_url}/ocpp")
            sys.stdout.flush()
            running.run()
    except (StartError, OSError) as error:
        fail(str(error))
    except KeyboardInterrupt:
        raise typer.Exit(130) from None


@app.command()
def demo(
    exit_after: Annotated[bool, typer.Option("--exit", help="End with 0 when all of it worked.")] = False,
    data_dir: DataDir = None,
    http: Annotated[int | None, typer.Option(help="Port of the API and portal.", show_default="8080")] = None,
    ocpp: Annotated[int | None, typer.Option(help="Port of the charge points.", show_default="9000")] = None,
) -> None:
    """Start everything and play the whole job with six virtual charge points; stays up afterwards."""
    from sliproad.app.demo import run_demo

    settings = load_settings(
        data_dir=data_dir,
        http_port=0 if http is None and exit_after else http,
        ocpp_port=0 if ocpp is None and exit_after else ocpp,
        demo=True,
        log_level="warning",
    )
    stop_by_sigterm()
    try:
        raise typer.Exit(run_demo(settings, stay=not exit_after))
    except KeyboardInterrupt:
        raise typer.Exit(130) from None


@app.command()
def simulate(
    url: Annotated[str, typer.Option(help="ws://host:port/ocpp or wss://…; the identity is appended.")],
    version: Annotated[Literal["1.6", "2.0.1", "2.1"], typer.Option(help="OCPP version.")] = "1.6",
    identity: Annotated[str, typer.Option("--id", help="Identity; with --count, its beginning.")] = "SIM",
    password: Annotated[
        str | None, typer.Option(help="Basic auth password.", envvar="SLIPROAD_SIMULATE_PASSWORD")
    ] = None,
    count: Annotated[int, typer.Option(min=1, max=1000)] = 1,
    scenario: Annotated[str, typer.Option(help="What they do.")] = "idle",
) -> None:
    """Run virtual charge points, with a live table."""
    from sliproad.simulator import scenarios
    from sliproad.simulator.fleet import simulate as run_simulation

    if scenario not in scenarios.SCENARIOS:
        fail(f"There is no scenario {scenario}: choose from {', '.join(sorted(scenarios.SCENARIOS))}.")
    try:
        asyncio.run(run_simulation(url, version, identity, password, count, scenario))
    except KeyboardInterrupt:
        raise typer.Exit(130) from None


@app.command()
def migrate(config: ConfigFile = None) -> None:
    """Bring the database at SLIPROAD_DATABASE_URL to the newest schema."""
    from sliproad.foundation.database.migrations import migrate as run_migrations

    settings = load_settings(config)
    if settings.database_url is None:
        fail("Set SLIPROAD_DATABASE_URL. An embedded database is brought to the newest schema by `sliproad serve`.")
    typer.echo(f"The schema is at revision {run_migrations(settings.database_url)}.")


@app.command()
def doctor(data_dir: DataDir = None, config: ConfigFile = None) -> None:
    """Say what is wrong with this installation, in sentences; exit 1 when something is."""
    from sliproad.app.doctor import examine
    from sliproad.foundation.telemetry import configure_logging

    settings = load_settings(config, data_dir=data_dir)
    configure_logging(settings.log_format, "error")
    findings = asyncio.run(examine(settings))
    for finding in findings:
        typer.echo(("✓ " if finding.is_good else "✗ ") + finding.sentence)
    if not all(finding.is_good for finding in findings):
        raise typer.Exit(1)


@admin_app.command("create-organization")
def create_organization(
    name: Annotated[str, typer.Option()],
    email: Annotated[str, typer.Option()],
    password: Annotated[str, typer.Option(envvar="SLIPROAD_ADMIN_PASSWORD")],
    as_json: AsJson = False,
    data_dir: DataDir = None,
    config: ConfigFile = None,
) -> None:
    """Create a charge point operator's organisation with its first user, verified at once, and an API key."""
    from sliproad.app.administration import create_organization as create

    run_admin(load_settings(config, data_dir=data_dir), create(name, email, password), as_json=as_json)


@admin_app.command("create-operator")
def create_operator(
    name: Annotated[str, typer.Option()],
    email: Annotated[str, typer.Option()],
    as_json: AsJson = False,
    data_dir: DataDir = None,
    config: ConfigFile = None,
) -> None:
    """Create an operator, whose OCPP server charge points can be connected to, with an API key."""
    from sliproad.app.administration import create_operator as create

    run_admin(load_settings(config, data_dir=data_dir), create(name, email), as_json=as_json)


@admin_app.command("invite-party")
def invite_party(
    country: Annotated[str, typer.Option(help="Two letters, such as FR.")],
    party: Annotated[str, typer.Option(help="Its party id: three letters or digits.")],
    role: Annotated[list[str], typer.Option(help="CPO, EMSP, NAP, NSP, OTHER or SCSP; several times for several.")],
    name: Annotated[str | None, typer.Option()] = None,
    as_json: AsJson = False,
    data_dir: DataDir = None,
    config: ConfigFile = None,
) -> None:
    """Invite a party to the roaming hub: prints the registration token (A) for its OCPI handshake, once."""
    from sliproad.app.administration import invite_party as invite

    run_admin(load_settings(config, data_dir=data_dir), invite(name, country, party, role), as_json=as_json)


@admin_app.command("reseal-secrets")
def reseal_secrets(as_json: AsJson = False, data_dir: DataDir = None, config: ConfigFile = None) -> None:
    """Encrypt stored passwords of operators' connections with the newest of SLIPROAD_SEALING_KEYS; prints how many were left."""
    from sliproad.app.administration import reseal_secrets as reseal

    run_admin(load_settings(config, data_dir=data_dir), reseal(), as_json=as_json)


@admin_app.command("create-admin")
def create_admin(
    email: Annotated[str, typer.Option()],
    password: Annotated[str, typer.Option(envvar="SLIPROAD_ADMIN_PASSWORD")],
    name: Annotated[str, typer.Option()] = "Administrator",
    as_json: AsJson = False,
    data_dir: DataDir = None,
    config: ConfigFile = None,
) -> None:
    """Create a platform administrator."""
    from sliproad.app.administration import create_admin as create

    run_admin(load_settings(config, data_dir=data_dir), create(name, email, password), as_json=as_json)


def run_admin(settings: "Settings", act: Any, *, as_json: bool) -> None:
    """Do `act` on the installation of `settings`, running or not, and print what it gives."""
    from sliproad.app.administration import administer
    from sliproad.foundation.embedded import StartError
    from sliproad.foundation.errors import DomainError
    from sliproad.foundation.telemetry import configure_logging

    configure_logging(settings.log_format, "warning")
    try:
        result = administer(settings, act)
    except (DomainError, StartError) as error:
        fail(str(error))
    if as_json:
        typer.echo(json.dumps(result))
        return
    for key, value in result.items():
        typer.echo(f"{key}: {value}")


def main() -> None:
    """Entry point."""
    app()
