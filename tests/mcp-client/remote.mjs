// mcp-remote in front of GATEWAY (an address that demands authorization), as programs that only know stdio use it, and an official client behind it.
// mcp-remote knows nothing but the address: it discovers, registers, and has PERSON authorize in a browser, which is played here.
// Prints each step; exits with 1 at the first that does not do what it claims.
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { getDefaultEnvironment, StdioClientTransport } from '@modelcontextprotocol/sdk/client/stdio.js';
import { ElicitRequestSchema, LoggingMessageNotificationSchema } from '@modelcontextprotocol/sdk/types.js';
import { Browser } from '../../demo/lib/browser.mjs';

const program = join(dirname(createRequire(import.meta.url).resolve('mcp-remote/package.json')), 'dist/proxy.js');
const settings = await mkdtemp(join(tmpdir(), 'mcp-remote-'));
const text = (result) => result.content[0].text;

/** Signs in, allows, and follows the way back to mcp-remote's own address. */
async function authorize(url) {
  const browser = new Browser();
  let page = await browser.open(url);
  page = await browser.press(page, 'Sign in', { username: process.env.PERSON });
  page = await browser.press(page, 'Allow');
  assert.equal(page.status, 200, page.text);
}

/** A client behind a new mcp-remote; `authorized` counts how often a person was asked. */
async function start() {
  const transport = new StdioClientTransport({
    command: process.execPath,
    args: [program, process.env.GATEWAY],
    // Where it keeps what it is given, and no browser of this machine.
    env: { ...getDefaultEnvironment(), MCP_REMOTE_CONFIG_DIR: settings, BROWSER: 'true' },
    stderr: 'pipe',
  });
  const started = { authorized: 0, said: '', logged: [] };
  transport.stderr.on('data', (piece) => {
    started.said += piece;
    const url = started.authorized === 0 && /authorize this client by visiting:\s+(\S+)\s/.exec(started.said)?.[1];
    if (!url) return;
    started.authorized++;
    authorize(url).catch((error) => { console.log(`FAIL authorization\n${error.stack}`); process.exit(1); });
  });
  const client = new Client({ name: 'behind-mcp-remote', version: '1' }, { capabilities: { elicitation: {} } });
  client.setRequestHandler(ElicitRequestSchema, () => ({ action: 'accept', content: { username: 'u', email: 'e@example.com' } }));
  client.setNotificationHandler(LoggingMessageNotificationSchema, ({ params }) => void started.logged.push(params.data));
  await client.connect(transport, { timeout: 60_000 }).catch((error) => { throw new Error(`${error.message}\n${started.said}`); });
  return { ...started, client, started };
}

try {
  const { client, started } = await start();
  assert.equal(started.authorized, 1);
  console.log('ok   authorization, and the handshake');

  const { tools } = await client.listTools();
  assert.ok(tools.some(({ name }) => name === 'test_simple_text'));
  assert.match(text(await client.callTool({ name: 'test_simple_text', arguments: {} })), /simple text/);
  console.log('ok   tools');

  const progress = [];
  assert.equal(text(await client.callTool({ name: 'test_tool_with_progress', arguments: {} }, undefined, { onprogress: ({ progress: done }) => progress.push(done) })), 'progressed');
  assert.deepEqual(progress, [0, 50, 100]);
  console.log('ok   progress');

  await client.setLoggingLevel('info');
  await client.callTool({ name: 'test_tool_with_logging', arguments: {} });
  assert.equal(started.logged.length, 3);
  console.log('ok   log messages');

  assert.match(text(await client.callTool({ name: 'test_elicitation', arguments: { message: 'Who?' } })), /action=accept.*"username":"u"/);
  console.log('ok   a question');

  assert.match((await client.readResource({ uri: 'test://static-text' })).contents[0].text, /static text/);
  console.log('ok   resources');
  await client.close();

  const again = await start();
  assert.equal(again.started.authorized, 0);
  assert.match(text(await again.client.callTool({ name: 'test_simple_text', arguments: {} })), /simple text/);
  console.log('ok   a second start needs nobody');
  await again.client.close();
} finally {
  await rm(settings, { recursive: true, force: true });
}
process.exit(0);
