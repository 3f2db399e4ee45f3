// The bank by `@modelcontextprotocol/sdk`, in revision 2025-11-25: over HTTP, and as a program.

import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StdioClientTransport } from "@modelcontextprotocol/sdk/client/stdio.js";
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import { run } from "./bank.mjs";

const [url, command] = process.argv.slice(2);
const args = ["serve", "--mcp-stdio", "--store", "memory"];
for (const transport of [
    new StreamableHTTPClientTransport(new URL(url)),
    new StdioClientTransport({ command, args, stderr: "ignore" }),
]) {
    const client = new Client({ name: "sdk", version: "1" });
    await client.connect(transport);
    await run(client);
    await client.close();
}
