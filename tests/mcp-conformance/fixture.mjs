// The tools, prompts and resources that @modelcontextprotocol/conformance's server scenarios call for, on the published SDKs:
// 2026-07-28 by SDK v2 (stateless), 2025-11-25 by SDK v1 (sessionful). Standalone: PORT=9650 node conformance-fixture.mjs;
// inside server.mjs it is the protected path /conformance, so that the suite can be run through a gateway.
import http from 'node:http';
import { randomUUID } from 'node:crypto';
import { pathToFileURL } from 'node:url';
import { toNodeHandler, toWebRequest } from '@modelcontextprotocol/node';
import { acceptedContent, createMcpHandler, createRequestStateCodec, fromJsonSchema, inputRequired, inputResponse, isLegacyRequest, McpServer, ResourceTemplate, CLIENT_CAPABILITIES_META_KEY } from '@modelcontextprotocol/server';
import { McpServer as V1, ResourceTemplate as V1Template } from '@modelcontextprotocol/sdk/server/mcp.js';
import { SSEServerTransport } from '@modelcontextprotocol/sdk/server/sse.js';
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js';
import * as z from 'zod/v4';

const PNG = 'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8DwHwAFBQIAX8jx0gAAAABJRU5ErkJggg==';
const WAV = 'UklGRiYAAABXQVZFZm10IBAAAAABAAEAQB8AAAB9AAACABAAZGF0YQIAAAA=';
const text = (t) => ({ content: [{ type: 'text', text: t }] });
const pause = (ms) => new Promise((r) => setTimeout(r, ms));
const SCHEMA = { $schema: 'https://json-schema.org/draft/2020-12/schema', type: 'object', $defs: { address: { $anchor: 'addressDef', type: 'object', properties: { street: { type: 'string' }, city: { type: 'string' } } } }, properties: { name: { type: 'string' }, address: { $ref: '#/$defs/address' }, contactMethod: { type: 'string', enum: ['phone', 'email'] }, phone: { type: 'string' }, email: { type: 'string' } }, allOf: [{ anyOf: [{ required: ['phone'] }, { required: ['email'] }] }], if: { properties: { contactMethod: { const: 'phone' } }, required: ['contactMethod'] }, then: { required: ['phone'] }, else: { required: ['email'] }, additionalProperties: false };
const NONE = fromJsonSchema({ type: 'object', properties: {} });
const form = (message, properties, required = Object.keys(properties)) => ({ message, requestedSchema: { type: 'object', properties, required } });
const DEFAULTS = form('Please review', { name: { type: 'string', default: 'John Doe' }, age: { type: 'integer', default: 30 }, score: { type: 'number', default: 95.5 }, status: { type: 'string', enum: ['active', 'inactive', 'pending'], default: 'active' }, verified: { type: 'boolean', default: true } }, []);
const ENUMS = form('Please select', { untitledSingle: { type: 'string', enum: ['option1', 'option2', 'option3'] }, titledSingle: { type: 'string', oneOf: [{ const: 'value1', title: 'First' }, { const: 'value2', title: 'Second' }, { const: 'value3', title: 'Third' }] }, legacyEnum: { type: 'string', enum: ['opt1', 'opt2', 'opt3'], enumNames: ['One', 'Two', 'Three'] }, untitledMulti: { type: 'array', minItems: 1, maxItems: 3, items: { type: 'string', enum: ['option1', 'option2', 'option3'] } }, titledMulti: { type: 'array', minItems: 1, maxItems: 3, items: { anyOf: [{ const: 'value1', title: 'First' }, { const: 'value2', title: 'Second' }, { const: 'value3', title: 'Third' }] } } }, []);

