"""`make bench`: our gateway under a durable mixed load, beside a raw echo server and the `ocpp` package's central system.

All in one run, in turns, the server on one core, the load and PostgreSQL on the other, closed loop; medians over the rounds.
Figures and targets are in `README.md`. `--quick` for a look; `--only throughput paced relay storm scaling processes` for a part.
"""

import argparse
import contextlib
import datetime as dt
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psycopg
from load import cpu_seconds

from sliproad.features.security.service import PasswordHash
from sliproad.foundation.crypto import SecretKey
from sliproad.foundation.database.migrations import migrate
from sliproad.foundation.embedded import Embedded

HERE = Path(__file__).parent
SECRET = "a-secret-of-the-benchmark-that-nobody-else-has"
SERVER_CORE, LOAD_CORE = ("0", "1") if (os.cpu_count() or 1) > 1 else ("0", "0")


@dataclass
class Bench:
    database_url: str
    nats_url: str
    postgres_pid: int
    folder: Path
    quick: bool

    @contextlib.contextmanager
    def server(self, kind: str, *options: str, port: int = 0, core: str = SERVER_CORE) -> Iterator[tuple[int, int]]:
        """Start a server; gives its port and process id."""
        command = [sys.executable, str(HERE / "servers.py"), kind, str(port), *options]
        if kind == "sliproad":
            command += ["--database-url", self.database_url, "--nats", self.nats_url, "--secret", SECRET]
        with subprocess.Popen(pinned(core, command), stdout=subprocess.PIPE, text=True) as process:
            try:
                line = process.stdout.readline()
                if not line.startswith("READY"):
                    raise SystemExit(f"{kind} did not start: {line}")
                yield int(line.split()[1]), process.pid
            finally:
                process.terminate()
                said, _ = process.communicate(timeout=30)
                if said.strip():
                    group = json.loads(said.splitlines()[-1])
                    print(f"  messages per commit: {group['entries'] / max(group['commits'], 1):.0f}")

    def load(self, port: int, pid: int, *options: str, core: str = LOAD_CORE) -> dict:
        """Run the load to its end; gives its figures."""
        return finished(self.start_load(port, pid, *options, core=core))

    def start_load(self, port: int, pid: int, *options: str, core: str = LOAD_CORE) -> subprocess.Popen:
        command = [sys.executable, str(HERE / "load.py"), str(port), "--pid", str(pid), *options]
        command += ["--database", str(self.postgres_pid)]
        return subprocess.Popen(pinned(core, command), stdout=subprocess.PIPE, text=True)

    def reset(self) -> None:
        """Let PostgreSQL write out what the last load left, so that the next does not pay for it."""
        with psycopg.connect(self.database_url, autocommit=True) as owner:
            owner.execute("checkpoint")


def pinned(core: str, command: list[str]) -> list[str]:
    return ["taskset", "-c", core, *command] if sys.platform == "linux" else command


def finished(process: subprocess.Popen) -> dict:
    out, _ = process.communicate(timeout=300)
    if process.returncode:
        raise SystemExit(f"the load failed: {process.returncode}")
    return json.loads(out.splitlines()[-1])


def throughput(bench: Bench) -> None:
    """P1, P4: the same load on all three, in turns."""
    rounds, seconds = (1, "2") if bench.quick else (3, "4")
    found: dict[str, list[dict]] = {"echo": [], "sliproad": [], "ocpp": []}
    for _ in range(rounds):
        for kind, results in found.items():
            bench.reset()
            with bench.server(kind) as (port, pid):
                results.append(bench.load(port, pid, "-n", "1000", "--seconds", seconds))
    print("\n1,000 connections, closed loop, mixed 1.6 load (medians)")
    print(f"{'':24}{'messages/s':>11}{'server µs':>11}{'database µs':>12}{'p50 ms':>9}{'p99 ms':>9}{'errors':>8}")
    for kind, results in found.items():
        print(
            f"{NAMES[kind]:24}{median(results, 'messages_per_second'):11,.0f}{median(results, 'server_us'):11.2f}"
            f"{median(results, 'database_us'):12.2f}{median(results, 'p50_ms'):9.2f}{median(results, 'p99_ms'):9.2f}"
            f"{sum(each['errors'] + each['dropped'] for each in results):8}"
        )
    cost = ratio(found["sliproad"], found["echo"], "server_us")
    gain = ratio(found["sliproad"], found["ocpp"], "messages_per_second")
    verdict("P1", f"CPU per message against raw echo: {cost:.2f}", wanted="at most 2.0", holds=cost <= 2.0)
    verdict("P1", f"messages/s against the ocpp package: {gain:.1f}", wanted="at least 15", holds=gain >= 15)


def paced(bench: Bench) -> None:
    """P2: latency of durable answers at 8,000 messages/s."""
    bench.reset()
    with bench.server("sliproad") as (port, pid):
        result = bench.load(port, pid, "-n", "1000", "--rate", "8000", "--seconds", "3" if bench.quick else "8")
    print(f"\npaced at 8,000/s over 1,000 connections: {result}")
    rate, p99 = result["messages_per_second"], result["p99_ms"]
    verdict("P2", f"p99 {p99:.2f} ms at {rate:,}/s", wanted="below 5 ms", holds=p99 < 5 and rate > 7500)


