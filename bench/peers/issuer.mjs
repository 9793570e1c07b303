// oidc-provider (panva) as an issuer of access tokens for measuring: ES256 JSON Web Tokens for one resource, by client credentials and by token
// exchange (RFC 8693; the grant type is ours, the package leaves it to its users). Its state is in memory and nothing is recorded.
//
//   node issuer.mjs      prints the address it listens on, and an access token to exchange
import { createServer } from 'node:http';
import { generateKeyPairSync } from 'node:crypto';
import { Provider, errors } from 'oidc-provider';

const exchange = 'urn:ietf:params:oauth:grant-type:token-exchange';
const resource = 'urn:bench';
const jwk = { ...generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({ format: 'jwk' }), use: 'sig', alg: 'ES256', kid: 'bench' };

const server = createServer();
await new Promise(done => server.listen(0, '127.0.0.1', done));
const address = `http://127.0.0.1:${server.address().port}`;

const provider = new Provider(address, {
    clients: [{ client_id: 'bench', client_secret: 'bench', grant_types: ['client_credentials', exchange], redirect_uris: [], response_types: [], id_token_signed_response_alg: 'ES256' }],
    jwks: { keys: [jwk] },
    features: {
        clientCredentials: { enabled: true },
        devInteractions: { enabled: false },
        resourceIndicators: {
            enabled: true,
            defaultResource: () => resource,
            getResourceServerInfo: () => ({ scope: 'read', audience: resource, accessTokenTTL: 600, accessTokenFormat: 'jwt', jwt: { sign: { alg: 'ES256' } } }),
        },
    },
    ttl: { ClientCredentials: 600 },
});
const subjects = new Map();
provider.registerGrantType(exchange, async ctx => {
    const { client, params } = ctx.oidc;
    const subject = subjects.get(params.subject_token);
    if (!subject) throw new errors.InvalidGrant('the subject token is unknown');
    const token = new provider.ClientCredentials({ client, scope: 'read' });
    token.resourceServer = new provider.ResourceServer(resource, { scope: 'read', audience: resource, accessTokenTTL: 600, accessTokenFormat: 'jwt', jwt: { sign: { alg: 'ES256' } } });
    token.extra = { act: { sub: subject } };
    ctx.body = { access_token: await token.save(), issued_token_type: 'urn:ietf:params:oauth:token-type:access_token', token_type: 'Bearer', expires_in: token.expiration };
}, ['subject_token', 'subject_token_type']);

server.on('request', provider.callback());
subjects.set('subject-token', 'alice');
console.log(`${address} subject-token`);
