// The bank by `@modelcontextprotocol/client`, in revision 2026-07-28.

import assert from "node:assert/strict";
import { Client, StreamableHTTPClientTransport } from "@modelcontextprotocol/client";
import { run } from "./bank.mjs";

const versionNegotiation = { mode: { pin: "2026-07-28" } };
const client = new Client({ name: "client", version: "1" }, { versionNegotiation });
await client.connect(new StreamableHTTPClientTransport(new URL(process.argv[2])));
assert.equal(client.getNegotiatedProtocolVersion(), "2026-07-28");
await run(client);
await client.close();
