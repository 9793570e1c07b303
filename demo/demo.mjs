// An agent's day with Kontext, step by step, on real parts. Exits with 1 at the first step that does not do what it claims.
//
//   ./run demo                  starts everything and plays the day
//   ./run demo --interactive    you sign in, approve and connect in your own browser
//   ./run demo --keep           leaves everything running at the end
import http from 'node:http';
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { Browser } from './lib/browser.mjs';
import { Kontext } from './lib/kontext.mjs';
import { claim, got, sent, short, step, table } from './lib/steps.mjs';

const interactive = process.argv.includes('--interactive');
const keep = process.argv.includes('--keep');
const kontext = new Kontext(process.env.KONTEXT_URL ?? 'http://localhost:7071');
const commandLineClient = 'app_a4fb6d20-e937-450f-aa19-db585405aa92';
const sha256 = (text) => createHash('sha256').update(text).digest('hex');
const children = [];

/** Starts one of our programs and waits until it says where it listens. */
function start(file, environment, pattern) {
  const child = spawn(process.execPath, [new URL(file, import.meta.url).pathname], { env: { ...process.env, PORT: '0', ...environment }, stdio: ['ignore', 'pipe', 'inherit'] });
  children.push(child);
  return new Promise((resolve, reject) => {
    child.once('exit', (code) => reject(new Error(`${file} ended with ${code}`)));
    child.stdout.on('data', (data) => pattern.test(data) && resolve(pattern.exec(data)[1]));
  });
}

/** The person's part of an authorization: signs in, decides, and ends at the agent's redirect URI. */
async function decide(person, browser, request) {
  if (interactive) return waitForRedirect(request, person);
  let page = await browser.open(request.url, request.redirectUri);
  if (!page.location && page.forms.some((form) => form.fields.some((field) => field.name === 'username'))) {
    sent(`${person} signs in`);
    page = await browser.press(page, 'Sign in', { username: person }, request.redirectUri);
  }
  if (!page.location) {
    got(`consent page: ${page.text.slice(0, 160)}…`);
    sent(`${person} presses Allow`);
    page = await browser.press(page, 'Allow', {}, request.redirectUri);
  }
  claim(page.location, 'sign-in and consent lead back to the agent', page.text);
  return page.location.searchParams;
}

function waitForRedirect(request, person) {
  return new Promise((resolve) => {
    const listener = http.createServer((incoming, response) => {
      response.end('Done. Go back to the terminal.');
      listener.close();
      resolve(new URL(incoming.url, request.redirectUri).searchParams);
    });
    listener.listen(Number(new URL(request.redirectUri).port), '127.0.0.1', () => console.log(`   Open this as ${person}:\n   ${request.url}`));
  });
}

async function authorize(person, browser, server, parameters) {
  const request = kontext.authorization(server, parameters);
  const returned = await decide(person, browser, request);
  claim(returned.get('state') === request.state && returned.get('iss') === server.issuer, 'the answer carries our state and the issuer', Object.fromEntries(returned));
  claim(returned.get('code'), 'the answer carries a code', Object.fromEntries(returned));
  const tokens = await kontext.redeem(server, request, returned.get('code'));
  claim(tokens.status === 200, 'the code is redeemed with its PKCE verifier', tokens);
  return tokens;
}

async function pause(question) {
  console.log(`   ${question} Then press Enter.`);
  await new Promise((resolve) => process.stdin.once('data', resolve));
}

async function connect(browser, connectUrl, idp) {
  if (interactive) return pause(`Open this as alice, connect tracker (any name, password = name) and save the token notes-token-of-alice:\n   ${connectUrl}\n  `);
  let page = await browser.open(connectUrl);
  claim(page.status === 200, 'the connect page opens for the person who is signed in', `${page.status} ${page.text}`);
  sent('alice presses Connect for tracker');
  page = await browser.press(page, 'Connect', {}, undefined, (form) => form.action.endsWith('/start'));
  sent(`at the provider (${new URL(page.url).host}) alice signs in and allows it`);
  page = await browser.press(page, 'Sign in', { username: 'alice', password: 'alice' });
  page = await browser.press(page, 'Allow');
  claim(new URL(page.url).origin === new URL(kontext.base).origin && /connected/i.test(page.text), 'the provider sends alice back, and tracker is connected', `${page.url} ${page.text}`);
  got(page.text.slice(0, 100));
  page = await browser.open(connectUrl);
  sent('alice pastes her personal token for notes');
  page = await browser.press(page, 'Save', { token: 'notes-token-of-alice' }, undefined, (form) => form.action.endsWith('/token'));
  claim(page.status === 200, 'the token is saved', `${page.status} ${page.text}`);
}

