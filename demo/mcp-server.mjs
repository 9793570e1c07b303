// "Tracker": MCP servers for the demo and the tests, one for each way of authentication.
//   /mcp        issues, for access tokens of the OAuth provider (checked by introspection)
//   /notes/mcp  notes, for personal tokens: notes-token-of-<person>
//   /wiki/mcp   a wiki, for the token its organization shares: wiki-token-of-acme
//   /clock/mcp  a clock, for everybody
// GET /seen tells whose token arrived with each request, and its SHA-256: enough to prove which token it was not.
//
//   PORT=9500 IDP=http://127.0.0.1:9400 node demo/mcp-server.mjs
import http from 'node:http';
import { createHash } from 'node:crypto';
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js';
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js';
import { z } from 'zod';

const port = Number(process.env.PORT ?? 9500);
const idp = process.env.IDP ?? 'http://127.0.0.1:9400';
const resourceServer = Buffer.from('mcp-upstream-rs:rs-secret').toString('base64');
const seen = [];
const issues = [{ repo: 'acme/frontend', title: 'Button is off by one pixel' }];

const text = (value) => ({ content: [{ type: 'text', text: typeof value === 'string' ? value : JSON.stringify(value) }] });

function tracker(person) {
  const server = new McpServer({ name: 'tracker', version: '1.0.0' });
  const tool = (name, description, inputSchema, run, annotations = {}) => server.registerTool(name, { description, inputSchema, annotations }, run);
  tool('list_issues', 'Lists the issues of a repository', { repo: z.string().optional() }, async ({ repo }) => text(issues.filter((issue) => !repo || issue.repo === repo)), { readOnlyHint: true });
  tool('create_issue', 'Creates an issue', { repo: z.string(), title: z.string() }, async ({ repo, title }) => {
    issues.push({ repo, title, author: person });
    return text(`created issue ${issues.length} in ${repo} as ${person}`);
  });
  tool('delete_repo', 'Deletes a repository for good', { repo: z.string() }, async ({ repo }) => text(`${repo} is gone`), { destructiveHint: true });
  tool('whoami', 'Tells whose account this is', {}, async () => text(person), { readOnlyHint: true });
  return server;
}

function notes(person) {
  const server = new McpServer({ name: 'notes', version: '1.0.0' });
  server.registerTool('search_notes', { description: 'Searches the notes', inputSchema: { query: z.string() }, annotations: { readOnlyHint: true } }, async ({ query }) =>
    text(`${person} has one note about ${query}: ask the owner first`));
  return server;
}

function wiki(organization) {
  const server = new McpServer({ name: 'wiki', version: '1.0.0' });
  server.registerTool('read_page', { description: 'Reads a page', inputSchema: { title: z.string() }, annotations: { readOnlyHint: true } }, async ({ title }) => text(`${title}, as ${organization} wrote it`));
  return server;
}

function clock() {
  const server = new McpServer({ name: 'clock', version: '1.0.0' });
  server.registerTool('time', { description: 'Tells the time', inputSchema: {}, annotations: { readOnlyHint: true } }, async () => text(new Date().toISOString()));
  return server;
}

async function whoseAccessToken(token) {
  const answer = await fetch(`${idp}/introspect`, { method: 'POST', headers: { authorization: `Basic ${resourceServer}` }, body: new URLSearchParams({ token }) });
  const claims = await answer.json();
  return claims.active && claims.token_type === 'Bearer' ? claims.sub : null;
}
const whosePersonalToken = async (token) => /^notes-token-of-(\w+)$/.exec(token)?.[1] ?? null;

const whoseSharedToken = async (token) => /^wiki-token-of-(\w+)$/.exec(token)?.[1] ?? null;

const servers = {
  '/mcp': { build: tracker, whose: whoseAccessToken },
  '/notes/mcp': { build: notes, whose: whosePersonalToken },
  '/wiki/mcp': { build: wiki, whose: whoseSharedToken },
  '/clock/mcp': { build: clock, open: true },
};

http
  .createServer(async (request, response) => {
    const { pathname } = new URL(request.url, 'http://localhost');
    const json = (status, body, headers = {}) => response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(body));
    if (pathname === '/seen') return json(200, seen);
    const server = servers[pathname];
    if (!server) return json(404, { error: 'not_found' });
    const token = /^Bearer (.+)$/i.exec(request.headers.authorization ?? '')?.[1];
    const person = token && !server.open ? await server.whose(token).catch(() => null) : null;
    if (!person && !server.open) return json(401, { error: token ? 'invalid_token' : 'unauthorized' }, { 'www-authenticate': `Bearer realm="tracker"${token ? ', error="invalid_token"' : ''}` });
    seen.push({ path: pathname, person, tokenSha256: token ? createHash('sha256').update(token).digest('hex') : null });
    if (request.method !== 'POST') return json(405, { error: 'method_not_allowed' }, { allow: 'POST' });
    const transport = new StreamableHTTPServerTransport({ sessionIdGenerator: undefined, enableJsonResponse: true });
    response.on('close', () => transport.close());
    await server.build(person).connect(transport);
    await transport.handleRequest(request, response);
  })
  .listen(port, '127.0.0.1', function () {
    console.log(`tracker on http://127.0.0.1:${this.address().port}`);
  });
