// Metadata, introspection and a small protected API.
import { E, cfg, now, sha256u } from './config.mjs';
import { fault } from './faults.mjs';
import { send } from './http.mjs';
import { access, counters, grants, refresh } from './state.mjs';

export async function metadata(q, r) {
  if (await fault(q, r, 'metadata')) return;
  send(
    r,
    200,
    {
      issuer: cfg.issuer,
      authorization_endpoint: `${cfg.issuer}/authorize`,
      token_endpoint: cfg.tokenEndpoint ?? `${cfg.issuer}/token`,
      revocation_endpoint: `${cfg.issuer}/revoke`,
      introspection_endpoint: `${cfg.issuer}/introspect`,
      userinfo_endpoint: `${cfg.issuer}/userinfo`,
      jwks_uri: `${cfg.issuer}/jwks`,
      ...(E.DCR === '0' ? {} : { registration_endpoint: `${cfg.issuer}/register` }),
      response_types_supported: ['code'],
      response_modes_supported: ['query'],
      grant_types_supported: [
        'authorization_code',
        'refresh_token',
        'client_credentials',
        'urn:ietf:params:oauth:grant-type:token-exchange',
      ],
      code_challenge_methods_supported: ['S256'],
      token_endpoint_auth_methods_supported: cfg.authMethods,
      ...(cfg.endSession ? { end_session_endpoint: `${cfg.issuer}/logout` } : {}),
      subject_types_supported: ['public'],
      id_token_signing_alg_values_supported: ['RS256'],
      scopes_supported: cfg.scopes,
      authorization_response_iss_parameter_supported: cfg.issParam,
      claims_supported: ['sub', 'email', 'name'],
      identity_chaining_requested_token_types_supported: ['urn:ietf:params:oauth:token-type:id-jag'],
    },
    { 'cache-control': 'max-age=60' },
  );
}
export function introspect(tok) {
  const t = access.get(tok) ?? refresh.get(tok);
  const g = t && grants.get(t.grant);
  if (!t || !g || g.revoked || t.exp <= now() || (refresh.has(tok) && g.rt !== tok)) return { active: false };
  return {
    active: true,
    scope: t.scope ?? g.scope,
    client_id: g.client,
    username: g.user,
    sub: g.user,
    exp: t.exp,
    iss: cfg.issuer,
    aud: t.aud,
    token_type: access.has(tok) ? 'Bearer' : 'refresh_token',
    jti: t.jti,
  };
}
export function bearer(q) {
  const m = /^Bearer (.+)$/i.exec(q.headers.authorization || '');
  if (!m) return null;
  const i = introspect(m[1]);
  return i.active && i.token_type === 'Bearer' ? { ...i, hint: sha256u(m[1]).slice(0, 12) } : null;
}
export async function api(q, r, fn, need = 'api.read') {
  if (await fault(q, r, 'api')) return;
  const t = bearer(q);
  if (!t) {
    counters.api.unauthorized++;
    return send(r, 401, { error: 'invalid_token' }, { 'www-authenticate': 'Bearer error="invalid_token"' });
  }
  if (!t.scope.split(' ').includes(need))
    return send(r, 403, { error: 'insufficient_scope' }, { 'www-authenticate': `Bearer error="insufficient_scope", scope="${need}"` });
  counters.api.ok++;
  send(r, 200, fn(t));
}
