// Runs infra/deploy against an Azure CLI that only notes what it is told, and a program that becomes healthy after a while and new after another.
// Prints "ok", or what went wrong, and ends with 1.
import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { chmodSync, cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../..', import.meta.url));
const scratch = mkdtempSync(join(tmpdir(), 'kontext-deploy-'));
const asked = { healthz: 0, version: 0, readyz: 0 };
// Which versions answer one after the other; the last one goes on.
let versions = ['old', 'new', 'old', 'new'];
const server = http.createServer((request, response) => {
  const name = request.url.slice(1);
  asked[name]++;
  if (name === 'version') {
    const commit = versions.length > 1 ? versions.shift() : versions[0];
    return response.writeHead(200).end(JSON.stringify({ version: '1.0.0', commit }));
  }
  response.writeHead(asked[name] < 3 ? 503 : 200);
  response.end('{"status":"not ready","checks":{"storage":"does not answer"}}');
}).listen(0, '127.0.0.1');
await new Promise(done => server.once('listening', done));
const own = `http://127.0.0.1:${server.address().port}`;

writeFileSync(join(scratch, 'az'), `#!/usr/bin/env node
const fs = require('node:fs'), args = process.argv.slice(2), line = args.join(' ');
fs.appendFileSync(process.env.AZ_LOG, line + '\\n');
const out = { appName: 'func-kontext', address: 'https://kontext.example', appAddress: '${own}', signInRedirect: 'https://kontext.example/login/callback' };
if (line.startsWith('account show')) process.env.AZ_ACCOUNT ? console.log(process.env.AZ_ACCOUNT) : process.exit(1);
if (line.startsWith('version')) console.log(process.env.AZ_VERSION ?? '2.80.0');
if (line === 'bicep version') process.env.AZ_BICEP === '' ? process.exit(1) : console.log('Bicep CLI version ' + (process.env.AZ_BICEP ?? '0.38.3') + ' (c10d2b9fe8)');
if (line.startsWith('resource list') && process.env.AZ_APP) console.log(process.env.AZ_APP);
if (line.startsWith('group exists')) console.log(process.env.AZ_GROUP ?? 'false');
if (line.startsWith('deployment group create') && process.env.AZ_FAILS) { console.error('the template is not valid'); process.exit(1); }
if (line.startsWith('deployment group show')) console.log(out[line.match(/outputs\\.(\\w+)/)[1]]);
`);
chmodSync(join(scratch, 'az'), 0o755);
const archive = join(scratch, 'package.zip');
writeFileSync(join(scratch, 'built-from.txt'), 'new\n');
execFileSync('zip', ['-q', archive, 'built-from.txt'], { cwd: scratch });

async function deploy(args, environment = {}, infra = join(root, 'infra')) {
  const log = join(scratch, 'log');
  writeFileSync(log, '');
  const given = {
    AZ_ACCOUNT: 'Test', KONTEXT_SIGNIN_ISSUER: 'https://idp.example', KONTEXT_SIGNIN_CLIENT_ID: 'kontext', KONTEXT_SIGNIN_CLIENT_SECRET: 'secret', KONTEXT_ORGANIZATION: 'acme',
    KONTEXT_DEPLOY_PAUSE: '0.01', ...environment,
  };
  const child = spawn('bash', [join(infra, 'deploy'), ...args], { env: { ...process.env, ...given, AZ_LOG: log, PATH: `${scratch}:${process.env.PATH}` } });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', data => { output += data; });
  const code = await new Promise(done => child.once('close', done));
  return { code, output, calls: readFileSync(log, 'utf8').trim().split('\n') };
}

const steps = calls => calls.map(call => call.split(' --')[0]).filter((step, index, list) => step !== list[index - 1]);
const target = ['dev', '--group', 'kontext', '--location', 'westeurope', '--package', archive];
try {
  // A new installation: resources, then the program, then it waits until nothing but that program answers, and is ready.
  const first = await deploy(target);
  assert.equal(first.code, 0, first.output);
  assert.deepEqual(steps(first.calls), ['version', 'bicep version', 'account show', 'group exists', 'group create', 'provider register', 'deployment group create', 'deployment group show',
    'functionapp deployment source config-zip', 'deployment group show']);
  assert.match(first.calls.find(call => call.startsWith('deployment group create')), /main\.dev\.bicepparam.*--mode Incremental/);
  assert.match(first.calls.find(call => call.startsWith('functionapp')), new RegExp(`--name func-kontext --src ${archive}`));
  assert.ok(asked.healthz >= 3 && asked.readyz >= 3, JSON.stringify(asked));
  assert.ok(versions.length === 1 && asked.version >= 3 + 6, `the new version has to answer several times in a row: ${JSON.stringify(asked)}`);
  assert.match(first.output, /https:\/\/kontext\.example\/mcp/);
  assert.match(first.output, /https:\/\/kontext\.example\/login\/callback/);

  // An update is the same without a new group and without the secret, which the vault has, and nothing is ever deleted.
  const update = target.filter(word => word !== '--location' && word !== 'westeurope');
  const again = await deploy(update, { AZ_GROUP: 'true', AZ_APP: 'func-kontext-dev-abc', KONTEXT_SIGNIN_CLIENT_SECRET: '' });
  assert.equal(again.code, 0, again.output);
  assert.ok(!steps(again.calls).includes('group create'));
  for (const call of [...first.calls, ...again.calls]) assert.doesNotMatch(call, /delete|purge|Complete/);

  // What only looks changes nothing.
  const look = await deploy(['prod', '--group', 'kontext', '--what-if'], { AZ_GROUP: 'true' });
  assert.equal(look.code, 0, look.output);
  assert.ok(steps(look.calls).includes('deployment group what-if'));
  assert.ok(!steps(look.calls).some(step => /create|config-zip/.test(step)));

  // What cannot work is said before anything is changed.
  for (const [environment, words, said] of [
    [{ AZ_ACCOUNT: '' }, target, /az login/],
    [{ AZ_VERSION: '2.40.0' }, target, /2\.60\.0 or newer/],
    [{ AZ_BICEP: '0.33.93' }, target, /Bicep is 0\.33\.93; 0\.34\.1 or newer/],
    [{ KONTEXT_SIGNIN_ISSUER: '', KONTEXT_SIGNIN_CLIENT_ID: '' }, target, /not set: KONTEXT_SIGNIN_ISSUER KONTEXT_SIGNIN_CLIENT_ID\./],
    [{ KONTEXT_ORGANIZATION: '' }, ['prod', ...target.slice(1)], /not set: KONTEXT_ORGANIZATION\./],
    [{ KONTEXT_SIGNIN_CLIENT_SECRET: '' }, target, /KONTEXT_SIGNIN_CLIENT_SECRET is not set, and no vault has it yet/],
    [{ KONTEXT_SIGNIN_CLIENT_SECRET: '', AZ_GROUP: 'true' }, target, /KONTEXT_SIGNIN_CLIENT_SECRET is not set, and no vault has it yet/],
    [{}, ['dev', '--group', 'kontext', '--package', archive], /--location REGION/],
    [{}, ['dev', '--package', archive], /--group NAME/],
    [{}, ['stage', '--group', 'kontext'], /unknown argument/],
  ]) {
    const refused = await deploy(words, environment);
    assert.equal(refused.code, 1, refused.output);
    assert.match(refused.output, said);
    assert.ok(!steps(refused.calls).some(step => /create|config-zip/.test(step)), refused.calls.join('\n'));
  }

  // A public client has no secret, and no secret is asked for. Where there is no Bicep yet, the Azure CLI gets one.
  const infra = join(scratch, 'infra');
  cpSync(join(root, 'infra'), infra, { recursive: true });
  const file = join(infra, 'main.dev.bicepparam');
  writeFileSync(file, readFileSync(file, 'utf8').replace(/^ *clientSecretName:.*\n/m, ''));
  const open = await deploy(target, { KONTEXT_SIGNIN_CLIENT_SECRET: '', AZ_BICEP: '' }, infra);
  assert.equal(open.code, 0, open.output);

  // An old version that goes on answering is not taken for the new one, not even when a new one answers now and then.
  for (const answering of [['old'], [...Array(50)].flatMap(() => ['new', 'new', 'new', 'new', 'new', 'old'])]) {
    versions = answering;
    const stale = await deploy(update, { AZ_GROUP: 'true', KONTEXT_DEPLOY_TRIES: '20' });
    assert.equal(stale.code, 1, stale.output);
    assert.match(stale.output, /new was published, and http:\S+\/version still says something else/);
    assert.match(stale.output, /functionapp restart/);
    assert.doesNotMatch(stale.output, /is ready/);
  }
  versions = ['new'];

  // A package from before packages said what they are made of can still be gone back to, and that is said.
  const before = join(scratch, 'before.zip');
  writeFileSync(join(scratch, 'host.json'), '{}');
  execFileSync('zip', ['-q', before, 'host.json'], { cwd: scratch });
  const back = await deploy([...update.slice(0, -1), before], { AZ_GROUP: 'true' });
  assert.equal(back.code, 0, back.output);
  assert.match(back.output, /does not say what it was built from/);

  // A deployment that fails publishes nothing; a program that does not come up is said to be the matter.
  const failed = await deploy(target, { AZ_FAILS: '1' });
  assert.notEqual(failed.code, 0);
  assert.ok(!steps(failed.calls).includes('functionapp deployment source config-zip'));
  asked.healthz = -1000;
  const dead = await deploy(target, { KONTEXT_DEPLOY_TRIES: '3' });
  assert.equal(dead.code, 1);
  assert.match(dead.output, /healthz does not answer/);
  asked.healthz = 0;
  asked.readyz = -1000;
  const unready = await deploy(target, { KONTEXT_DEPLOY_TRIES: '12' });
  assert.equal(unready.code, 1);
  assert.match(unready.output, /not ready: .*storage/);
  console.log('ok');
} catch (failure) {
  console.log(failure.stack);
  process.exitCode = 1;
} finally {
  server.close();
  rmSync(scratch, { recursive: true });
}
