// The official clients of both eras, and a client of token exchange, before a tool that waits for a person's approval: how each is told, and what the
// person's decision on the page makes of the call. KONTEXT_URL is the product, TOKEN an agent's gateway token (of CLIENT_ID), PERSON who decides,
// TOOL the tool that asks, INTEGRATION where it is. STEP names the step. Exits with 1 unless it goes as it claims.
import assert from 'node:assert/strict';
import { Client as Modern, StreamableHTTPClientTransport as ModernTransport } from '@modelcontextprotocol/client';
import { Client as Older } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport as OlderTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { UrlElicitationRequiredError } from '@modelcontextprotocol/sdk/types.js';
import { Browser } from '../../demo/lib/browser.mjs';
import { Kontext } from '../../demo/lib/kontext.mjs';

const { KONTEXT_URL, TOKEN, CLIENT_ID, PERSON, TOOL, INTEGRATION, STEP } = process.env;
const address = new URL(`${KONTEXT_URL}/mcp`);
const requestInit = { headers: { authorization: `Bearer ${TOKEN}` } };
const text = (result) => result.content[0].text;
const browser = new Browser();

/** Opens the approval's page as the person, who may have to sign in, and presses a button there. */
async function decide(url, button) {
  let page = await browser.open(url);
  if (page.forms.some((form) => form.buttons.some(({ label }) => label.startsWith('Sign in')))) page = await browser.press(page, 'Sign in', { username: PERSON });
  assert.equal(page.status, 200, page.text);
  return browser.press(page, button);
}

async function older(capabilities = { elicitation: { url: {} } }) {
  const client = new Older({ name: 'older', version: '1' }, { capabilities });
  await client.connect(new OlderTransport(address, { requestInit }));
  return (item) => client.callTool({ name: TOOL, arguments: { item, text: `deleted ${item}` } });
}

/** A client of 2026-07-28. `asked` is called with each question, and says what the person did with it. */
async function modern(asked) {
  const client = new Modern({ name: 'modern', version: '1' }, { capabilities: asked ? { elicitation: { url: {} } } : {}, versionNegotiation: { mode: { pin: '2026-07-28' } } });
  if (asked) client.setRequestHandler('elicitation/create', ({ params }) => asked(params));
  await client.connect(new ModernTransport(address, { requestInit }));
  return (item) => client.callTool({ name: TOOL, arguments: { item, text: `deleted ${item}` } });
}

/** The address at which an older client is told to have the call approved. */
async function linkOf(call) {
  const error = await call.then((result) => assert.fail(`It went through: ${JSON.stringify(result)}`), (error) => error);
  assert.ok(error instanceof UrlElicitationRequiredError, String(error));
  const [elicitation] = error.elicitations;
  assert.equal(elicitation.mode, 'url');
  assert.match(elicitation.url, new RegExp(`^${KONTEXT_URL}/approvals/${elicitation.elicitationId}$`));
  return elicitation.url;
}

const steps = {
  async 'older once'() {
    const call = await older();
    const url = await linkOf(call('one'));
    assert.match((await decide(url, 'Allow once')).text, /You allowed this once/);
    assert.equal(text(await call('one')), 'deleted one');
    assert.equal(await linkOf(call('one')), url);
  },
  async 'older without links'() {
    // What such a client gets as an error its model never sees: the address comes as what the tool says.
    const call = await older({});
    const told = await call('one');
    assert.equal(told.isError, true);
    assert.match(text(told), /^URL elicitation required: /);
    const [url] = text(told).match(/http\S+\/approvals\/\S+/);
    await decide(url, 'Allow once');
    assert.equal(text(await call('one')), 'deleted one');
  },
  async 'older session'() {
    const call = await older();
    await decide(await linkOf(call('one')), 'Allow for this session');
    for (const item of ['one', 'two', 'one']) assert.equal(text(await call(item)), `deleted ${item}`);
  },
  async 'older refused'() {
    const call = await older();
    await decide(await linkOf(call('one')), 'Refuse');
    const refused = await call('one');
    assert.equal(refused.isError, true);
    assert.match(text(refused), /kontext_policy_denied.* refused it/);
  },
  async 'modern once'() {
    const urls = [];
    const call = await modern(async ({ mode, url }) => {
      assert.equal(mode, 'url');
      urls.push(url);
      await decide(url, 'Allow once');
      return { action: 'accept' };
    });
    // One call for the program: the client asks, waits for the person and tries again by itself.
    assert.equal(text(await call('one')), 'deleted one');
    assert.equal(text(await call('one')), 'deleted one');
    assert.equal(urls.length, 2);
  },
  async 'modern session'() {
    let asked = 0;
    const call = await modern(async ({ url }) => {
      asked++;
      await decide(url, 'Allow for this session');
      return { action: 'accept' };
    });
    for (const item of ['one', 'two', 'one']) assert.equal(text(await call(item)), `deleted ${item}`);
    assert.equal(asked, 1);
  },
  async 'modern refused'() {
    const call = await modern(async ({ url }) => {
      await decide(url, 'Refuse');
      return { action: 'accept' };
    });
    const refused = await call('one');
    assert.equal(refused.isError, true);
    assert.match(text(refused), /kontext_policy_denied.* refused it/);
  },
  async 'modern declined'() {
    // Whoever does not even open the page gets the address once more, for the model to show, and no loop.
    let asked = 0;
    const call = await modern(() => ({ action: (asked++, 'decline') }));
    const undecided = await call('one');
    assert.equal(asked, 1);
    assert.equal(undecided.isError, true);
    assert.match(text(undecided), /\/approvals\//);
    assert.equal(undecided._meta['kontext/error'].code, 'kontext_approval_required');
  },
  async 'modern without links'() {
    const call = await modern();
    const told = await call('one');
    assert.equal(told.isError, true);
    const [url] = text(told).match(/http\S+\/approvals\/\S+/);
    await decide(url, 'Allow once');
    assert.equal(text(await call('one')), 'deleted one');
  },
  async 'token exchange'() {
    const kontext = new Kontext(KONTEXT_URL);
    const server = await (await fetch(`${KONTEXT_URL}/.well-known/oauth-authorization-server`)).json();
    const exchange = () => kontext.exchange(server, CLIENT_ID, TOKEN, INTEGRATION);
    const told = await exchange();
    assert.deepEqual([told.status, told.error, told.code], [400, 'interaction_required', 'kontext_approval_required']);
    await decide(told.approval_url, 'Allow once');
    const passed = await exchange();
    assert.equal(passed.status, 200);
    assert.ok(passed.access_token);
    const again = await exchange();
    assert.equal(again.error, 'interaction_required');
    await decide(again.approval_url, 'Refuse');
    const refused = await exchange();
    assert.deepEqual([refused.status, refused.error, refused.code], [403, 'access_denied', 'kontext_policy_denied']);
    assert.match(refused.error_description, /refused it/);
  },
};

await steps[STEP]();
process.exit(0);
