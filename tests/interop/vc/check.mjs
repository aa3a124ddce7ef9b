// SPDX-License-Identifier: Apache-2.0
// Deputy's credentials against implementations nobody here wrote. TAP on stdout; argument: the program vc_tool.
import {execFileSync, spawnSync} from 'node:child_process';
import * as credentials from '@digitalbazaar/vc';
import * as Ed25519Multikey from '@digitalbazaar/ed25519-multikey';
import {contexts} from '@digitalbazaar/credentials-context';
import {createSignCryptosuite, createVerifyCryptosuite} from '@digitalbazaar/eddsa-jcs-2022-cryptosuite';
import {DataIntegrityProof} from '@digitalbazaar/data-integrity';
import {driver} from '@digitalbazaar/did-method-key';
import jsonld from 'jsonld';

const tool = process.argv[2];
const didKey = driver();
didKey.use({multibaseMultikeyHeader: 'z6Mk', fromMultibase: Ed25519Multikey.from});

// Contexts come with the packages, keys are in their names: nothing is fetched.
async function documentLoader(url) {
  const document = url.startsWith('did:key:') ? await didKey.get({url}) : contexts.get(url);
  if(!document) throw new Error(`nothing is fetched here: ${url}`);
  return {contextUrl: null, documentUrl: url, document};
}

const verifySuite = () => new DataIntegrityProof({cryptosuite: createVerifyCryptosuite()});
const verified = async credential =>
  (await credentials.verifyCredential({credential, suite: verifySuite(), documentLoader})).verified;
const ours = (verb, credential) =>
  spawnSync(tool, [verb], {input: JSON.stringify(credential)}).status === 0;
const issue = () => JSON.parse(execFileSync(tool, ['issue']));

let count = 0, failed = 0;
async function test(name, run) {
  let ok = false, why = '';
  try { ok = await run(); } catch(error) { why = error.stack; }
  console.log(`${ok ? 'ok' : 'not ok'} ${++count} - ${name}`);
  if(!ok) failed++;
  if(why) console.log(why.replace(/^/gm, '# '));
}

await test('theirs verifies ours', async () => {
  const result = await credentials.verifyCredential(
    {credential: issue(), suite: verifySuite(), documentLoader});
  if(!result.verified) console.log('# ' + JSON.stringify(result.error?.errors?.map(e => e.message)));
  return result.verified;
});
await test('and ours too', () => ours('verify', issue()));

const changes = {
  'the owner': vc => { vc.credentialSubject.owner = 'uid:0'; },
  'the assurance': vc => { vc.credentialSubject.assurance.method = 'peer'; },
  'a purpose': vc => { vc.credentialSubject.links[2].purpose = 'deploy'; },
  'a policy': vc => { vc.credentialSubject.links[0].policy.digest = 'sha256:ff'; },
  'the order of links': vc => { vc.credentialSubject.links.reverse(); },
  'a link less': vc => { vc.credentialSubject.links.splice(1, 1); },
  'the end': vc => { vc.validUntil = '2099-01-01T00:00:00Z'; },
  'when it was signed': vc => { vc.proof.created = '2020-01-01T00:00:00Z'; },
  'the proof value': vc => { vc.proof.proofValue = vc.proof.proofValue.slice(0, -1) + 'z'; },
};
for(const [what, change] of Object.entries(changes)) {
  await test(`both refuse a change: ${what}`, async () => {
    const vc = issue();
    change(vc);
    return !await verified(vc) && !ours('verify', vc);
  });
}

await test('every term is JSON-LD (safe mode), none is lost', async () => {
  const vc = issue();
  const nquads = await jsonld.toRDF(vc, {documentLoader, safe: true, format: 'application/n-quads'});
  return ['oidc:alice@example.com', 'fix-issue/test', 'sha256:03', 'h.p1.s', 'agent:gleaf', 'ssh-sk']
    .every(text => nquads.includes(text));
});

// Theirs issues: a new key, and numbers and names that only one canonical form of JSON writes alike.
async function theirs(more) {
  const key = await Ed25519Multikey.generate();
  const {didDocument, methodFor} = await didKey.fromKeyPair({verificationKeyPair: key});
  key.id = methodFor({purpose: 'assertionMethod'}).id;
  key.controller = didDocument.id;
  const suite = new DataIntegrityProof({signer: key.signer(), cryptosuite: createSignCryptosuite()});
  return credentials.issue({
    credential: {
      '@context': ['https://www.w3.org/ns/credentials/v2',
        'https://www.w3.org/ns/credentials/undefined-terms/v2'],
      type: ['VerifiableCredential'], issuer: didDocument.id,
      credentialSubject: {id: 'urn:x:1', ...more},
    }, suite, documentLoader});
}
const odd = {
  numbers: [1e21, 1e-7, 2 ** -44, 5e-324, 1.7976931348623157e308, -0, 333333333.3333333, 100],
  names: {'\u{10000}': 1, '\ue000': 2, 'é': 3, '\r': 4, '': 5, 'A"\\': '\u001f\u007f\u2028'},
};
await test('ours verifies the proof of theirs', async () => ours('proof', await theirs(odd)));
await test('and not when it was changed', async () => {
  const vc = await theirs(odd);
  vc.credentialSubject.numbers[7] = 101;
  return !ours('proof', vc) && !await verified(vc);
});
await test('a credential of another shape is no chain of ours', async () => !ours('verify', await theirs({})));

console.log(`1..${count}`);
process.exit(failed ? 1 : 0);
