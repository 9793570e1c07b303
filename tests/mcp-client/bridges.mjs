// The official clients of both eras in front of the gateway, servers of both eras behind it: questions, changes, cancellation, large results.
// OLD, NEW, SSE and ALL are addresses that need no authorization: an integration of an older server, one of 2026-07-28, one of HTTP+SSE,
// and all integrations.
// Prints each step; exits with 1 at the first that does not do what it claims.
import assert from 'node:assert/strict';
import { Client as Modern, StreamableHTTPClientTransport as ModernTransport } from '@modelcontextprotocol/client';
import { Client as Older } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport as OlderTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { CreateMessageRequestSchema, ElicitRequestSchema, ListRootsRequestSchema, LoggingMessageNotificationSchema, ResourceUpdatedNotificationSchema, ToolListChangedNotificationSchema } from '@modelcontextprotocol/sdk/types.js';

const capabilities = { elicitation: { form: {}, url: {} }, sampling: {}, roots: { listChanged: true } };
const text = (result) => result.content[0].text;
let asked = 0;
const answer = () => ({ action: 'accept', content: { name: `answer ${++asked}`, color: 'blue', username: 'u', email: 'e@example.com' } });
const sampled = () => ({ role: 'assistant', model: 'm', content: { type: 'text', text: 'sampled' } });

async function older(url) {
  const client = new Older({ name: 'older', version: '1' }, { capabilities });
  client.setRequestHandler(ElicitRequestSchema, answer);
  client.setRequestHandler(CreateMessageRequestSchema, sampled);
  client.setRequestHandler(ListRootsRequestSchema, () => ({ roots: [{ uri: 'file:///r', name: 'r' }] }));
  const transport = new OlderTransport(new URL(url));
  await client.connect(transport);
  return { client, transport, call: (name, args = {}) => client.callTool({ name, arguments: args }) };
}

async function modern(url) {
  const client = new Modern({ name: 'modern', version: '1' }, { capabilities, versionNegotiation: { mode: { pin: '2026-07-28' } } });
  client.setRequestHandler('elicitation/create', answer);
  client.setRequestHandler('sampling/createMessage', sampled);
  await client.connect(new ModernTransport(new URL(url)));
  return { client, call: (name, args = {}) => client.callTool({ name, arguments: args }) };
}

/** A promise and what fulfils it. */
const once = () => {
  let happened;
  const event = new Promise((resolve, reject) => {
    const limit = setTimeout(() => reject(new Error('It did not happen within 20 seconds.')), 20_000);
    happened = (value) => { clearTimeout(limit); resolve(value); };
  });
  return { event, happened };
};

const steps = [];
const step = (name, run) => steps.push({ name, run });

