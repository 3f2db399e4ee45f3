// Runs `oauth2-mock-server`: prints its tokens as JSON, and for each line of standard input, which
// names an algorithm, a token of a new key.
import { OAuth2Server } from 'oauth2-mock-server';
import { createInterface } from 'node:readline';

const server = new OAuth2Server();
await server.issuer.keys.generate('RS256');
await server.start(0, '127.0.0.1');
const token = (changes, kid) => {
    const change = (_, payload) => Object.assign(payload, { aud: 'library', sub: 'ada' }, changes);
    return server.issuer.buildToken({ kid, scopesOrTransform: change });
};
const now = Math.floor(Date.now() / 1000);
console.log(JSON.stringify({
    issuer: server.issuer.url,
    valid: await token({}),
    audience: await token({ aud: 'bank' }),
    expired: await token({ exp: now - 3600 }),
    early: await token({ nbf: now + 3600 }),
}));
for await (const algorithm of createInterface({ input: process.stdin })) {
    const key = await server.issuer.keys.generate(algorithm);
    console.log(await token({}, key.kid));
}
await server.stop();