/** What both eras share. T(name, description, run), x = {progress, log}. */
function shared({ T, P, Rs, Rt }) {
  T('test_simple_text', 'Simple text', async () => text('This is a simple text response for testing.'));
  T('test_image_content', 'Image', async () => ({ content: [{ type: 'image', data: PNG, mimeType: 'image/png' }] }));
  T('test_audio_content', 'Audio', async () => ({ content: [{ type: 'audio', data: WAV, mimeType: 'audio/wav' }] }));
  T('test_embedded_resource', 'Embedded resource', async () => ({ content: [{ type: 'resource', resource: { uri: 'test://embedded-resource', mimeType: 'text/plain', text: 'This is an embedded resource content.' } }] }));
  T('test_multiple_content_types', 'Mixed content', async () => ({ content: [{ type: 'text', text: 'Multiple content types test:' }, { type: 'image', data: PNG, mimeType: 'image/png' }, { type: 'resource', resource: { uri: 'test://mixed-content-resource', mimeType: 'application/json', text: '{"test":"data","value":123}' } }] }));
  T('test_tool_with_logging', 'Logs while it runs', async (x) => { for (const m of ['Tool execution started', 'Tool processing data', 'Tool execution completed']) { await x.log('info', m); await pause(50); } return text('logged'); });
  T('test_tool_with_progress', 'Reports progress', async (x) => { for (const p of [0, 50, 100]) { await x.progress(p, 100); await pause(50); } return text('progressed'); });
  T('test_error_handling', 'Always fails', async () => { throw new Error('This tool intentionally returns an error for testing'); });
  P('test_simple_prompt', 'Simple', {}, async () => ({ messages: [{ role: 'user', content: { type: 'text', text: 'This is a simple prompt for testing.' } }] }));
  P('test_prompt_with_arguments', 'With arguments', { arg1: z.string(), arg2: z.string() }, async ({ arg1, arg2 }) => ({ messages: [{ role: 'user', content: { type: 'text', text: `Prompt with arguments: arg1='${arg1}', arg2='${arg2}'` } }] }));
  P('test_prompt_with_embedded_resource', 'Embeds a resource', { resourceUri: z.string() }, async ({ resourceUri }) => ({ messages: [{ role: 'user', content: { type: 'resource', resource: { uri: resourceUri, mimeType: 'text/plain', text: 'Embedded resource content for testing.' } } }, { role: 'user', content: { type: 'text', text: 'Please process the embedded resource above.' } }] }));
  P('test_prompt_with_image', 'With an image', {}, async () => ({ messages: [{ role: 'user', content: { type: 'image', data: PNG, mimeType: 'image/png' } }, { role: 'user', content: { type: 'text', text: 'Please analyze the image above.' } }] }));
  Rs('static-text', 'test://static-text', 'text/plain', { text: 'This is the content of the static text resource.' });
  Rs('static-binary', 'test://static-binary', 'image/png', { blob: PNG });
  Rs('watched-resource', 'test://watched-resource', 'text/plain', { text: 'Watched resource content' });
  Rt('template', 'test://template/{id}/data', (id) => JSON.stringify({ id, templateTest: true, data: `Data for ID: ${id}` }));
}

