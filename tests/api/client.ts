// A client of the bank, with the types that openapi-typescript makes of the document.

import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import createClient from "openapi-fetch";
import type { paths } from "./api.js";

const bank = createClient<paths>({ baseUrl: process.argv[2] });
const open = "/transaction-manager/bank-account/open-account";

/** Opens an account, and returns its identifier. */
async function opened(owner: string, deposit: string): Promise<string> {
    const body = { account_number: owner, owner_name: owner, initial_deposit: deposit };
    const { data, response } = await bank.POST(open, { body });
    assert.equal(response.status, 201);
    assert.ok(data && "identifier" in data);
    assert.ok(response.headers.get("location")?.endsWith(data.identifier));
    return data.identifier;
}

const ada = await opened("Ada", "100.00");
const grace = await opened("Grace", "0.00");

// The same key twice: one transfer.
const key = randomUUID();
for (const replayed of [null, "true"]) {
    const { response } = await bank.POST(
        "/transaction-manager/bank-account/{id}/transfer-money",
        {
            params: { path: { id: ada }, header: { "Idempotency-Key": key } },
            body: { amount: "30.00", recipient_id: grace },
        },
    );
    assert.equal(response.status, 200);
    assert.equal(response.headers.get("idempotent-replayed"), replayed);
}

const state = await bank.GET("/transaction-manager/bank-account/{id}", {
    params: { path: { id: grace } },
});
assert.equal(state.data?.data.balance, "30.00");
assert.equal(state.data?.version, 2);

// A rejection is a typed problem.
const rejected = await bank.POST("/transaction-manager/bank-account/{id}/withdraw-money", {
    params: { path: { id: grace } },
    body: { amount: "9999" },
});
assert.equal(rejected.response.status, 409);
assert.equal(rejected.error?.rejection, "insufficient-funds");
assert.equal(rejected.error?.retry, "new-key");

const history = await bank.GET("/transaction-manager/bank-account/{id}/history", {
    params: { path: { id: ada } },
});
assert.deepEqual(history.data?.rows.map((event) => event.event), ["account-opened", "money-transferred"]);
console.log("the client is content");
