// oauth4webapi, the certified low-level client, against KONTEXT_URL with a confidential client (CLIENT_ID,
// CLIENT_SECRET) that sends its secret in the body. Every answer passes the library's own strict validation.
import * as oauth from 'oauth4webapi';
import { allow, allowDevice, newBrowser } from './person.mjs';

const issuer = new URL(process.env.KONTEXT_URL);
const redirectUri = 'http://127.0.0.1:53123/callback';
const gateway = new URL('/mcp', issuer).href;
const insecure = { [oauth.allowInsecureRequests]: true };
const step = (name) => console.log(name);

const servers = {};
for (const algorithm of ['oauth2', 'oidc']) servers[algorithm] = await oauth.processDiscoveryResponse(issuer, await oauth.discoveryRequest(issuer, { algorithm, ...insecure }));
if (JSON.stringify(servers.oauth2.token_endpoint) !== JSON.stringify(servers.oidc.token_endpoint)) throw new Error('The two metadata documents differ.');
const server = servers.oidc;
step('discovery');

const resource = await oauth.processResourceDiscoveryResponse(new URL(gateway), await oauth.resourceDiscoveryRequest(new URL(gateway), insecure));
if (resource.authorization_servers[0] !== server.issuer) throw new Error('The resource names another authorization server.');
step('protected resource metadata');

const client = { client_id: process.env.CLIENT_ID };
const secret = oauth.ClientSecretPost(process.env.CLIENT_SECRET);
const verifier = oauth.generateRandomCodeVerifier();
const [state, nonce] = [oauth.generateRandomState(), oauth.generateRandomNonce()];
const url = new URL(server.authorization_endpoint);
url.search = new URLSearchParams({
  response_type: 'code', client_id: client.client_id, redirect_uri: redirectUri, scope: 'openid mcp:invoke', resource: gateway,
  code_challenge: await oauth.calculatePKCECodeChallenge(verifier), code_challenge_method: 'S256', state, nonce,
});
const answer = oauth.validateAuthResponse(server, client, await allow(newBrowser(), url.href, redirectUri, 'alice'), state);
const tokens = await oauth.processAuthorizationCodeResponse(
  server, client, await oauth.authorizationCodeGrantRequest(server, client, secret, answer, redirectUri, verifier, insecure), { expectedNonce: nonce, requireIdToken: true });
step('code');

const protectedRequest = new Request(gateway, { headers: { authorization: `Bearer ${tokens.access_token}` } });
const claims = await oauth.validateJwtAccessToken(server, protectedRequest, gateway, insecure);
if (claims.client_id !== client.client_id) throw new Error('The access token names another client.');
step('RFC 9068 access token');

const info = await oauth.processUserInfoResponse(server, client, oauth.getValidatedIdTokenClaims(tokens).sub, await oauth.userInfoRequest(server, client, tokens.access_token, insecure));
if (!info.sub) throw new Error('Userinfo names nobody.');
step('userinfo');

const refreshed = await oauth.processRefreshTokenResponse(server, client, await oauth.refreshTokenGrantRequest(server, client, secret, tokens.refresh_token, insecure));
step('refresh');

const known = await oauth.processIntrospectionResponse(server, client, await oauth.introspectionRequest(server, client, secret, refreshed.access_token, insecure));
if (!known.active || known.aud !== gateway && !known.aud.includes(gateway)) throw new Error('Introspection does not know the token.');
step('introspection');

const device = { client_id: process.env.PUBLIC_CLIENT_ID };
const started = await oauth.processDeviceAuthorizationResponse(server, device, await oauth.deviceAuthorizationRequest(server, device, oauth.None(), new URLSearchParams({ scope: 'openid', resource: gateway }), insecure));
const poll = async () => oauth.processDeviceCodeResponse(server, device, await oauth.deviceCodeGrantRequest(server, device, oauth.None(), started.device_code, insecure));
const pending = await poll().then(() => null, (error) => error);
if (pending?.error !== 'authorization_pending') throw new Error(`Expected authorization_pending, not ${pending?.error}.`);
await allowDevice(newBrowser(), started.verification_uri, started.user_code, 'alice');
if (!(await poll()).access_token) throw new Error('The device got no token.');
step('device');

await oauth.processRevocationResponse(await oauth.revocationRequest(server, client, secret, refreshed.refresh_token, insecure));
const refused = await oauth.processRefreshTokenResponse(server, client, await oauth.refreshTokenGrantRequest(server, client, secret, refreshed.refresh_token, insecure)).then(() => null, (error) => error);
if (refused?.error !== 'invalid_grant') throw new Error(`Expected invalid_grant after revocation, not ${refused?.error}.`);
step('revocation');
