// The bank with tokens: the metadata that leads to them, and the acts of a client that has one.

import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import { readFileSync } from "node:fs";
import { Client, StreamableHTTPClientTransport } from "@modelcontextprotocol/client";
import { run } from "./bank.mjs";

const [url, secretFile, issuer] = process.argv.slice(2);

const refused = await fetch(url, { method: "POST" });
assert.equal(refused.status, 401);
const challenge = refused.headers.get("www-authenticate");
const metadata = await (await fetch(/resource_metadata="([^"]+)"/.exec(challenge)[1])).json();
assert.deepEqual(metadata.authorization_servers, [issuer]);
assert.equal(metadata.resource, url);

const part = (value) => Buffer.from(JSON.stringify(value)).toString("base64url");
const exp = Math.floor(Date.now() / 1000) + 600;
const claims = { iss: issuer, aud: metadata.resource, sub: "ada", realm: "north", exp };
const signed = `${part({ alg: "HS256", typ: "JWT" })}.${part(claims)}`;
const signature = createHmac("sha256", readFileSync(secretFile)).update(signed).digest("base64url");

const headers = { Authorization: `Bearer ${signed}.${signature}` };
const transport = new StreamableHTTPClientTransport(new URL(url), { requestInit: { headers } });
const client = new Client(
    { name: "token", version: "1" },
    { versionNegotiation: { mode: "auto" } },
);
await client.connect(transport);
await run(client);
await client.close();