const codec = createRequestStateCodec({ key: 'conformance-fixture-key-32-bytes-long!!' });
let handler;
function modernServer() {
  const s = new McpServer({ name: 'conformance-fixture', version: '1.0.0' }, { capabilities: { logging: {}, completions: {}, tools: { listChanged: true }, prompts: { listChanged: true }, resources: { subscribe: true, listChanged: true } }, requestState: { verify: codec.verify } });
  const X = (ctx) => ({ progress: async (progress, total) => { const t = ctx.mcpReq._meta?.progressToken; if (t !== undefined) await ctx.mcpReq.notify({ method: 'notifications/progress', params: { progressToken: t, progress, total } }); }, log: (l, d) => ctx.mcpReq.log(l, d) });
  const raw = (name, description, run, schema = NONE) => s.registerTool(name, { description, inputSchema: schema }, run);
  shared({ T: (n, d, run) => raw(n, d, (_a, ctx) => run(X(ctx))), P: (n, d, args, run) => s.registerPrompt(n, { description: d, ...(Object.keys(args).length ? { argsSchema: z.object(args) } : {}) }, run), Rs: (n, uri, mimeType, body) => s.registerResource(n, uri, { description: n, mimeType }, async () => ({ contents: [{ uri, mimeType, ...body }] })), Rt: (n, t, f) => s.registerResource(n, new ResourceTemplate(t, { list: undefined }), { description: n, mimeType: 'application/json' }, async (uri, { id }) => ({ contents: [{ uri: uri.href, mimeType: 'application/json', text: f(id) }] })) });
  raw('json_schema_2020_12_tool', 'Tool with JSON Schema 2020-12 features', async (a) => text(JSON.stringify(a)), fromJsonSchema(SCHEMA));
  raw('test_x_mcp_header', 'Parameters mirrored into headers', async (a) => text(JSON.stringify(a)), fromJsonSchema({ type: 'object', properties: { region: { type: 'string', 'x-mcp-header': 'Region' }, priority: { type: 'integer', 'x-mcp-header': 'Priority' }, flag: { type: 'boolean', 'x-mcp-header': 'Flag' } } }));
  const ask = { user_name: inputRequired.elicit(form('What is your name?', { name: { type: 'string' } })) };
  raw('test_input_required_result_elicitation', 'Form elicitation', async (_a, ctx) => { const n = acceptedContent(ctx.mcpReq.inputResponses, 'user_name', z.object({ name: z.string() })); return n ? text(`Hello, ${n.name}!`) : inputRequired({ inputRequests: ask }); });
  const sample = (t, maxTokens) => inputRequired.createMessage({ messages: [{ role: 'user', content: { type: 'text', text: t } }], maxTokens });
  raw('test_input_required_result_sampling', 'Sampling', async (_a, ctx) => { const v = ctx.mcpReq.inputResponses?.capital_question; return v ? text(`Model said: ${v.content?.text ?? JSON.stringify(v.content)}`) : inputRequired({ inputRequests: { capital_question: sample('What is the capital of France?', 100) } }); });
  raw('test_input_required_result_list_roots', 'Roots', async (_a, ctx) => { const v = ctx.mcpReq.inputResponses?.client_roots; return v?.roots ? text(`Roots: ${v.roots.map((r) => `${r.name ?? ''} ${r.uri}`).join(', ')}`) : inputRequired({ inputRequests: { client_roots: inputRequired.listRoots() } }); });
  const confirm = { confirm: inputRequired.elicit(form('Please confirm', { ok: { type: 'boolean' } })) };
  for (const n of ['test_input_required_result_request_state', 'test_input_required_result_tampered_state']) raw(n, 'Integrity-protected state', async (_a, ctx) => { const st = ctx.mcpReq.requestState(), ok = acceptedContent(ctx.mcpReq.inputResponses, 'confirm', z.object({ ok: z.boolean() })); return st && ok ? text('state-ok') : inputRequired({ inputRequests: confirm, requestState: await codec.mint({ n }) }); });
  raw('test_input_required_result_multiple_inputs', 'Three inputs at once', async (_a, ctx) => { const r = ctx.mcpReq.inputResponses ?? {}; return r.user_name && r.greeting && r.client_roots ? text(`All inputs received: ${Object.keys(r)}`) : inputRequired({ inputRequests: { ...ask, greeting: sample('Generate a greeting', 50), client_roots: inputRequired.listRoots() }, requestState: await codec.mint({ r: 1 }) }); });
  raw('test_input_required_result_multi_round', 'Two rounds', async (_a, ctx) => { const st = ctx.mcpReq.requestState(); const a = acceptedContent(ctx.mcpReq.inputResponses, 'step1', z.object({ name: z.string() })), b = acceptedContent(ctx.mcpReq.inputResponses, 'step2', z.object({ color: z.string() })); if (st?.name && b) return text(`${st.name} likes ${b.color}`); if (a) return inputRequired({ inputRequests: { step2: inputRequired.elicit(form('Step 2: What is your favorite color?', { color: { type: 'string' } })) }, requestState: await codec.mint({ name: a.name }) }); return inputRequired({ inputRequests: { step1: inputRequired.elicit(form('Step 1: What is your name?', { name: { type: 'string' } })) }, requestState: await codec.mint({ round: 1 }) }); });
  raw('test_input_required_result_capabilities', 'Asks only what the client can answer', async (_a, ctx) => { const c = ctx.mcpReq.envelope?.clientCapabilities ?? ctx.mcpReq.envelope?.[CLIENT_CAPABILITIES_META_KEY] ?? {}; const r = ctx.mcpReq.inputResponses; if (r && Object.keys(r).length) return text('done'); const q = { ...(c.sampling ? { q: sample('Hello?', 20) } : {}), ...(c.elicitation ? { e: ask.user_name } : {}) }; return Object.keys(q).length ? inputRequired({ inputRequests: q }) : text('nothing to ask'); });
  // What the scenarios of the older revisions call: the same questions, asked the way this revision does.
  const asked = (name, description, questions, say, shape) => raw(name, description, async (a, ctx) => { const r = ctx.mcpReq.inputResponses?.q; return r ? text(say(r)) : inputRequired({ inputRequests: { q: questions(a) } }); }, shape);
  const args = (name) => fromJsonSchema({ type: 'object', properties: { [name]: { type: 'string' } }, required: [name] });
  const answered = (r) => `action=${r.action}, content=${JSON.stringify(r.content ?? {})}`;
  asked('test_sampling', 'Sampling', ({ prompt }) => sample(prompt, 100), (r) => `LLM response: ${r.content?.text}`, args('prompt'));
  asked('test_elicitation', 'Elicitation', ({ message }) => inputRequired.elicit(form(message, { username: { type: 'string' }, email: { type: 'string' } })), (r) => `User response: ${answered(r)}`, args('message'));
  asked('test_elicitation_sep1034_defaults', 'Defaults', () => inputRequired.elicit(DEFAULTS), (r) => `Elicitation completed: ${answered(r)}`);
  asked('test_elicitation_sep1330_enums', 'Enums', () => inputRequired.elicit(ENUMS), (r) => `Elicitation completed: ${answered(r)}`);
  raw('test_missing_capability', 'Needs sampling', async () => inputRequired({ inputRequests: { q: sample('Hello?', 20) } }));
  raw('test_streaming_elicitation', 'Progress, then input_required', async (_a, ctx) => { await X(ctx).progress(1, 2); const n = acceptedContent(ctx.mcpReq.inputResponses, 'user_name', z.object({ name: z.string() })); return n ? text(`Hello, ${n.name}!`) : inputRequired({ inputRequests: ask }); });
  raw('test_logging_tool', 'Logs', async (_a, ctx) => { await ctx.mcpReq.log('info', 'from the tool'); return text('ok'); });
  raw('test_trigger_tool_change', 'Announces a change of the tool list', async () => { setTimeout(() => handler.notify.toolsChanged(), 20); return text('ok'); });
  raw('test_trigger_resource_update', 'Tells of a change of a resource', async () => { setTimeout(() => handler.notify.resourceUpdated('test://watched-resource'), 20); return text('ok'); });
  raw('test_trigger_prompt_change', 'Announces a change of the prompt list', async () => { setTimeout(() => handler.notify.promptsChanged(), 20); return text('ok'); });
  s.registerPrompt('test_input_required_result_prompt', { description: 'Needs input' }, async (ctx) => { const c = acceptedContent(ctx.mcpReq.inputResponses, 'user_context', z.object({ context: z.string() })); return c ? { messages: [{ role: 'user', content: { type: 'text', text: `Context: ${c.context}` } }] } : inputRequired({ inputRequests: { user_context: inputRequired.elicit(form('What context should the prompt use?', { context: { type: 'string' } })) } }); });
  s.server.setRequestHandler('completion/complete', async () => ({ completion: { values: ['paris', 'park'], total: 2, hasMore: false } }));
  return s;
}
handler = createMcpHandler(modernServer, { legacy: 'reject' });
const modernNode = toNodeHandler(handler);

