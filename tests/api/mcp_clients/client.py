"""The bank by the Python library `mcp`, in both revisions over HTTP, and as a program."""

import asyncio
import sys
import uuid

from mcp import Client, StdioServerParameters


async def run(client: Client) -> None:
    names = [tool.name for tool in (await client.list_tools()).tools]
    assert "open-account" in names and "receive-transfer" not in names, names

    async def opened(owner: str, deposit: str) -> str:
        payload = {"account_number": owner, "owner_name": owner, "initial_deposit": deposit}
        result = await client.call_tool("open-account", {"payload": payload})
        assert not result.is_error, result
        return result.structured_content["identifier"]

    ada, grace = await opened("Ada", "100.00"), await opened("Grace", "0.00")
    # The same key twice: one transfer.
    transfer = {
        "id": ada,
        "payload": {"amount": "30.00", "recipient_id": grace},
        "idempotency_key": str(uuid.uuid4()),
    }
    first = await client.call_tool("transfer-money", transfer)
    again = await client.call_tool("transfer-money", transfer)
    assert not first.is_error, first
    assert again.structured_content == first.structured_content
    state = await client.call_tool("bank-account_get", {"id": grace})
    assert state.structured_content["data"]["balance"] == "30.00", state

    withdrawal = {"id": grace, "payload": {"amount": "9999"}}
    rejected = await client.call_tool("withdraw-money", withdrawal)
    assert rejected.is_error
    assert rejected.structured_content["rejection"] == "insufficient-funds", rejected


async def main(url: str, command: str) -> None:
    program = StdioServerParameters(
        command=command, args=["serve", "--mcp-stdio", "--store", "memory"]
    )
    for server, mode, version in [
        (url, "legacy", "2025-11-25"),
        (url, "2026-07-28", "2026-07-28"),
        (program, "auto", "2026-07-28"),
    ]:
        async with Client(server, mode=mode) as client:
            assert client.protocol_version == version, client.protocol_version
            await run(client)


asyncio.run(main(*sys.argv[1:]))
