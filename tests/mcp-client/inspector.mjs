// The command line of the official inspector against GATEWAY (the address of one integration) with TOKEN: tools, resources and prompts,
// and what it says without a token. Prints each step; exits with 1 at the first that does not do what it claims.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';

const program = join(dirname(createRequire(import.meta.url).resolve('@modelcontextprotocol/inspector-cli/package.json')), 'build/cli.js');
const authorized = ['--header', `Authorization: Bearer ${process.env.TOKEN}`];

/** Runs it to its end: exit code, standard output and standard error. */
function inspect(...args) {
  return new Promise((resolve, reject) => {
    // It looks for its own package.json from the directory it is started in.
    const inspector = spawn(process.execPath, [program, '--cli', process.env.GATEWAY, '--transport', 'http', ...args], { cwd: dirname(program) });
    const said = { out: '', errors: '' };
    inspector.stdout.on('data', (text) => (said.out += text));
    inspector.stderr.on('data', (text) => (said.errors += text));
    inspector.on('error', reject);
    inspector.on('close', (code) => resolve({ code, ...said }));
  });
}

async function answer(...args) {
  const { code, out, errors } = await inspect(...args, ...authorized);
  assert.equal(code, 0, errors);
  return JSON.parse(out);
}

const { tools } = await answer('--method', 'tools/list');
assert.ok(tools.some(({ name }) => name === 'test_simple_text'));
console.log(`ok   tools/list: ${tools.length}`);

const called = await answer('--method', 'tools/call', '--tool-name', 'test_simple_text');
assert.match(called.content[0].text, /simple text/);
console.log('ok   tools/call');

const progressed = await answer('--method', 'tools/call', '--tool-name', 'test_tool_with_progress');
assert.equal(progressed.content[0].text, 'progressed');
console.log('ok   tools/call with progress');

const failed = await answer('--method', 'tools/call', '--tool-name', 'test_error_handling');
assert.equal(failed.isError, true);
console.log('ok   tools/call of a tool that fails');

const { resources } = await answer('--method', 'resources/list');
assert.ok(resources.some(({ uri }) => uri === 'test://static-text'));
const read = await answer('--method', 'resources/read', '--uri', 'test://static-text');
assert.match(read.contents[0].text, /static text/);
console.log('ok   resources');

const got = await answer('--method', 'prompts/get', '--prompt-name', 'test_prompt_with_arguments', '--prompt-args', 'arg1=one', 'arg2=two');
assert.match(got.messages[0].content.text, /arg1='one', arg2='two'/);
console.log('ok   prompts/get');

const refused = await inspect('--method', 'tools/list');
assert.notEqual(refused.code, 0);
assert.match(refused.errors, /needs an access token/);
console.log('ok   without a token it is refused');
