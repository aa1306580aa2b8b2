"""Closed-loop load: N sockets, one CALL in flight on each, as OCPP demands. A process of its own; prints one JSON line.

`--rate` paces the whole instead, for latencies below saturation. `--storm` measures how fast N sockets open.
"""

import argparse
import asyncio
import base64
import gc
import json
import os
import ssl
import time
from array import array
from collections import deque
from pathlib import Path

import uvloop
from picows import WSListener, WSMsgType, ws_connect
from traffic import Speech

TEXT = WSMsgType.TEXT
clock = time.perf_counter


class Run:
    """What all sockets of this process share."""

    def __init__(self) -> None:
        self.running = self.recording = self.paced = False
        self.done = self.errors = self.dropped = 0
        self.latencies = array("d")
        self.idle: deque[Socket] = deque()


class Socket(WSListener):
    def __init__(self, run: Run, number: int) -> None:
        self.run, self.speech, self.sent_at = run, Speech(number), 0.0
        self.transport = None

    def on_ws_connected(self, transport) -> None:
        self.transport = transport

    def fire(self) -> None:
        message = self.speech.next()
        self.sent_at = clock()
        self.transport.send(TEXT, message)

    def on_ws_frame(self, _transport, frame) -> None:
        if frame.msg_type is not TEXT:
            return
        run = self.run
        if run.recording:
            run.done += 1
            run.latencies.append(clock() - self.sent_at)
        answer = frame.get_payload_as_bytes()
        if answer[1] == 0x34:  # "[4": a CALLERROR
            run.errors += 1
        self.speech.heard(answer)
        if run.paced:
            run.idle.append(self)
        elif run.running:
            self.fire()

    def on_ws_disconnected(self, _transport) -> None:
        self.run.dropped += self.run.running


def cpu_seconds(pid: int, *, children: bool = False) -> float:
    """CPU time of a process and its threads, and of its living children, from the scheduler (nanoseconds)."""
    pids = [pid]
    total = 0
    for task in Path(f"/proc/{pid}/task").iterdir() if children else ():
        pids += [int(child) for child in (task / "children").read_text().split()]
    for each in pids:
        try:
            total += sum(
                int((task / "schedstat").read_text().split()[0]) for task in Path(f"/proc/{each}/task").iterdir()
            )
        except OSError:
            continue
    return total / 1e9


def pss_kb(pid: int) -> int:
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1])
    return 0


async def open_sockets(arguments, run: Run) -> list[Socket]:
    gate = asyncio.Semaphore(64)
    context = None
    if arguments.tls:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    scheme = "wss" if context else "ws"

    async def open_one(number: int) -> Socket:
        name = f"CP{number:06}"
        secret = base64.b64encode(f"{name}:benchmark-secret-{number:06}".encode()).decode()
        async with gate:
            _, socket = await ws_connect(
                lambda: Socket(run, number),
                f"{scheme}://127.0.0.1:{arguments.port}/ocpp/1.6/{name}",
                ssl_context=context,
                websocket_handshake_timeout=60,
                read_buffer_init_size=2048,
                extra_headers={"Sec-WebSocket-Protocol": "ocpp1.6", "Authorization": f"Basic {secret}"},
                local_addr=(f"127.0.0.{2 + number // 20000}", 0),
            )
            return socket

    return await asyncio.gather(*(open_one(number) for number in range(arguments.first, arguments.first + arguments.n)))


async def pace(run: Run, rate: int) -> None:
    since, sent = clock(), 0
    while run.running:
        due = int((clock() - since) * rate)
        while sent < due and run.idle:
            run.idle.popleft().fire()
            sent += 1
        sent = max(sent, due - rate // 10)  # what could not be sent is not made up for in a burst
        await asyncio.sleep(0.001)


async def main(arguments) -> None:
    run = Run()
    rss_before, cpu_before, since = pss_kb(arguments.pid), cpu_seconds(arguments.pid), clock()
    sockets = await open_sockets(arguments, run)
    result = {
        "connect_seconds": round(clock() - since, 3),
        "connect_cpu_us": round((cpu_seconds(arguments.pid) - cpu_before) / arguments.n * 1e6, 1),
    }
    if not arguments.storm:
        result |= await measure(arguments, run, sockets)
    result["kb_per_connection"] = round((pss_kb(arguments.pid) - rss_before) / arguments.n, 2)
    print(json.dumps(result), flush=True)


async def measure(arguments, run: Run, sockets: list[Socket]) -> dict:
    gc.collect()
    gc.freeze()
    gc.disable()
    run.running, run.paced = True, arguments.rate > 0
    pacing = None
    if run.paced:
        run.idle.extend(sockets)
        pacing = asyncio.create_task(pace(run, arguments.rate))
    else:
        for socket in sockets:
            socket.fire()
    await asyncio.sleep(arguments.warm)
    server, database = (
        cpu_seconds(arguments.pid),
        cpu_seconds(arguments.database, children=True) if arguments.database else 0,
    )
    run.recording, since, mine = True, clock(), time.process_time()
    await asyncio.sleep(arguments.seconds)
    run.recording, seconds = False, clock() - since
    done, latencies = run.done or 1, sorted(run.latencies) or [0.0]
    run.running = False
    if pacing:
        await pacing
    return {
        "messages_per_second": round(run.done / seconds),
        "p50_ms": round(latencies[len(latencies) // 2] * 1e3, 3),
        "p99_ms": round(latencies[int(len(latencies) * 0.99)] * 1e3, 3),
        "max_ms": round(latencies[-1] * 1e3, 1),
        "server_us": round((cpu_seconds(arguments.pid) - server) / done * 1e6, 2),
        "database_us": round(
            ((cpu_seconds(arguments.database, children=True) if arguments.database else 0) - database) / done * 1e6, 2
        ),
        "client_us": round((time.process_time() - mine) / done * 1e6, 2),
        "errors": run.errors,
        "dropped": run.dropped,
    }


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("port", type=int)
    parser.add_argument("--pid", type=int, required=True, help="the server's process")
    parser.add_argument("--database", type=int, default=0, help="PostgreSQL's process")
    parser.add_argument("-n", type=int, default=1000)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--seconds", type=float, default=4)
    parser.add_argument("--warm", type=float, default=2)
    parser.add_argument("--rate", type=int, default=0)
    parser.add_argument("--storm", action="store_true")
    parser.add_argument("--tls", action="store_true")
    uvloop.run(main(parser.parse_args()))
    os._exit(0)
