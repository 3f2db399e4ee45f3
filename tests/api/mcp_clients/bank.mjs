// The acts of a client of the bank, whatever library it uses.

import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";

/** Lists the tools, opens two accounts, transfers twice with one key, and meets a rejection. */
export async function run(client) {
    const { tools } = await client.listTools();
    const names = tools.map((tool) => tool.name);
    assert.ok(names.includes("open-account") && names.includes("bank-account_get"), `${names}`);
    assert.ok(!names.includes("receive-transfer"), "an internal action is no tool");
    const closing = tools.find((tool) => tool.name === "close-account");
    assert.equal(closing.annotations.destructiveHint, true);

    const call = (name, args) => client.callTool({ name, arguments: args });
    const opened = async (owner, deposit) => {
        const payload = { account_number: owner, owner_name: owner, initial_deposit: deposit };
        const { isError, structuredContent } = await call("open-account", { payload });
        assert.ok(!isError, JSON.stringify(structuredContent));
        return structuredContent.identifier;
    };
    const ada = await opened("Ada", "100.00");
    const grace = await opened("Grace", "0.00");

    // The same key twice: one transfer.
    const transfer = {
        id: ada,
        payload: { amount: "30.00", recipient_id: grace },
        idempotency_key: randomUUID(),
    };
    const first = await call("transfer-money", transfer);
    assert.ok(!first.isError, JSON.stringify(first));
    assert.deepEqual((await call("transfer-money", transfer)).structuredContent, first.structuredContent);
    const state = await call("bank-account_get", { id: grace });
    assert.equal(state.structuredContent.data.balance, "30.00");
    assert.equal(state.structuredContent.version, 2);

    // The libraries check the problem of a rejection against the schema of the tool's output.
    const rejected = await call("withdraw-money", { id: grace, payload: { amount: "9999" } });
    assert.equal(rejected.isError, true);
    assert.equal(rejected.structuredContent.rejection, "insufficient-funds");
}