const sessions = new Map();
const events = [];
class Store { m = new Map(); n = 0; async storeEvent(stream, message) { const id = `${stream}_${String(++this.n).padStart(6, '0')}`; this.m.set(id, { stream, message }); return id; } async replayEventsAfter(last, { send }) { const e = this.m.get(last); let on = false; for (const [id, v] of this.m) { if (on && v.stream === e?.stream && v.message && Object.keys(v.message).length) await send(id, v.message); if (id === last) on = true; } return e?.stream ?? ''; } }
function legacyServer(transportOf) {
  const s = new V1({ name: 'conformance-fixture', version: '1.0.0' }, { capabilities: { logging: {}, completions: {}, tools: { listChanged: true }, prompts: { listChanged: true }, resources: { subscribe: true, listChanged: true } } });
  const reg = (n, d, run, shape = {}) => s.registerTool(n, { description: d, inputSchema: shape }, run);
  shared({ T: (n, d, run) => reg(n, d, async (_a, e) => run({ progress: async (progress, total) => { const t = e._meta?.progressToken; if (t !== undefined) await e.sendNotification({ method: 'notifications/progress', params: { progressToken: t, progress, total } }); }, log: (level, data) => e.sendNotification({ method: 'notifications/message', params: { level, data } }) })), P: (n, d, args, run) => s.registerPrompt(n, { description: d, ...(Object.keys(args).length ? { argsSchema: args } : {}) }, run), Rs: (n, uri, mimeType, body) => s.registerResource(n, uri, { description: n, mimeType }, async () => ({ contents: [{ uri, mimeType, ...body }] })), Rt: (n, t, f) => s.registerResource(n, new V1Template(t, { list: undefined }), { description: n, mimeType: 'application/json' }, async (uri, { id }) => ({ contents: [{ uri: uri.href, mimeType: 'application/json', text: f(id) }] })) });
  const elicit = (e, params) => e.sendRequest({ method: 'elicitation/create', params }, z.looseObject({ action: z.string() }));
  reg('test_sampling', 'Sampling by a server request', async ({ prompt }, e) => { const r = await e.sendRequest({ method: 'sampling/createMessage', params: { messages: [{ role: 'user', content: { type: 'text', text: prompt } }], maxTokens: 100 } }, z.looseObject({})); return text(`LLM response: ${r.content?.text}`); }, { prompt: z.string() });
  reg('test_elicitation', 'Elicitation by a server request', async ({ message }, e) => { const r = await elicit(e, form(message, { username: { type: 'string' }, email: { type: 'string' } })); return text(`User response: action=${r.action}, content=${JSON.stringify(r.content ?? {})}`); }, { message: z.string() });
  reg('test_elicitation_beside', 'Elicitation on the session\'s own stream', async () => { const r = await s.server.elicitInput(form('Your name?', { name: { type: 'string' } })); return text(`action=${r.action}, content=${JSON.stringify(r.content ?? {})}`); });
  reg('test_two_questions', 'Two elicitations, one after the other', async (_a, e) => { const a = await elicit(e, form('First?', { name: { type: 'string' } })), b = await elicit(e, form('Second?', { name: { type: 'string' } })); return text(`${a.content?.name} and ${b.content?.name}`); });
  reg('test_slow', 'Takes half a minute unless it is cancelled', async (_a, e) => { const ended = await new Promise((r) => { const t = setTimeout(() => r('done'), 30000); e.signal.addEventListener('abort', () => { clearTimeout(t); r('cancelled'); }); }); events.push(ended); return text(ended); });
  reg('test_events', 'What happened to slow calls', async () => text(events.join(' ')));
  reg('test_elicitation_sep1034_defaults', 'Defaults', async (_a, e) => { const r = await elicit(e, DEFAULTS); return text(`Elicitation completed: action=${r.action}, content=${JSON.stringify(r.content ?? {})}`); });
  reg('test_elicitation_sep1330_enums', 'Enums', async (_a, e) => { const r = await elicit(e, ENUMS); return text(`Elicitation completed: action=${r.action}, content=${JSON.stringify(r.content ?? {})}`); });
  const announced = s.registerTool('test_hidden', { description: 'Not there at first', inputSchema: {} }, async () => text('seen'));
  announced.disable();
  reg('test_trigger_tool_change', 'Changes the tool list', async () => { setTimeout(() => announced.enable(), 20); return text('ok'); });
  reg('test_trigger_resource_update', 'Tells of a change of a resource', async () => { setTimeout(() => s.server.sendResourceUpdated({ uri: 'test://watched-resource' }), 20); return text('ok'); });
  reg('test_reconnection', 'Closes its stream mid-call', async (_a, e) => { transportOf()?.closeSSEStream?.(e.requestId); await pause(100); return text('Reconnection test completed'); });
  reg('json_schema_2020_12_tool', 'Tool with JSON Schema 2020-12 features', async (a) => text(JSON.stringify(a)), { name: z.string().optional() });
  const low = s.server, list = low._requestHandlers.get('tools/list');
  low._requestHandlers.set('tools/list', async (...a) => { const r = await list(...a); for (const t of r.tools) if (t.name === 'json_schema_2020_12_tool') t.inputSchema = SCHEMA; return r; });
  const any = (m) => z.looseObject({ method: z.literal(m) });
  low.setRequestHandler(any('resources/subscribe'), async () => ({})); low.setRequestHandler(any('resources/unsubscribe'), async () => ({}));
  low.setRequestHandler(any('logging/setLevel'), async () => ({})); low.setRequestHandler(any('completion/complete'), async () => ({ completion: { values: ['paris', 'park'], total: 2, hasMore: false } }));
  return s;
}
async function legacy(req, res, body) {
  const id = req.headers['mcp-session-id']; let t = id && sessions.get(id);
  if (id && !t) { res.writeHead(404, { 'content-type': 'application/json' }); return res.end('{"jsonrpc":"2.0","error":{"code":-32001,"message":"Session not found"},"id":null}'); }
  if (!t) {
    if (body?.method !== 'initialize') { res.writeHead(400, { 'content-type': 'application/json' }); return res.end('{"jsonrpc":"2.0","error":{"code":-32000,"message":"no session"},"id":null}'); }
    t = new StreamableHTTPServerTransport({ sessionIdGenerator: () => randomUUID(), eventStore: new Store(), retryInterval: 500, onsessioninitialized: (sid) => sessions.set(sid, t) }); t.onclose = () => sessions.delete(t.sessionId); await legacyServer(() => t).connect(t);
  }
  await t.handleRequest(req, res, body);
}
const LOCAL = /^(localhost|127\.0\.0\.1|\[::1\])(:\d+)?$/;
/** The transport of 2024-11-05. */
const streams = new Map();
async function sse(req, res, body) {
  if (req.method === 'GET') {
    const t = new SSEServerTransport('/sse/messages', res);
    streams.set(t.sessionId, t);
    res.on('close', () => streams.delete(t.sessionId));
    return legacyServer(() => null).connect(t);
  }
  const t = streams.get(new URL(req.url, 'http://localhost').searchParams.get('sessionId'));
  return t ? t.handlePostMessage(req, res, body) : res.writeHead(405).end();
}
export async function conformance(req, res, body) {
  if (!LOCAL.test(req.headers.host ?? '') || (req.headers.origin && !LOCAL.test(req.headers.origin.replace(/^https?:\/\//, '')))) { res.writeHead(403, { 'content-type': 'application/json' }); return res.end('{"jsonrpc":"2.0","error":{"code":-32600,"message":"host or origin not allowed"},"id":null}'); }
  const path = req.url.split('?')[0];
  if (path.startsWith('/sse')) return sse(req, res, body);
  if (path === '/modern') return modernNode(req, res, body);
  const old = path === '/legacy' || req.method !== 'POST' || (await (async () => isLegacyRequest(await toWebRequest(req, body)))().catch(() => false));
  return old ? legacy(req, res, body) : modernNode(req, res, body);
}
if (import.meta.url === pathToFileURL(process.argv[1]).href) {
  const port = Number(process.env.PORT ?? 0);
  http.createServer(async (req, res) => { const c = []; for await (const x of req) c.push(x); let b; try { b = c.length ? JSON.parse(Buffer.concat(c)) : undefined; } catch { res.writeHead(400, { 'content-type': 'application/json' }); return res.end('{"jsonrpc":"2.0","error":{"code":-32700,"message":"Parse error"},"id":null}'); } await conformance(req, res, b).catch((e) => { console.error(e); if (!res.headersSent) res.writeHead(500); res.end(); }); }).listen(port, '127.0.0.1', function () { console.log(`fixture at http://127.0.0.1:${this.address().port}/mcp`); });
}
