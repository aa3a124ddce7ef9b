// SPDX-License-Identifier: Apache-2.0
// Deputy's token status lists against an implementation nobody here wrote. TAP on stdout; argument: status_tool.
import {createPublicKey, verify} from 'node:crypto';
import {execFileSync, spawnSync} from 'node:child_process';
import {StatusList, createHeaderAndPayload, getListFromStatusListJWT} from '@sd-jwt/jwt-status-list';

const tool = process.argv[2];
const issue = (bits, count, set = {}) => JSON.parse(execFileSync(tool,
  ['issue', bits, count, ...Object.entries(set).map(([i, v]) => `${i}=${v}`)], {maxBuffer: 1 << 26}));
const read = object => {
  const run = spawnSync(tool, ['read'], {input: JSON.stringify(object), maxBuffer: 1 << 28});
  return run.status === 0 ? JSON.parse(run.stdout) : null;
};
const part = (token, i) => JSON.parse(Buffer.from(token.split('.')[i], 'base64url'));

let count = 0, failed = 0;
async function test(name, run) {
  let ok = false, why = '';
  try { ok = await run(); } catch(error) { why = error.stack; }
  console.log(`${ok ? 'ok' : 'not ok'} ${++count} - ${name}`);
  if(!ok) failed++;
  if(why) console.log(why.replace(/^/gm, '# '));
}

// Numbers that look random and are the same each time.
let seed = 1;
const random = n => (seed = (seed * 48271) % 2147483647) % n;

for(const bits of [1, 2, 4, 8]) {
  const size = 1 << 16, set = {};
  for(let i = 0; i < 500; i++) set[random(size)] = random(1 << bits);
  await test(`theirs reads ours, ${bits} bits`, () => {
    const list = getListFromStatusListJWT(issue(bits, size, set).token);
    for(let i = 0; i < size; i++) if(list.getStatus(i) !== (set[i] ?? 0)) return false;
    return list.getBitsPerStatus() === bits && list.statusList.length === size;
  });
  const values = Array.from({length: 8 * 1000}, () => random(1 << bits));
  await test(`ours reads theirs, ${bits} bits`, () => {
    const {payload} = createHeaderAndPayload(new StatusList(values, bits), {iss: 'x', sub: 'x', iat: 1}, {alg: 'EdDSA'});
    const got = read(payload.status_list);
    return got.length === values.length && got.every((v, i) => v === values[i]);
  });
}

await test('an empty list', () => read({bits: 1, lst: new StatusList([], 1).compressStatusList()}).length === 0);
await test('header and claims are the draft\'s', () => {
  const {token} = issue(1, 8), header = part(token, 0), claims = part(token, 1);
  return header.typ === 'statuslist+jwt' && header.alg === 'EdDSA' &&
    claims.sub === 'https://deputy.invalid/v1/status-list' && claims.ttl === 15 && claims.exp > claims.iat &&
    Object.keys(claims.status_list).sort().join() === 'bits,lst';
});

const good = ({jwks, token}) => {
  const [header, payload, signature] = token.split('.');
  const key = createPublicKey({key: jwks.keys.find(k => k.kid === part(token, 0).kid), format: 'jwk'});
  return verify(null, Buffer.from(`${header}.${payload}`), key, Buffer.from(signature, 'base64url'));
};
await test('OpenSSL verifies the signature by the published key', () => good(issue(1, 64, {3: 1})));
await test('and not that of another list', () => {
  const a = issue(1, 64, {3: 1}), [h, , s] = a.token.split('.'), [, p] = issue(1, 64).token.split('.');
  return !good({jwks: a.jwks, token: [h, p, s].join('.')});
});
await test('ours refuses theirs cut short', () => {
  const lst = new StatusList([1, 0, 1, 1, 0, 0, 1, 0], 1).compressStatusList();
  return read({bits: 1, lst: lst.slice(0, -2)}) === null && read({bits: 1, lst}) !== null;
});
await test('ours refuses what would be larger than a list may be', () => {
  const list = n => ({bits: 8, lst: new StatusList(new Array(n).fill(0), 8).compressStatusList()});
  return read(list((1 << 20) + 1)) === null && read(list(1 << 20)) !== null;
});

console.log(`1..${count}`);
process.exit(failed ? 1 : 0);
