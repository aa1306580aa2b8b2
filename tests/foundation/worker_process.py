"""A worker as a process of its own, to be killed. `python worker_process.py ENGINE_URL NAME`; says on its output what it does."""

import asyncio
import sys

from sliproad.foundation.jobs import Jobs


async def main(engine_url: str, name: str) -> None:
    jobs = Jobs(engine_url)

    async def work(hold: str) -> None:
        print("started", name, flush=True)
        if name == hold:  # until it is killed
            await asyncio.Event().wait()
        print("done", name, flush=True)

    jobs.task("test.work", work)
    await jobs.open()
    await jobs.run_worker(concurrency=5)


asyncio.run(main(*sys.argv[1:]))
