// The official MCP client against KONTEXT_URL/mcp, knowing nothing but that address: discovery, registration,
// authorization code with PKCE through the pages (as PERSON), tools/list, and a call of CALL_TOOL if given.
// It registers itself, unless CLIENT_METADATA_URL names its metadata document or CLIENT_ID (with CLIENT_SECRET) a
// registration it was given. Prints what happened as JSON; exits with 1 when anything fails.
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { UnauthorizedError } from '@modelcontextprotocol/sdk/client/auth.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { Browser } from '../../demo/lib/browser.mjs';

const gateway = new URL(`${process.env.KONTEXT_URL}/mcp`);
const person = process.env.PERSON ?? 'alice';
const redirectUrl = process.env.REDIRECT_URI ?? 'http://127.0.0.1:53999/callback';

/** Keeps in memory what the SDK wants remembered, and plays the person at the browser. */
const provider = {
  redirectUrl,
  clientMetadataUrl: process.env.CLIENT_METADATA_URL,
  client: process.env.CLIENT_ID && { client_id: process.env.CLIENT_ID, client_secret: process.env.CLIENT_SECRET },
  clientMetadata: { client_name: 'Official MCP client', redirect_uris: [redirectUrl], grant_types: ['authorization_code', 'refresh_token'], response_types: ['code'], token_endpoint_auth_method: 'none' },
  clientInformation: () => provider.client,
  saveClientInformation: (client) => void (provider.client = client),
  tokens: () => provider.kept,
  saveTokens: (tokens) => void (provider.kept = tokens),
  saveCodeVerifier: (verifier) => void (provider.verifier = verifier),
  codeVerifier: () => provider.verifier,
  redirectToAuthorization: (url) => void (provider.authorizationUrl = url),
};

const transport = () => new StreamableHTTPClientTransport(gateway, { authProvider: provider });
const client = () => new Client({ name: 'official-mcp-client', version: '1.0.0' });

const first = transport();
await client().connect(first).then(
  () => { throw new Error('The gateway let us in without a token.'); },
  (error) => { if (!(error instanceof UnauthorizedError)) throw error; },
);

const browser = new Browser();
let page = await browser.open(provider.authorizationUrl.href, redirectUrl);
page = await browser.press(page, 'Sign in', { username: person }, redirectUrl);
page = await browser.press(page, 'Allow', {}, redirectUrl);
await first.finishAuth(page.location.searchParams.get('code'));

const connected = client();
await connected.connect(transport());
const { tools } = await connected.listTools();
const name = process.env.CALL_TOOL;
const called = name ? await connected.callTool({ name, arguments: JSON.parse(process.env.CALL_ARGUMENTS ?? '{}') }) : null;
console.log(JSON.stringify({ clientId: provider.client.client_id, scope: provider.kept.scope, tools: tools.map((tool) => tool.name), called }));
process.exit(0);
