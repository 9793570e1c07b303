// Runs infra/deploy against an Azure CLI that only notes what it is told, and a program that becomes healthy after a while.
// Prints "ok", or what went wrong, and ends with 1.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../..', import.meta.url));
const scratch = mkdtempSync(join(tmpdir(), 'kontext-deploy-'));
const asked = { healthz: 0, readyz: 0 };
const server = http.createServer((request, response) => {
  const name = request.url.slice(1);
  asked[name]++;
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
if (line.startsWith('group exists')) console.log(process.env.AZ_GROUP ?? 'false');
if (line.startsWith('deployment group create') && process.env.AZ_FAILS) { console.error('the template is not valid'); process.exit(1); }
if (line.startsWith('deployment group show')) console.log(out[line.match(/outputs\\.(\\w+)/)[1]]);
`);
chmodSync(join(scratch, 'az'), 0o755);
const archive = join(scratch, 'package.zip');
writeFileSync(archive, 'a package');

async function deploy(args, environment = {}) {
  const log = join(scratch, 'log');
  writeFileSync(log, '');
  const given = {
    AZ_ACCOUNT: 'Test', KONTEXT_SIGNIN_ISSUER: 'https://idp.example', KONTEXT_SIGNIN_CLIENT_ID: 'kontext', KONTEXT_ORGANIZATION: 'acme', KONTEXT_DEPLOY_PAUSE: '0.1', ...environment,
  };
  const child = spawn('bash', [join(root, 'infra', 'deploy'), ...args], { env: { ...process.env, ...given, AZ_LOG: log, PATH: `${scratch}:${process.env.PATH}` } });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', data => { output += data; });
  const code = await new Promise(done => child.once('close', done));
  return { code, output, calls: readFileSync(log, 'utf8').trim().split('\n') };
}

const steps = calls => calls.map(call => call.split(' --')[0]).filter((step, index, list) => step !== list[index - 1]);
const target = ['dev', '--group', 'kontext', '--location', 'westeurope', '--package', archive];
try {
  // A new installation: resources, then the program, then it waits until Kontext is ready.
  const first = await deploy(target);
  assert.equal(first.code, 0, first.output);
  assert.deepEqual(steps(first.calls), ['version', 'account show', 'group exists', 'group create', 'provider register', 'deployment group create', 'deployment group show',
    'functionapp deployment source config-zip', 'deployment group show']);
  assert.match(first.calls.find(call => call.startsWith('deployment group create')), /main\.dev\.bicepparam.*--mode Incremental/);
  assert.match(first.calls.find(call => call.startsWith('functionapp')), new RegExp(`--name func-kontext --src ${archive}`));
  assert.ok(asked.healthz >= 3 && asked.readyz >= 3, JSON.stringify(asked));
  assert.match(first.output, /https:\/\/kontext\.example\/mcp/);
  assert.match(first.output, /https:\/\/kontext\.example\/login\/callback/);

  // An update is the same without a new group, and nothing is ever deleted.
  const again = await deploy(target.filter(word => word !== '--location' && word !== 'westeurope'), { AZ_GROUP: 'true' });
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
    [{ KONTEXT_SIGNIN_ISSUER: '' }, target, /KONTEXT_SIGNIN_ISSUER is not set/],
    [{}, ['dev', '--group', 'kontext', '--package', archive], /--location REGION/],
    [{}, ['dev', '--package', archive], /--group NAME/],
    [{}, ['stage', '--group', 'kontext'], /unknown argument/],
  ]) {
    const refused = await deploy(words, environment);
    assert.equal(refused.code, 1, refused.output);
    assert.match(refused.output, said);
    assert.ok(!steps(refused.calls).some(step => /create|config-zip/.test(step)), refused.calls.join('\n'));
  }

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
  const unready = await deploy(target, { KONTEXT_DEPLOY_TRIES: '6' });
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