async function day() {
  step('An OAuth provider and MCP servers start; Kontext has never heard of them');
  const idp = await start('../tests/upstream-idp/server.mjs', { ACCESS_TTL: '300', REQUIRE_PKCE: '1' }, /issuer (\S+)/);
  const tracker = await start('./mcp-server.mjs', { IDP: idp }, /on (\S+)/);
  got(`provider ${idp}, MCP servers ${tracker}/mcp, /notes/mcp, /wiki/mcp and /clock/mcp`);

  step('The owner signs in at the command line (authorization code with PKCE)');
  const server = await (await fetch(`${kontext.base}/.well-known/oauth-authorization-server`)).json();
  const ports = { owner: 53111, agent: 53112 };
  const owner = await authorize('olivia', new Browser(), server, {
    clientId: commandLineClient,
    redirectUri: `http://127.0.0.1:${ports.owner}/callback`,
    resource: kontext.api,
    scope: 'openid management:all',
  });
  got(`management token ${short(owner.access_token)}, ${owner.expires_in} s`);

  step('The organization is set up through the management API: service account, integrations, application');
  const { serviceAccount, credentials } = await kontext.manage(owner.access_token, 'POST', '/service-accounts', { name: `demo ${Date.now()}` });
  const admin = await kontext.token(server, { grant_type: 'client_credentials', scope: 'management:all', audience: kontext.api }, [credentials.clientId, credentials.clientSecret]);
  claim(admin.status === 200, 'the service account gets a management token', admin);
  got(`service account ${serviceAccount.name}, token ${short(admin.access_token)}`);
  const manage = (method, path, body) => kontext.manage(admin.access_token, method, path, body);
  const { integration: trackerIntegration } = await manage('POST', '/integrations', { name: 'tracker', url: `${tracker}/mcp`, authMode: 'oauth', oauth: { issuer: idp, scopes: ['openid', 'offline_access', 'api.read'] } });
  await manage('PUT', `/integrations/${trackerIntegration.id}/oauth`, { issuer: idp, clientId: 'vault-client', clientSecret: 'vault-secret', scopes: ['openid', 'offline_access', 'api.read'] });
  const { integration: notesIntegration } = await manage('POST', '/integrations', { name: 'notes', url: `${tracker}/notes/mcp`, authMode: 'user_token', tokenLabel: 'Notes token' });
  const { integration: wikiIntegration } = await manage('POST', '/integrations', { name: 'wiki', url: `${tracker}/wiki/mcp`, authMode: 'server_token', serverToken: 'wiki-token-of-acme' });
  const { integration: clockIntegration } = await manage('POST', '/integrations', { name: 'clock', url: `${tracker}/clock/mcp`, authMode: 'none' });
  const all = [trackerIntegration, notesIntegration, wikiIntegration, clockIntegration];
  for (const integration of all) {
    const validation = await manage('POST', `/integrations/${integration.id}/validate`);
    claim(validation.status === 'valid', `${integration.name} answers`, validation);
    got(`${integration.name} (${integration.authMode}): ${validation.message}`);
  }
  const { application } = await manage('POST', '/applications', { name: 'Issue triage', oauth: { type: 'public', redirectUris: ['http://127.0.0.1/callback'], scopes: ['mcp:invoke'], allowedResources: ['mcp-gateway'] } });
  await manage('PUT', `/applications/${application.id}/integrations`, { integrationIds: all.map((integration) => integration.id) });
  got(`application ${application.name}, client id ${application.clientId}, all four integrations attached`);

  step('An administrator forbids one operation');
  const { rule } = await manage('POST', '/policy/rules', { action: 'deny', level: 'org', scope: 'tool', integrationId: trackerIntegration.id, toolName: 'delete_repo', description: 'Nobody deletes repositories' });
  got(`rule ${rule.id}: ${rule.action} ${rule.toolName}, level ${rule.level}`);

  step('The agent discovers where to get a token');
  const challenge = await fetch(kontext.gateway, { method: 'POST', headers: { 'content-type': 'application/json', accept: 'application/json, text/event-stream' }, body: '{}' });
  const metadataUrl = /resource_metadata="([^"]+)"/.exec(challenge.headers.get('www-authenticate') ?? '')?.[1];
  claim(challenge.status === 401 && metadataUrl, 'the gateway answers 401 and names its metadata', `${challenge.status} ${challenge.headers.get('www-authenticate')}`);
  const resource = await (await fetch(metadataUrl)).json();
  claim(resource.resource === kontext.gateway && resource.authorization_servers[0] === server.issuer, 'the metadata leads to the authorization server', resource);
  got(`401, then ${metadataUrl}, then ${resource.authorization_servers[0]}`);

  step('Alice lets the agent act for her');
  const alice = new Browser();
  const tokens = await authorize('alice', alice, server, { clientId: application.clientId, redirectUri: `http://127.0.0.1:${ports.agent}/callback`, resource: kontext.gateway });
  got(`the agent's own token ${short(tokens.access_token)}, ${tokens.expires_in} s, scope ${tokens.scope}`);

  step('Alice connects her accounts, on a page of Kontext; the agent only passes on the link');
  const link = await fetch(`${kontext.gateway}/connect-session`, { method: 'POST', headers: { authorization: `Bearer ${tokens.access_token}`, 'content-type': 'application/json' }, body: '{}' });
  const { connectUrl, expiresAt } = await link.json();
  claim(link.status === 200 && connectUrl, 'the gateway gives a connect link', link.status);
  got(`link valid until ${expiresAt}`);
  await connect(alice, connectUrl, idp);
  const { items: usable } = await (await fetch(`${kontext.gateway}/integrations`, { headers: { authorization: `Bearer ${tokens.access_token}` } })).json();
  const connections = usable.filter((integration) => ['tracker', 'notes'].includes(integration.name));
  claim(usable.length === 4 && connections.length === 2 && connections.every((integration) => integration.connection?.connected), 'both accounts are connected; wiki and clock need none of hers', usable);
  got(connections.map((integration) => `${integration.name}: ${integration.connection.status}`).join(', '));

  step('Token exchange: a raw credential, where policy lets it out');
  const exchanged = await kontext.exchange(server, application.clientId, tokens.access_token, 'notes');
  claim(exchanged.status === 200 && exchanged.access_token === 'notes-token-of-alice', "the exchange gives alice's notes token", exchanged);
  got(`notes: ${short(exchanged.access_token)}, ${exchanged.issued_token_type}`);
  const refused = await kontext.exchange(server, application.clientId, tokens.access_token, 'tracker');
  claim(refused.status === 403 && refused.code === 'kontext_policy_denied', 'the exchange for tracker is denied: its raw credential could delete repositories', refused);
  got(`tracker: ${refused.status} ${refused.code}: ${refused.error_description}`);

  step('The agent works through the gateway, with the official MCP client');
  const client = new Client({ name: 'issue-triage', version: '1.0.0' });
  await client.connect(new StreamableHTTPClientTransport(new URL(kontext.gateway), { requestInit: { headers: { authorization: `Bearer ${tokens.access_token}` } } }));
  const { tools } = await client.listTools();
  claim(['tracker__list_issues', 'notes__search_notes', 'wiki__read_page', 'clock__time'].every((name) => tools.some((tool) => tool.name === name)), 'tools/list has the tools of all four integrations', tools.map((tool) => tool.name));
  claim(!tools.some((tool) => tool.name === 'tracker__delete_repo'), 'tools/list leaves out what policy denies', tools.map((tool) => tool.name));
  got(`tools/list: ${tools.map((tool) => tool.name).join(', ')}`);
  const call = async (name, args = {}) => {
    const result = await client.callTool({ name, arguments: args });
    return { ...result, text: result.content.map((item) => item.text).join(' ') };
  };
  for (const [name, args, expected] of [
    ['tracker__create_issue', { repo: 'acme/frontend', title: 'Found by the agent' }, /as alice/],
    ['tracker__list_issues', {}, /Found by the agent/],
    ['tracker__whoami', {}, /^alice$/],
    ['notes__search_notes', { query: 'deploys' }, /alice has one note/],
    ['wiki__read_page', { title: 'Deploys' }, /as acme wrote it/],
    ['clock__time', {}, /^\d{4}-/],
  ]) {
    const result = await call(name, args);
    claim(!result.isError && expected.test(result.text), `${name} answers`, result);
    got(`${name}: ${result.text}`);
  }
  const seen = await (await fetch(`${tracker}/seen`)).json();
  const own = [tokens.access_token, tokens.refresh_token].map(sha256);
  const whose = { '/mcp': 'alice', '/notes/mcp': 'alice', '/wiki/mcp': 'acme', '/clock/mcp': null };
  claim(seen.length > 0 && seen.every((request) => request.person === whose[request.path] && !own.includes(request.tokenSha256)), "the services saw alice's and the organization's tokens, never the agent's", seen);
  got(`${seen.length} requests reached the services, with tokens that the gateway injected, or none`);

  step('What policy denies, the gateway does not do, and says why');
  const denied = await call('tracker__delete_repo', { repo: 'acme/frontend' });
  claim(denied.isError && /Nobody deletes repositories/.test(denied.text), 'delete_repo is denied with the rule that decided', denied);
  got(denied.text);

  step('Everything is in the audit trail');
  const { items: events } = await manage('GET', '/audit/events?limit=50');
  table([
    ['time', 'event', 'agent', 'user', 'capability', 'outcome'],
    ...events.toReversed().map((event) => [event.timestamp.slice(11, 19), event.type, event.agent?.name, event.user?.name ?? event.actor?.name, event.capability ?? event.integration ?? event.target, event.errorType ?? event.status]),
  ]);
  for (const [type, capability, status] of [
    ['credential.issued', undefined, 'ok'],
    ['credential.injected', 'tracker:create_issue', 'ok'],
    ['api.call', 'tracker:create_issue', 'ok'],
    ['credential.injected', 'tracker:delete_repo', 'error_auth'],
  ])
    claim(events.some((event) => event.type === type && (!capability || event.capability === capability) && event.status === status), `the trail has ${type} ${capability ?? ''} ${status}`, events);
  const trail = JSON.stringify(events);
  claim(![tokens.access_token, tokens.refresh_token, 'notes-token-of-alice', 'wiki-token-of-acme'].some((secret) => trail.includes(secret)), 'no secret is in it', 'a secret is in the audit trail');

  step('The agent is cut off, and nothing else');
  await manage('DELETE', `/applications/${application.id}`);
  const after = await client.callTool({ name: 'tracker__whoami', arguments: {} }).then(
    (result) => ({ refused: false, result }),
    (error) => ({ refused: /401|Unauthorized|no longer valid/i.test(error.message), error: error.message }),
  );
  claim(after.refused, 'the next call is refused', after);
  got('next tools/call: 401');
  const renewal = await kontext.token(server, { grant_type: 'refresh_token', client_id: application.clientId, refresh_token: tokens.refresh_token });
  claim(renewal.status === 401 && renewal.error === 'invalid_client', 'its refresh token is worth nothing', renewal);
  got(`refresh: ${renewal.status} ${renewal.error}`);
  const integrations = await manage('GET', '/integrations');
  claim(integrations.items.length >= 2, 'everybody else goes on', integrations);
  got('integrations, connections and other applications are untouched');
}

const stop = () => children.forEach((child) => child.kill());
process.on('exit', stop);
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => process.exit(130));
try {
  await day();
  console.log('\nThe day went as it should.');
  if (keep) {
    console.log(`Kontext is at ${kontext.base}. Ctrl-C stops everything.`);
    await new Promise(() => {});
  }
  process.exit(0);
} catch (error) {
  console.error(`\n${error.message}`);
  process.exit(1);
}
