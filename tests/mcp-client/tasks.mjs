// Tasks of MCP 2025-11-25 through the gateway, with the official client: ALICE and BOB are addresses of an integration that has them, for two people of one agent
// who each have a token of their own there; SHARED and SHARED_BOB are the same server with one token for all. ALL is all integrations.
// Prints each step; exits with 1 at the first that does not do what it claims.
import assert from 'node:assert/strict';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { CallToolResultSchema, CreateTaskResultSchema } from '@modelcontextprotocol/sdk/types.js';

async function connect(url) {
  const client = new Client({ name: 'tasks', version: '1' }, { capabilities: {} });
  await client.connect(new StreamableHTTPClientTransport(new URL(url)));
  await client.listTools();
  return { client, tasks: client.experimental.tasks };
}
const start = async ({ client }, milliseconds) =>
  (await client.request({ method: 'tools/call', params: { name: 'work', arguments: { milliseconds }, task: { ttl: 60_000 } } }, CreateTaskResultSchema)).task;
const notFound = { code: -32602, message: /Task not found/ };

const alice = await connect(process.env.ALICE);
const bob = await connect(process.env.BOB);

assert.deepEqual(alice.client.getServerCapabilities().tasks, { list: {}, cancel: {}, requests: { tools: { call: {} } } });
const seen = [];
for await (const message of alice.tasks.callToolStream({ name: 'work', arguments: { milliseconds: 200 } }, CallToolResultSchema, { task: { ttl: 60_000 } })) seen.push(message);
assert.equal(seen[0].type, 'taskCreated');
assert.equal(seen.at(-1).type, 'result', JSON.stringify(seen.at(-1)));
assert.equal(seen.at(-1).result.content[0].text, 'worked');
console.log('ok   a call as a task, followed to its result');

const long = await start(alice, 600_000);
assert.equal((await alice.tasks.getTask(long.taskId)).status, 'working');
assert.ok((await alice.tasks.listTasks()).tasks.some(({ taskId }) => taskId === long.taskId));
console.log('ok   tasks/get and tasks/list');

await assert.rejects(bob.tasks.getTask(long.taskId), notFound);
await assert.rejects(bob.tasks.getTaskResult(long.taskId, CallToolResultSchema), notFound);
await assert.rejects(bob.tasks.cancelTask(long.taskId), notFound);
assert.equal((await alice.tasks.getTask(long.taskId)).status, 'working');
console.log("ok   another person's task cannot be had");

assert.equal((await alice.tasks.cancelTask(long.taskId)).status, 'cancelled');
assert.equal((await alice.tasks.getTask(long.taskId)).status, 'cancelled');
console.log('ok   tasks/cancel');

const short = await start(alice, 100);
assert.equal((await alice.tasks.getTaskResult(short.taskId, CallToolResultSchema)).content[0].text, 'worked');
const again = await connect(process.env.ALICE);
assert.equal((await again.tasks.getTaskResult(short.taskId, CallToolResultSchema)).content[0].text, 'worked');
console.log('ok   tasks/result, also in another session of the same person and agent');

const shared = await connect(process.env.SHARED);
const sharedBob = await connect(process.env.SHARED_BOB);
assert.deepEqual(shared.client.getServerCapabilities().tasks, { cancel: {}, requests: { tools: { call: {} } } });
const among = await start(shared, 600_000);
assert.equal((await shared.tasks.getTask(among.taskId)).status, 'working');
await assert.rejects(sharedBob.tasks.getTask(among.taskId), notFound);
await assert.rejects(sharedBob.client.request({ method: 'tasks/list' }, CreateTaskResultSchema), { code: -32601 });
await assert.rejects(alice.tasks.getTask(among.taskId), notFound);
console.log('ok   where all share one token, tasks are their callers\' and are not listed');

const all = await connect(process.env.ALL);
assert.equal(all.client.getServerCapabilities().tasks, undefined);
console.log('ok   all integrations together offer no tasks');
process.exit(0);
