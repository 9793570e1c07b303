// Settings from the environment, the known clients, and what every other file needs.
import { readFileSync } from 'node:fs';
import { createHash, randomBytes } from 'node:crypto';

export const E = process.env;
export const cfg = {
  port: Number(E.PORT || 9400),
  host: E.HOST || '127.0.0.1',
  accessTtl: Number(E.ACCESS_TTL || 60),
  refreshedTtl: E.REFRESHED_TTL ? Number(E.REFRESHED_TTL) : undefined, // access tokens that come from a refresh live this long
  refreshTtl: Number(E.REFRESH_TTL || 86400),
  codeTtl: Number(E.CODE_TTL || 60),
  rotate: E.ROTATE !== '0', // new refresh token at each refresh; reuse of an old one revokes the family
  reuseGraceMs: Number(E.REUSE_GRACE_MS || 0), // an old refresh token presented again within this window gets the same answer
  skew: Number(E.SKEW || 0), // seconds this provider's clock is ahead of ours
  jwtAccess: E.JWT_ACCESS === '1', // JWT (at+jwt) access tokens instead of opaque ones
  quirk: E.QUIRK || 'none', // none | github | google | slack | noexpiry
  requirePkce: E.REQUIRE_PKCE === '1',
  autoApprove: E.AUTO_APPROVE === '1',
  issParam: E.ISS_PARAM !== '0',
  scopes: (E.SCOPES || 'openid profile email offline_access api.read api.write').split(' '),
  redirects: (E.ALLOWED_REDIRECTS || '*').split(','),
  idTokenClaims: {}, // claims that ID tokens have besides, or instead
  idTokenHeader: {}, // members that their headers have besides, or instead
  idTokenAlg: 'RS256', // none and HS256 forge
  idTokenKey: 'current', // rogue: a key nobody published
  authMethods: ['client_secret_basic', 'client_secret_post', 'none'],
  tokenEndpoint: undefined, // what the metadata says, if not the issuer's own
  endSession: false, // RP-initiated logout is offered
  jagClientMap: JSON.parse(E.JAG_CLIENT_MAP || '{}'), // our client_id -> client_id at the resource authorization server
};
export const tls = E.TLS_CERT ? { cert: readFileSync(E.TLS_CERT), key: readFileSync(E.TLS_KEY) } : null;
cfg.issuer = E.ISSUER || `${tls ? 'https' : 'http'}://${cfg.host}:${cfg.port}`;

export const clients = new Map(
  Object.entries({
    'vault-client': { client_secret: 'vault-secret', redirect_uris: cfg.redirects },
    'vault-public': { redirect_uris: cfg.redirects },
    'mcp-upstream-rs': { client_secret: 'rs-secret', redirect_uris: [] },
    ...JSON.parse(E.CLIENTS || '{}'),
  }),
);
export const b64u = (b) => Buffer.from(b).toString('base64url');
export const sha256u = (s) => createHash('sha256').update(s).digest('base64url');
export const rnd = (n = 24) => randomBytes(n).toString('base64url');
export const now = () => Math.floor(Date.now() / 1000) + cfg.skew;