def scaling(bench: Bench) -> None:
    """P3, P4: CPU per message at many connections; memory per idle connection."""
    most = 1000 if bench.quick else 5000
    few: dict = {}
    for connections in (100, most):
        bench.reset()
        with bench.server("sliproad") as (port, pid):
            result = bench.load(port, pid, "-n", str(connections), "--seconds", "3")
        few = few or result
        print(f"\n{connections:,} connections: {result}")
    grown = result["server_us"] / few["server_us"]
    verdict("P3", f"CPU per message at {most:,} against 100: {grown:.2f}", wanted="at most 1.5", holds=grown <= 1.5)
    for name, options, limit in (("plain", (), 20), ("TLS", ("--tls",), 50)):
        certificate = ("--tls", str(certificate_of(bench.folder))) if options else ()
        with bench.server("sliproad", *certificate) as (port, pid):
            result = bench.load(port, pid, "-n", str(most), "--storm", *options)
        size = result["kb_per_connection"]
        verdict("P4", f"{size:.1f} KB per {name} connection", wanted=f"at most {limit}", holds=size <= limit)


def storm(bench: Bench) -> None:
    """P5: everybody reconnects over TLS while others go on talking."""
    count = 1000 if bench.quick else 10_000
    with bench.server("sliproad", "--tls", str(certificate_of(bench.folder))) as (port, pid):
        talking = bench.start_load(
            port, pid, "-n", "100", "--first", "15000", "--rate", "200", "--warm", "1", "--seconds", "14", "--tls"
        )
        time.sleep(3)
        result = bench.load(port, pid, "-n", str(count), "--storm", "--tls")
        others = finished(talking)
    seconds, p99 = result["connect_seconds"], others["p99_ms"]
    print(f"\n{count:,} TLS reconnects: {result}; those connected: {others}")
    verdict(
        "P5",
        f"{count:,} reconnects in {seconds:.1f} s",
        wanted="at most 10 s for 10,000",
        holds=seconds <= count / 1000,
    )
    verdict("P5", f"p99 of those connected {p99:.0f} ms", wanted="below 250 ms", holds=p99 < 250)


def processes(bench: Bench) -> None:
    """P8: two gateway processes on one port and two cores, beside one; the load shares both cores with them."""
    with bench.server("sliproad", core="0,1") as (port, pid):
        one = bench.load(port, pid, "-n", "1000", "--seconds", "4", core="0,1")
        with bench.server("sliproad", port=port, core="0,1") as (_, other):
            before = cpu_seconds(other)
            two = bench.load(port, pid, "-n", "1000", "--seconds", "4", core="0,1")
            shared = cpu_seconds(other) - before
    gain = two["messages_per_second"] / one["messages_per_second"]
    print(f"\none process: {one}\ntwo: {two}; the second used {shared:.1f} s of CPU")
    verdict("P8", f"two processes carry {gain:.2f} × one", wanted="at least 1.7 with a core each", holds=gain >= 1.7)


def relay(bench: Bench) -> None:
    """What a second connection per charge point costs the first one: off, on, and with an operator's server that hangs."""
    connections, rate, seconds = ("100", "1000", "3") if bench.quick else ("500", "3000", "8")
    found: dict[str, dict] = {}
    for name, options in (("off", None), ("on", ()), ("hanging", ("--hangs",))):
        bench.reset()
        with contextlib.ExitStack() as stack:
            if options is not None:
                theirs, _ = stack.enter_context(bench.server("operator", *options, core=LOAD_CORE))
                assign_relays(bench.database_url, f"ws://127.0.0.1:{theirs}/operator", int(connections))
            port, pid = stack.enter_context(bench.server("sliproad"))
            found[name] = bench.load(port, pid, "-n", connections, "--rate", rate, "--warm", "3", "--seconds", seconds)
            print(f"  relay {name}: {found[name]}; {queue_of(bench.database_url)}")
        with psycopg.connect(bench.database_url) as owner:
            owner.execute("delete from connection_assignments")
            owner.execute("delete from relay_messages")
    print(f"\n{connections} charge points at {rate}/s together, 1.6: relay off, on, and to a server that hangs")
    for name, result in found.items():
        print(
            f"  {name:10}{result['messages_per_second']:8,}/s  server {result['server_us']:7.2f} µs  database"
            f" {result['database_us']:7.2f} µs  p50 {result['p50_ms']:6.2f} ms  p99 {result['p99_ms']:7.2f} ms"
            f"  errors {result['errors'] + result['dropped']}"
        )
    hanging = found["hanging"]["server_us"] / found["off"]["server_us"]
    seen = f"CPU per message with a hanging operator's server {hanging:.2f} × that without a relay"
    verdict("relay", seen, wanted="at most 1.5", holds=hanging <= 1.5)


