// An MCP server of 2025-11-25 with tasks, on the published SDK. It knows its tasks by their ids alone and shows them to whoever asks,
// so that keeping people's tasks apart is left to whoever stands before it. Prints its address.
import http from 'node:http';
import { randomUUID } from 'node:crypto';
import { InMemoryTaskMessageQueue, InMemoryTaskStore } from '@modelcontextprotocol/sdk/experimental/tasks/stores/in-memory.js';
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js';
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js';
import * as z from 'zod/v4';

/** A store that does not ask whose session it is. */
class SharedTasks extends InMemoryTaskStore {
  lookup(taskId) { return this.tasks.get(taskId); }
  listTasks(cursor) { return super.listTasks(cursor); }
}

const store = new SharedTasks();
const queue = new InMemoryTaskMessageQueue();
const sessions = new Map();

function server() {
  const made = new McpServer({ name: 'task-server', version: '1' }, {
    capabilities: { tasks: { list: {}, cancel: {}, requests: { tools: { call: {} } } } },
    taskStore: store,
    taskMessageQueue: queue,
  });
  made.experimental.tasks.registerToolTask('work', { description: 'Works for a while', inputSchema: { milliseconds: z.number() }, execution: { taskSupport: 'required' } }, {
    async createTask({ milliseconds }, { taskStore, taskRequestedTtl }) {
      const task = await taskStore.createTask({ ttl: taskRequestedTtl, pollInterval: 50 });
      setTimeout(() => taskStore.storeTaskResult(task.taskId, 'completed', { content: [{ type: 'text', text: 'worked' }] }).catch(() => {}), milliseconds);
      return { task };
    },
    getTask: (_arguments, { taskId, taskStore }) => taskStore.getTask(taskId),
    getTaskResult: (_arguments, { taskId, taskStore }) => taskStore.getTaskResult(taskId),
  });
  return made;
}

http.createServer(async (request, response) => {
  const pieces = [];
  for await (const piece of request) pieces.push(piece);
  const body = pieces.length ? JSON.parse(Buffer.concat(pieces)) : undefined;
  const id = request.headers['mcp-session-id'];
  let transport = id && sessions.get(id);
  if (id && !transport) return response.writeHead(404, { 'content-type': 'application/json' }).end('{"jsonrpc":"2.0","error":{"code":-32001,"message":"Session not found"},"id":null}');
  if (!transport) {
    if (body?.method !== 'initialize') return response.writeHead(400, { 'content-type': 'application/json' }).end('{"jsonrpc":"2.0","error":{"code":-32000,"message":"no session"},"id":null}');
    transport = new StreamableHTTPServerTransport({ sessionIdGenerator: randomUUID, onsessioninitialized: (opened) => sessions.set(opened, transport) });
    await server().connect(transport);
  }
  await transport.handleRequest(request, response, body);
}).listen(Number(process.env.PORT ?? 0), '127.0.0.1', function () {
  console.log(`task server at http://127.0.0.1:${this.address().port}/mcp`);
});
