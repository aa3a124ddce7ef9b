// SPDX-License-Identifier: Apache-2.0
// Deputy's token service as oauth4webapi and jose see it. TAP on stdout; argument: the program serve.
import {spawn} from 'node:child_process';
import http from 'node:http';
import {createInterface} from 'node:readline';
import {inflateSync} from 'node:zlib';
import * as jose from 'jose';
import * as oauth from 'oauth4webapi';

const server = spawn(process.argv[2], [], {stdio: ['pipe', 'pipe', 'inherit']});
const lines = createInterface({input: server.stdout})[Symbol.asyncIterator]();
const {socket, grant, chain} = JSON.parse((await lines.next()).value);
const as = async who => { server.stdin.write(who + '\n'); await lines.next(); await lines.next(); };

// The one thing that a client needs beside the issuer: that all its URLs lead to the socket.
function overSocket(url, {method = 'GET', headers, body} = {}) {
  const {pathname, search} = new URL(url);
  return new Promise((resolve, reject) => {
    const request = http.request({socketPath: socket, path: pathname + search, method,
      headers: {...Object.fromEntries(new Headers(headers)), host: 'deputy'}, agent: false}, async response => {
      const parts = [];
      for await(const part of response) parts.push(part);
      resolve(new Response(Buffer.concat(parts), {status: response.statusCode, headers: response.headers}));
    });
    request.on('error', reject);
    request.end(body ? body.toString() : undefined);
  });
}

const issuer = new URL('https://deputy.invalid');
const type = name => `urn:ietf:params:oauth:token-type:${name}`;
const options = {[oauth.customFetch]: overSocket};
const client = {client_id: `agent:${grant}`};
const audience = 'https://api.example';
const grantType = 'urn:ietf:params:oauth:grant-type:token-exchange';
let server_; // the metadata

let count = 0, failed = 0;
async function test(name, run) {
  let ok = false, why = '';
  try { ok = await run(); } catch(error) { why = `${error.stack}\n${JSON.stringify(error.cause) ?? ''}`; }
  console.log(`${ok ? 'ok' : 'not ok'} ${++count} - ${name}`);
  if(!ok) failed++;
  if(why) console.log(why.trim().replace(/^/gm, '# '));
}
const refused = async (error, promise) => {
  try { await promise; } catch(e) { return e.error === error || e.cause?.error === error; }
  return false;
};

// One exchange, and once more when the server wants a nonce in the proof.
async function exchange(parameters, DPoP) {
  const ask = async () => oauth.processGenericTokenEndpointResponse(server_, client,
    await oauth.genericTokenEndpointRequest(server_, client, oauth.None(), grantType,
      {subject_token: chain, subject_token_type: type('jwt'), ...parameters}, {...options, DPoP}),
    {recognizedTokenTypes: {n_a: () => {}}});
  try { return await ask(); } catch(error) {
    if(!DPoP || !oauth.isDPoPNonceError(error)) throw error;
    nonces++;
    return ask();
  }
}
let nonces = 0;

async function introspect(token) {
  return oauth.processIntrospectionResponse(server_, client,
    await oauth.introspectionRequest(server_, client, oauth.None(), token, options));
}

await test('oauth4webapi discovers the service (RFC 8414)', async () => {
  server_ = await oauth.processDiscoveryResponse(issuer,
    await oauth.discoveryRequest(issuer, {algorithm: 'oauth2', ...options}));
  return server_.grant_types_supported.includes(grantType);
});
const jwks = jose.createLocalJWKSet(await (await overSocket(server_.jwks_uri)).json());
await as('agent');

for(const alg of ['ES256', 'Ed25519', 'PS256']) {
  const keys = await oauth.generateKeyPair(alg);
  const DPoP = oauth.DPoP(client, keys);
  let token;
  await test(`it exchanges a grant for a token bound to a key (DPoP by ${alg})`, async () => {
    token = await exchange({audience, scope: 'fix-issue/tests'}, DPoP);
    return token.token_type === 'dpop' && token.scope === 'fix-issue/tests' && token.expires_in <= 300;
  });
  await test('jose verifies it by our keys', async () => {
    const {payload, protectedHeader} = await jose.jwtVerify(token.access_token, jwks,
      {issuer: issuer.origin, audience, typ: 'at+jwt', requiredClaims: ['exp', 'iat', 'jti', 'sub', 'client_id']});
    const jkt = await jose.calculateJwkThumbprint(await jose.exportJWK(keys.publicKey));
    return payload.cnf.jkt === jkt && payload.act.sub === client.client_id && protectedHeader.alg === 'EdDSA';
  });
  await test('and not for another audience, nor when it was changed', async () => {
    const other = jose.jwtVerify(token.access_token, jwks, {audience: 'https://other.example'});
    const parts = token.access_token.split('.');
    const claims = jose.decodeJwt(token.access_token);
    parts[1] = jose.base64url.encode(JSON.stringify({...claims, scope: 'all'}));
    return (await Promise.allSettled([other, jose.jwtVerify(parts.join('.'), jwks)]))
      .every(result => result.status === 'rejected');
  });
  // A resource server nobody here wrote: RFC 9068 and RFC 9449, section 7, with the proof that the client made.
  let request;
  await oauth.protectedResourceRequest(token.access_token, 'GET', new URL(`${audience}/issues`), undefined, undefined,
    {DPoP, [oauth.customFetch]: async (url, init) => { request = new Request(url, init); return new Response(); }});
  await test('a resource server takes it with its proof', async () => {
    const claims = await oauth.validateJwtAccessToken(server_, request, audience, options);
    return claims.owner === 'uid:0' && claims.purpose === 'fix-issue';
  });
  await test('and not with a proof by another key', async () => {
    let stolen;
    await oauth.protectedResourceRequest(token.access_token, 'GET', new URL(`${audience}/issues`), undefined, undefined,
      {DPoP: oauth.DPoP(client, await oauth.generateKeyPair(alg)),
        [oauth.customFetch]: async (url, init) => { stolen = new Request(url, init); return new Response(); }});
    return oauth.validateJwtAccessToken(server_, stolen, audience, options).then(() => false, () => true);
  });
  await test('it is introspected', async () => {
    const answer = await introspect(token.access_token);
    return answer.active && answer.client_id === client.client_id && answer.aud === audience;
  });
  await test('and revoked', async () => {
    await oauth.processRevocationResponse(
      await oauth.revocationRequest(server_, client, oauth.None(), token.access_token, options));
    return !(await introspect(token.access_token)).active;
  });
}
await test('a nonce was asked for where there was none', () => nonces > 0 && nonces <= 3);

