// openid-client, a certified relying party, against KONTEXT_URL: knows the issuer and a confidential client
// (CLIENT_ID, CLIENT_SECRET), registers a public one itself, and does everything a client of ours may want.
// Prints one line per finished step; a failure ends it with exit code 1 and the library's own words.
import * as client from 'openid-client';
import { allow, allowDevice, newBrowser } from './person.mjs';

const issuer = new URL(process.env.KONTEXT_URL);
const redirectUri = 'http://127.0.0.1:53123/callback';
const gateway = new URL('/mcp', issuer).href;
const insecure = { execute: [client.allowInsecureRequests] };
const step = (name, detail = '') => console.log(`${name} ${detail}`.trim());
const expect = (condition, what) => {
  if (!condition) throw new Error(`Expected ${what}.`);
};

/** From the authorization request to tokens, as a person who approves. */
async function authorize(config, parameters = {}, options = {}) {
  const verifier = client.randomPKCECodeVerifier();
  const [state, nonce] = [client.randomState(), client.randomNonce()];
  const url = client.buildAuthorizationUrl(config, {
    redirect_uri: redirectUri, scope: 'openid profile mcp:invoke', resource: gateway,
    code_challenge: await client.calculatePKCECodeChallenge(verifier), code_challenge_method: 'S256', state, nonce, ...parameters,
  });
  const answer = await allow(newBrowser(), url.href, redirectUri, 'alice');
  return client.authorizationCodeGrant(config, answer, { pkceCodeVerifier: verifier, expectedState: state, expectedNonce: nonce, idTokenExpected: true }, { resource: gateway }, options);
}

const confidential = await client.discovery(issuer, process.env.CLIENT_ID, process.env.CLIENT_SECRET, client.ClientSecretBasic(process.env.CLIENT_SECRET), insecure);
step('discovery', confidential.serverMetadata().issuer);

const registered = await client.dynamicClientRegistration(issuer, {
  client_name: 'openid-client', redirect_uris: [redirectUri], grant_types: ['authorization_code', 'refresh_token'], token_endpoint_auth_method: 'none',
}, client.None(), insecure);
step('registration');

// The organization set this one up: public, so it may use the device grant.
const device = await client.discovery(issuer, process.env.PUBLIC_CLIENT_ID, undefined, client.None(), insecure);

for (const [name, config] of [['public', registered], ['confidential', confidential]]) {
  const tokens = await authorize(config);
  expect(tokens.claims().sub && tokens.claims().name === 'alice', 'an ID token that names the person');
  step(`code ${name}`);

  expect((await client.fetchUserInfo(config, tokens.access_token, tokens.claims().sub)).name === 'alice', 'userinfo that names the person');
  step(`userinfo ${name}`);

  const refreshed = await client.refreshTokenGrant(config, tokens.refresh_token, { resource: gateway });
  expect(refreshed.refresh_token && refreshed.refresh_token !== tokens.refresh_token, 'a new refresh token');
  step(`refresh ${name}`);

  if (config === confidential) {
    for (const [token, type] of [[refreshed.access_token, 'Bearer'], [refreshed.refresh_token, undefined]]) {
      const found = await client.tokenIntrospection(config, token);
      expect(found.active && found.client_id === process.env.CLIENT_ID && found.token_type === type, 'an active token of this client');
    }
    expect(Object.keys(await client.tokenIntrospection(config, 'unknown')).join() === 'active', 'nothing about an unknown token');
    step('introspection');
  }

  await client.tokenRevocation(config, refreshed.refresh_token, { token_type_hint: 'refresh_token' });
  const refused = await client.refreshTokenGrant(config, refreshed.refresh_token).then(() => null, (error) => error);
  expect(refused?.error === 'invalid_grant', `invalid_grant after revocation, not ${refused?.error}`);
  step(`revocation ${name}`);
}

const started = await client.initiateDeviceAuthorization(device, { scope: 'openid mcp:invoke', resource: gateway });
const [polled] = await Promise.all([
  client.pollDeviceAuthorizationGrant(device, started),
  allowDevice(newBrowser(), started.verification_uri, started.user_code, 'alice'),
]);
expect(polled.access_token && polled.refresh_token && polled.id_token, 'tokens for the device');
step('device');

const keys = await client.randomDPoPKeyPair();
const DPoP = client.getDPoPHandle(device, keys);
const bound = await authorize(device, { dpop_jkt: await DPoP.calculateThumbprint() }, { DPoP });
expect(bound.token_type === 'dpop', 'a bound token');
const used = await client.fetchProtectedResource(device, bound.access_token, new URL('/mcp/integrations', issuer), 'GET', undefined, undefined, { DPoP });
expect(used.status === 200, 'a gateway that takes the proof');
const renewed = await client.refreshTokenGrant(device, bound.refresh_token, { resource: gateway }, { DPoP });
expect(renewed.token_type === 'dpop', 'a bound token after the refresh');
const stolen = await fetch(new URL('/mcp/integrations', issuer), { headers: { authorization: `Bearer ${renewed.access_token}` } });
expect(stolen.status === 401, 'a refusal of a bound token without proof');
step('DPoP');
