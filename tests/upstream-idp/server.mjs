// A third-party OAuth 2 / OpenID provider to point a token vault at. No dependencies (Node >= 20).
// Rotating refresh tokens, short expiry, revocation, introspection, ID tokens, DCR, ID-JAG issuing,
// a small protected API, provider quirks, injectable faults and counters. TEST USE ONLY.
import http from 'node:http';
import https from 'node:https';
import { authorizeEp } from './authorize.mjs';
import { E, cfg, clients, now, rnd, sha256u, tls } from './config.mjs';
import { fault } from './faults.mjs';
import { clientAuth, oerr, page, readBody, send } from './http.mjs';
import { keys, newKey, rogue, sign } from './keys.mjs';
import { api, bearer, introspect, metadata } from './resources.mjs';
import { access, clearFaults, counters, events, faults, grants, hung, killGrant, log, refresh, reset, sessions } from './state.mjs';
import { token } from './token.mjs';

const routes = {
  'GET /.well-known/openid-configuration': metadata,
  'GET /.well-known/oauth-authorization-server': metadata,
  async 'GET /jwks'(q, r) {
    if (await fault(q, r, 'jwks')) return;
    send(r, 200, { keys: keys.map((k) => ({ ...k.jwk, kid: k.kid, alg: 'RS256', use: 'sig' })) }, { 'cache-control': 'max-age=60' });
  },
  'GET /authorize': authorizeEp,
  'POST /authorize': authorizeEp,
  async 'POST /login'(q, r, u, b) {
    if (!b.username || b.password !== (E.PASSWORD || b.username))
      return send(r, 401, page('Sign in', '<p>Wrong user name or password</p>'));
    const sid = rnd();
    sessions.set(sid, { user: b.username, t: now(), csrf: rnd() });
    log('login', { user: b.username });
    r.writeHead(303, { location: `/authorize?${b.q}`, 'set-cookie': `idp_session=${sid}; Path=/; HttpOnly; SameSite=Lax` });
    r.end();
  },
  'POST /token': token,
  async 'POST /revoke'(q, r, u, b) {
    counters.revoke++;
    if (await fault(q, r, 'revoke')) return;
    const a = clientAuth(q, b);
    if (a.error) return oerr(r, 401, 'invalid_client', a.error);
    const t = access.get(b.token) ?? refresh.get(b.token);
    const g = t && grants.get(t.grant);
    if (g && g.client === a.id) {
      if (refresh.has(b.token)) killGrant(g, 'revoked');
      else access.delete(b.token);
      log('revoke', { kind: refresh.has(b.token) ? 'refresh' : 'access', grant: g.id });
    } else log('revoke', { kind: 'unknown' });
    r.writeHead(200);
    r.end();
  },
  async 'POST /introspect'(q, r, u, b) {
    counters.introspect++;
    if (await fault(q, r, 'introspect')) return;
    const a = clientAuth(q, b);
    if (a.error || !a.client.client_secret) return oerr(r, 401, 'invalid_client', a.error);
    send(r, 200, introspect(b.token));
  },
  async 'GET /userinfo'(q, r) {
    counters.userinfo++;
    if (await fault(q, r, 'userinfo')) return;
    const t = bearer(q);
    if (!t) return send(r, 401, { error: 'invalid_token' }, { 'www-authenticate': 'Bearer error="invalid_token"' });
    send(r, 200, { sub: t.sub, name: t.sub, email: `${t.sub}@example.test`, email_verified: true });
  },
  async 'POST /register'(q, r, u, b) {
    if (E.DCR === '0') return oerr(r, 403, 'access_denied');
    const id = 'dyn-' + rnd(8);
    const c = { ...b, redirect_uris: b.redirect_uris ?? [] };
    if (b.token_endpoint_auth_method !== 'none') c.client_secret = rnd();
    clients.set(id, c);
    log('register', { id });
    send(r, 201, {
      client_id: id,
      ...(c.client_secret ? { client_secret: c.client_secret, client_secret_expires_at: 0 } : {}),
      client_id_issued_at: now(),
      ...b,
    });
  },
  async 'GET /api/me'(q, r) {
    await api(q, r, (t) => ({ login: t.sub, scope: t.scope, token_hint: t.hint }));
  },
  async 'GET /api/items'(q, r) {
    await api(q, r, (t) => ({
      items: [
        { id: 1, owner: t.sub },
        { id: 2, owner: t.sub },
      ],
    }));
  },
  async 'POST /api/items'(q, r, u, b) {
    await api(q, r, (t) => ({ id: 3, owner: t.sub, body: b }), 'api.write');
  },
  // ---- control (tests only)
  'GET /_state'(q, r) {
    send(r, 200, {
      cfg: { ...cfg },
      counters,
      faults,
      events: events.slice(-500),
      hung: hung.size,
      grants: [...grants.values()].map((g) => ({ ...g, rt: g.rt && g.rt.slice(0, 10) + '…' })),
      live: { access: [...access].map(([k, v]) => ({ token: k.slice(0, 12) + '…', sha256: sha256u(k), ...v })), refresh: refresh.size },
    });
  },
  'POST /_reset'(q, r) {
    reset();
    send(r, 200, { ok: true });
  },
  'POST /_faults'(q, r, u, b) {
    const list = Array.isArray(b) ? b : [b];
    faults.push(...list);
    send(r, 200, { faults });
  },
  'DELETE /_faults'(q, r) {
    clearFaults();
    for (const h of hung) h.destroy();
    hung.clear();
    send(r, 200, { faults });
  },
  /** Requests that hang lose their connection; the other faults stay. */
  'POST /_let_go'(q, r) {
    for (const h of hung) h.destroy();
    hung.clear();
    send(r, 200, {});
  },
  'POST /_config'(q, r, u, b) {
    Object.assign(cfg, b);
    send(r, 200, { cfg });
  },
  'POST /_revoke_user'(q, r, u, b) {
    let n = 0;
    for (const g of grants.values())
      if (g.user === b.user && !g.revoked) {
        killGrant(g, 'user revoked at provider');
        n++;
      }
    send(r, 200, { revoked: n });
  },
  'POST /_expire_access'(q, r, u, b) {
    for (const t of access.values()) t.exp = now() - 1;
    send(r, 200, { ok: true });
  },
  'POST /_rotate_keys'(q, r, u, b) {
    keys.unshift(newKey());
    if (b.dropOld) keys.length = 1;
    send(r, 200, { kids: keys.map((k) => k.kid) });
  },
  /** Signs anything: {header, claims, key: 'current'|'rogue', alg}. For ID-JAG, ID-token and subject-token negative tests. */
  'POST /_sign'(q, r, u, b) {
    send(r, 200, {
      jwt: sign(
        b.claims ?? {},
        { ...(b.alg ? { alg: b.alg } : {}), ...(b.header ?? {}) },
        b.key === 'rogue' ? { ...rogue, kid: keys[0].kid } : keys[0],
        b.alg ?? 'RS256',
      ),
    });
  },
};
const onRequest = async (req, res) => {
  const u = new URL(req.url.replace(/^\/t\/[^/]+/, ''), cfg.issuer), // many providers have tenants in their paths
    key = `${req.method} ${u.pathname}`;
  if (!u.pathname.startsWith('/_')) counters.requests[key] = (counters.requests[key] ?? 0) + 1;
  const raw = await readBody(req).catch(() => '');
  let body = {};
  try {
    body =
      /json/.test(req.headers['content-type'] || '') ||
      (u.pathname.startsWith('/_') && raw.startsWith('[')) ||
      (u.pathname.startsWith('/_') && raw.startsWith('{'))
        ? JSON.parse(raw || '{}')
        : Object.fromEntries(new URLSearchParams(raw));
  } catch {
    return oerr(res, 400, 'invalid_request', 'body');
  }
  const h = routes[key];
  if (!h) return send(res, 404, { error: 'not_found' });
  try {
    await h(req, res, u, body);
  } catch (e) {
    console.error(e);
    if (!res.headersSent) send(res, 500, { error: 'server_error', error_description: String(e) });
  }
};
const server = tls ? https.createServer(tls, onRequest) : http.createServer(onRequest);
server.keepAliveTimeout = 5000;
server.listen(cfg.port, cfg.host, () => {
  // PORT=0 asks for any free port; the issuer follows it unless ISSUER is set.
  if (cfg.port === 0) {
    cfg.port = server.address().port;
    if (!E.ISSUER) cfg.issuer = `${tls ? 'https' : 'http'}://${cfg.host}:${cfg.port}`;
  }
  console.log(`upstream-idp listening, issuer ${cfg.issuer} (quirk ${cfg.quirk}, access ttl ${cfg.accessTtl}s, rotate ${cfg.rotate})`);
});