await test('a token for a single use is good once', async () => {
  const token = await exchange({audience, single_use: 'true'});
  const first = await introspect(token.access_token), second = await introspect(token.access_token);
  return token.token_type === 'bearer' && first.active && first.scope === 'fix-issue' && !second.active;
});

await test('a transaction token, and another of the same transaction', async () => {
  const wanted = {requested_token_type: type('txn_token'), audience: 'deputy.invalid', scope: 'fix-issue',
    request_context: JSON.stringify({ticket: 7}), request_details: JSON.stringify({action: 'buy'})};
  const first = await exchange(wanted);
  const second = await exchange({...wanted, scope: 'fix-issue/pay', subject_token: first.access_token,
    subject_token_type: type('txn_token')});
  const [a, b] = await Promise.all([first, second].map(async token => (await jose.jwtVerify(token.access_token, jwks,
    {audience: 'deputy.invalid', typ: 'txntoken+jwt', requiredClaims: ['txn', 'sub', 'scope', 'req_wl']})).payload));
  return first.token_type === 'n_a' && a.txn === b.txn && a.jti !== b.jti && a.tctx.action === 'buy' &&
    b.rctx.ticket === 7 && b.scope === 'fix-issue/pay';
});

await test('authorization_details (RFC 9396)', async () => {
  const {rules} = await (await overSocket(`http://deputy/v1/grants/${grant}`)).json();
  const details = [{type: 'deputy_rule', rule: rules[0]}];
  const token = await exchange({audience, single_use: 'true', authorization_details: JSON.stringify(details)});
  const [detail, ...more] = jose.decodeJwt(token.access_token).authorization_details;
  return detail.type === 'deputy_rule' && detail.rule === rules[0] && !more.length;
});

const key = oauth.DPoP(client, await oauth.generateKeyPair('ES256'));
const refusals = {
  invalid_scope: {audience, scope: 'deploy'},
  invalid_target: {},
  invalid_request: {audience, subject_token: chain.slice(0, -2)},
  invalid_authorization_details: {audience, authorization_details: '[{"type":"account"}]'},
};
for(const [error, parameters] of Object.entries(refusals))
  await test(`refused: ${error}`, () => refused(error, exchange(parameters, key)));
await test('refused: invalid_dpop_proof', () => refused('invalid_dpop_proof', exchange({audience})));

// draft-ietf-oauth-status-list section 8.3, from nothing but the token and the keys. 0: valid.
async function status(token) {
  const {uri, idx} = jose.decodeJwt(token).status.status_list;
  const list = await overSocket(uri);
  const {payload} = await jose.jwtVerify(await list.text(), jwks, {subject: uri, typ: 'statuslist+jwt'});
  const bytes = inflateSync(Buffer.from(payload.status_list.lst, 'base64url'));
  if(list.headers.get('content-type') !== 'application/statuslist+jwt' || payload.status_list.bits !== 1) throw list;
  return bytes[idx >> 3] >> (idx & 7) & 1;
}
const poll = async request => (await overSocket('http://deputy/v1/sets/poll', {method: 'POST',
  headers: {'content-type': 'application/json'}, body: JSON.stringify({returnImmediately: true, ...request})})).json();

await test('a status list tells of a token for a single use', async () => {
  const token = (await exchange({audience, single_use: 'true'})).access_token;
  const before = await status(token);
  await introspect(token);
  return before === 0 && await status(token) === 1;
});

let last;
await test('with the grant its tokens end', async () => {
  last = (await exchange({audience}, key)).access_token;
  if(!(await introspect(last)).active || await status(last) !== 0) return false;
  await as('nobody');
  if(Object.keys((await poll({})).sets).length) return false;
  await overSocket(`http://deputy/v1/grants/${grant}`, {method: 'DELETE'});
  return !(await introspect(last)).active;
});
await test('a status list says so, of token and grant', async () =>
  await status(last) === 1 && await status(chain.slice(1)) === 1);
await test('jose verifies the security event of it (RFC 8417), until it is acknowledged (RFC 8936)', async () => {
  const [[jti, set]] = Object.entries((await poll({})).sets);
  const {payload} = await jose.jwtVerify(set, jwks,
    {issuer: issuer.origin, audience: 'uid:0', typ: 'secevent+jwt',
      requiredClaims: ['iat', 'jti', 'events', 'sub_id']});
  const event = payload.events['https://schemas.openid.net/secevent/caep/event-type/session-revoked'];
  const after = await poll({ack: [jti]});
  return payload.jti === jti && payload.sub_id.id === grant && event.event_timestamp <= payload.iat &&
    Object.keys(after.sets).length === 0;
});

server.stdin.end();
const exit = await new Promise(resolve => server.on('exit', resolve));
await test('the broker ended well', () => exit === 0);
console.log(`1..${count}`);
process.exit(failed ? 1 : 0);
