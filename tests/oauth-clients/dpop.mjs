// oauth4webapi with DPoP (RFC 9449) against KONTEXT_URL, whose proofs have to carry nonces, as the public client CLIENT_ID.
import * as oauth from 'oauth4webapi';
import { allow, newBrowser } from './person.mjs';

const issuer = new URL(process.env.KONTEXT_URL);
const redirectUri = 'http://127.0.0.1:53123/callback';
const gateway = new URL('/mcp', issuer).href;
const insecure = { [oauth.allowInsecureRequests]: true };
const step = (name) => console.log(name);

const server = await oauth.processDiscoveryResponse(issuer, await oauth.discoveryRequest(issuer, { algorithm: 'oauth2', ...insecure }));
const client = { client_id: process.env.CLIENT_ID };
const keys = await oauth.generateKeyPair('ES256');
const DPoP = oauth.DPoP(client, keys);
let nonces = 0;

/** Does it again when the server wants another nonce, which the library has remembered by then. */
async function withNonce(act) {
  try {
    return await act();
  } catch (error) {
    if (!oauth.isDPoPNonceError(error)) throw error;
    nonces++;
    return act();
  }
}

const verifier = oauth.generateRandomCodeVerifier();
const state = oauth.generateRandomState();
const url = new URL(server.authorization_endpoint);
url.search = new URLSearchParams({
  response_type: 'code', client_id: client.client_id, redirect_uri: redirectUri, scope: 'openid mcp:invoke', resource: gateway, dpop_jkt: await DPoP.calculateThumbprint(),
  code_challenge: await oauth.calculatePKCECodeChallenge(verifier), code_challenge_method: 'S256', state,
});
const answer = oauth.validateAuthResponse(server, client, await allow(newBrowser(), url.href, redirectUri, 'alice'), state);
const tokens = await withNonce(async () => oauth.processAuthorizationCodeResponse(
  server, client, await oauth.authorizationCodeGrantRequest(server, client, oauth.None(), answer, redirectUri, verifier, { DPoP, ...insecure })));
if (tokens.token_type !== 'dpop') throw new Error(`The token is of type ${tokens.token_type}.`);
step('code');

const claims = await oauth.validateJwtAccessToken(server, new Request(gateway, {
  headers: { authorization: `DPoP ${tokens.access_token}`, dpop: await proofOf(tokens.access_token, 'GET', gateway) },
}), gateway, { requireDPoP: true, ...insecure });
if (claims.cnf.jkt !== await DPoP.calculateThumbprint()) throw new Error('The token is bound to another key.');
step('RFC 9068 access token with cnf');

const call = (token) => withNonce(() => oauth.protectedResourceRequest(token, 'GET', new URL('/mcp/integrations', issuer), undefined, undefined, { DPoP, ...insecure }));
if ((await call(tokens.access_token)).status !== 200) throw new Error('The gateway refused.');
step('gateway');

const refreshed = await withNonce(async () => oauth.processRefreshTokenResponse(server, client, await oauth.refreshTokenGrantRequest(server, client, oauth.None(), tokens.refresh_token, { DPoP, ...insecure })));
if ((await call(refreshed.access_token)).status !== 200) throw new Error('The gateway refused after the refresh.');
step('refresh');

const exchanged = await withNonce(async () => oauth.processGenericTokenEndpointResponse(server, client, await oauth.genericTokenEndpointRequest(
  server, client, oauth.None(), 'urn:ietf:params:oauth:grant-type:token-exchange',
  { resource: 'mcp-gateway', subject_token: refreshed.access_token, subject_token_type: 'urn:ietf:params:oauth:token-type:access_token' }, { DPoP, ...insecure })));
if (exchanged.token_type !== 'dpop' || (await call(exchanged.access_token)).status !== 200) throw new Error('The exchanged token does not work.');
if (nonces === 0) throw new Error('No nonce was ever asked for.');
step('exchange');

/** A proof by hand, for the library to validate as a resource server does. */
async function proofOf(token, htm, htu) {
  const encode = (value) => Buffer.from(value).toString('base64url');
  const jwk = await crypto.subtle.exportKey('jwk', keys.publicKey);
  const header = { typ: 'dpop+jwt', alg: 'ES256', jwk: { kty: jwk.kty, crv: jwk.crv, x: jwk.x, y: jwk.y } };
  const ath = encode(await crypto.subtle.digest('SHA-256', Buffer.from(token)));
  const text = `${encode(JSON.stringify(header))}.${encode(JSON.stringify({ jti: crypto.randomUUID(), htm, htu, iat: Math.floor(Date.now() / 1000), ath }))}`;
  return `${text}.${encode(await crypto.subtle.sign({ name: 'ECDSA', hash: 'SHA-256' }, keys.privateKey, Buffer.from(text)))}`;
}
