"""Heavy libraries cost memory only where a trigger needs them."""

import asyncio
import subprocess
import sys

HEAVY = ("aio_pika", "aiokafka", "boto3", "botocore", "pandas", "prometheus_api_client")


async def test_an_operator_starts_without_the_libraries_of_its_brokers() -> None:
    program = f"import sys, tandem.app; print(*(set({HEAVY}) & set(sys.modules)))"
    command = [sys.executable, "-c", program]
    done = await asyncio.to_thread(subprocess.run, command, capture_output=True, text=True)

    assert (done.returncode, done.stdout.split()) == (0, []), done.stderr