def assign_relays(database_url: str, url: str, count: int) -> None:
    """A relay to `url` for the first `count` charge points; we decide about tokens, so that no answer waits for the operator."""
    with psycopg.connect(database_url) as owner:
        owner.execute(
            "insert into operators (operator_id, name, contact_email) values ('opr_b', 'B', 'b@example.org') on conflict do nothing"
        )
        owner.execute(
            "insert into connection_assignments (charge_point_key, organization_id, site_id, operator_id, version_id, mode, url,"
            " identity, username, authorization_decision, changed_at, state, state_at)"
            " select key, organization_id, site_id, 'opr_b', 'ocv_b', 'relay', %s, charge_point_id, charge_point_id, 'ours', now(),"
            " 'pending', now() from charge_points order by charge_point_id limit %s",
            (url, count),
        )


def queue_of(database_url: str) -> str:
    """What became of the transaction messages of the load."""
    with psycopg.connect(database_url) as owner:
        rows = owner.execute(
            "select state, count(*) from relay_messages where kind = 'transaction' group by state order by state"
        ).fetchall()
    return ", ".join(f"{count:,} {state}" for state, count in rows) or "nothing queued"


PARTS = {
    "throughput": throughput,
    "paced": paced,
    "relay": relay,
    "scaling": scaling,
    "storm": storm,
    "processes": processes,
}
NAMES = {"echo": "raw picows echo", "sliproad": "sliproad, durable", "ocpp": "ocpp package, 1.6"}


def median(results: list[dict], name: str) -> float:
    return statistics.median(each[name] for each in results)


def ratio(ours: list[dict], theirs: list[dict], name: str) -> float:
    """The median of the ratios round by round: machines drift, only one round's figures compare."""
    return statistics.median(mine[name] / other[name] for mine, other in zip(ours, theirs, strict=True))


def verdict(target: str, seen: str, *, wanted: str, holds: bool) -> None:
    print(f"  {target}  {'holds ' if holds else 'MISSED'}  {seen} ({wanted})")


def certificate_of(folder: Path) -> Path:
    """An EC certificate for this run."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import NameOID

    path = folder / "server.pem"
    if not path.exists():
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
        now = dt.datetime.now(dt.UTC)
        certificate = (
            x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
            .serial_number(x509.random_serial_number()).not_valid_before(now)
            .not_valid_after(now + dt.timedelta(days=2)).sign(key, hashes.SHA256())
        )  # fmt: skip
        path.write_bytes(
            certificate.public_bytes(serialization.Encoding.PEM)
            + key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
        )
    return path


def register_fleet(database_url: str, count: int) -> None:
    """`count` charge points with passwords, by set-based SQL: registering one by one is not what is measured."""
    password_hash = PasswordHash(SecretKey(SECRET))
    salt = b"0123456789abcdef"
    with psycopg.connect(database_url) as owner:
        owner.execute(
            "insert into organizations (organization_id, name, contact_email) values ('org_b', 'B', 'b@example.org')"
        )
        owner.execute(
            "insert into sites (site_id, organization_id, name, address) values ('site_b', 'org_b', 'S', 'A')"
        )
        owner.execute(
            "insert into projects (project_id, organization_id, site_id, name, charge_points_expected)"
            " values ('proj_b', 'org_b', 'site_b', 'P', 1)"
        )
        owner.execute(
            "insert into charge_points (charge_point_id, organization_id, site_id, project_id, serial_number, vendor, model,"
            " ocpp_version, connector_count, commissioning_status, commissioned_at)"
            " select 'CP' || lpad(n::text, 6, '0'), 'org_b', 'site_b', 'proj_b', 'SN' || n, 'V', 'M', '1.6', 2, 'completed',"
            " now() from generate_series(0, %s) n",
            (count - 1,),
        )
        owner.execute(
            "insert into charge_point_live (charge_point_key, organization_id) select key, 'org_b' from charge_points"
        )
        keys = owner.execute("select key, substr(charge_point_id, 3) from charge_points").fetchall()
        columns = "charge_point_key, organization_id, state, salt, keyed_hash, used_form"
        with owner.cursor().copy(f"copy charge_point_credentials ({columns}) from stdin") as copy:
            for key, number in keys:
                keyed = password_hash.of(salt, f"benchmark-secret-{number}".encode())
                copy.write_row((key, "org_b", "active", salt, keyed, "plain"))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--only", nargs="*", choices=PARTS, default=list(PARTS))
    arguments = parser.parse_args()
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    with tempfile.TemporaryDirectory(prefix="sliproad-bench-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        folder.chmod(0o711)
        with Embedded(folder) as parts:
            postgres = json.loads((folder / "postgres.pid.json").read_text())["pid"]
            subprocess.run(pinned(LOAD_CORE, ["true"]), check=True)
            if sys.platform == "linux":
                os.sched_setaffinity(postgres, {int(LOAD_CORE)})
            migrate(parts.database_url)
            register_fleet(parts.database_url, 16_000)
            bench = Bench(parts.database_url, parts.nats_url, postgres, folder, arguments.quick)
            for part in arguments.only:
                PARTS[part](bench)
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


if __name__ == "__main__":
    main()