for (const [client, connect] of [['older', older], ['modern', modern]]) {
  step(`${client} client, older server: a question on the answer's own stream`, async () => {
    const { call } = await connect(process.env.OLD);
    assert.match(text(await call('test_elicitation', { message: 'Who?' })), /action=accept.*"username":"u"/);
    assert.match(text(await call('test_sampling', { prompt: 'Hello?' })), /sampled/);
  });
  step(`${client} client, older server: a question on the session's own stream`, async () => {
    const { call } = await connect(process.env.OLD);
    assert.match(text(await call('test_elicitation_beside')), /action=accept.*"name":"answer/);
  });
  step(`${client} client, older server: one question after the other`, async () => {
    const { call } = await connect(process.env.OLD);
    assert.match(text(await call('test_two_questions')), /^answer \d+ and answer \d+$/);
  });
  step(`${client} client, modern server: a question`, async () => {
    const { call } = await connect(process.env.NEW);
    assert.match(text(await call('test_elicitation', { message: 'Who?' })), /action=accept/);
    assert.match(text(await call('test_input_required_result_multi_round')), /^answer \d+ likes blue$/);
  });
  step(`${client} client, server of HTTP+SSE: tools, and a question`, async () => {
    const { client: connected, call } = await connect(process.env.SSE);
    assert.ok((await connected.listTools()).tools.some((tool) => tool.name === 'test_simple_text'));
    assert.match(text(await call('test_simple_text')), /simple text/);
    assert.match(text(await call('test_elicitation', { message: 'Who?' })), /action=accept/);
  });
  step(`${client} client, all integrations: questions of servers of both eras`, async () => {
    const { call } = await connect(process.env.ALL);
    assert.match(text(await call('old__test_elicitation', { message: 'Who?' })), /action=accept/);
    assert.match(text(await call('old__test_elicitation_beside')), /action=accept/);
    assert.match(text(await call('new__test_elicitation', { message: 'Who?' })), /action=accept/);
  });
}

for (const [server, address] of [['older', 'OLD'], ['modern', 'NEW']]) {
  step(`older client, ${server} server: log messages, changed tools, changed resources`, async () => {
    const { client, call } = await older(process.env[address]);
    const logged = once(), tools = once(), resource = once();
    client.setNotificationHandler(LoggingMessageNotificationSchema, logged.happened);
    client.setNotificationHandler(ToolListChangedNotificationSchema, tools.happened);
    client.setNotificationHandler(ResourceUpdatedNotificationSchema, resource.happened);
    await client.setLoggingLevel('info');
    await client.subscribeResource({ uri: 'test://watched-resource' });
    await call('test_tool_with_logging');
    await logged.event;
    // The stream is opened after the handshake, in its own time.
    const trigger = setInterval(() => { call('test_trigger_tool_change').catch(() => {}); call('test_trigger_resource_update').catch(() => {}); }, 700);
    try {
      await tools.event;
      assert.equal((await resource.event).params.uri, 'test://watched-resource');
    } finally {
      clearInterval(trigger);
    }
  });
  step(`modern client, ${server} server: a subscription`, async () => {
    const { client, call } = await modern(process.env[address]);
    const tools = once(), resource = once();
    client.setNotificationHandler('notifications/tools/list_changed', tools.happened);
    client.setNotificationHandler('notifications/resources/updated', resource.happened);
    const subscription = await client.listen({ toolsListChanged: true, resourceSubscriptions: ['test://watched-resource'] });
    if (server === 'modern') {
      await call('test_trigger_tool_change');
      await call('test_trigger_resource_update');
      await tools.event;
      await resource.event;
    }
    await subscription.close();
  });
}

step('older client: a cancelled request is cancelled at the server', async () => {
  const { client, call } = await older(process.env.OLD);
  const cancel = new AbortController();
  const slow = client.callTool({ name: 'test_slow', arguments: {} }, undefined, { signal: cancel.signal });
  setTimeout(() => cancel.abort('enough'), 300);
  await assert.rejects(slow);
  for (let tries = 0; tries < 40; tries++) {
    if (/cancelled/.test(text(await call('test_events')))) return;
    await new Promise((resolve) => setTimeout(resolve, 250));
  }
  assert.fail('The server was not told.');
});

step('older client: a session that was ended is gone, and another person cannot use one', async () => {
  const { client, transport } = await older(process.env.OLD);
  const id = transport.sessionId;
  assert.ok(id);
  await transport.terminateSession();
  const again = await fetch(process.env.OLD, {
    method: 'POST',
    headers: { 'content-type': 'application/json', accept: 'application/json, text/event-stream', 'mcp-session-id': id, 'mcp-protocol-version': '2025-11-25' },
    body: JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/list' }),
  });
  assert.equal(again.status, 404);
  assert.match((await again.json()).error.message, /^Session .* not found$/);
  await client.close();
});

const only = process.env.ONLY;
for (const { name, run } of steps.filter((one) => !only || one.name.includes(only))) {
  try {
    await run();
    console.log(`ok   ${name}`);
  } catch (error) {
    console.log(`FAIL ${name}\n${error.stack}`);
    process.exit(1);
  }
}
process.exit(0);
