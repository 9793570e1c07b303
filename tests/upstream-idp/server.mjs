// A third-party OAuth 2 / OpenID provider to point a token vault at. No dependencies (Node >= 20).
// Rotating refresh tokens, short expiry, revocation, introspection, ID tokens, DCR, ID-JAG issuing,
// a small protected API, provider quirks, injectable faults and counters. TEST USE ONLY.
import http from 'node:http';
import https from 'node:https';
import { readFileSync } from 'node:fs';
import {
  createHash,
  createSign,
  createVerify,
  generateKeyPairSync,
  randomBytes,
  randomUUID,
  createHmac,
  timingSafeEqual,
} from 'node:crypto';

const E = process.env;
const cfg = {
  port: Number(E.PORT || 9400),
  host: E.HOST || '127.0.0.1',
  accessTtl: Number(E.ACCESS_TTL || 60),
  refreshTtl: Number(E.REFRESH_TTL || 86400),
  codeTtl: Number(E.CODE_TTL || 60),
  rotate: E.ROTATE !== '0', // new refresh token at each refresh; reuse of an old one revokes the family
  reuseGraceMs: Number(E.REUSE_GRACE_MS || 0), // an old refresh token presented again within this window gets the same answer
  jwtAccess: E.JWT_ACCESS === '1', // JWT (at+jwt) access tokens instead of opaque ones
  quirk: E.QUIRK || 'none', // none | github | google | slack | noexpiry
  requirePkce: E.REQUIRE_PKCE === '1',
  autoApprove: E.AUTO_APPROVE === '1',
  issParam: E.ISS_PARAM !== '0',
  scopes: (E.SCOPES || 'openid profile email offline_access api.read api.write').split(' '),
  redirects: (E.ALLOWED_REDIRECTS || '*').split(','),
  jagClientMap: JSON.parse(E.JAG_CLIENT_MAP || '{}'), // our client_id -> client_id at the resource authorization server
};
const tls = E.TLS_CERT ? { cert: readFileSync(E.TLS_CERT), key: readFileSync(E.TLS_KEY) } : null;
cfg.issuer = E.ISSUER || `${tls ? 'https' : 'http'}://${cfg.host}:${cfg.port}`;

const clients = new Map(
  Object.entries({
    'vault-client': { client_secret: 'vault-secret', redirect_uris: cfg.redirects },
    'vault-public': { redirect_uris: cfg.redirects },
    'mcp-upstream-rs': { client_secret: 'rs-secret', redirect_uris: [] },
    ...JSON.parse(E.CLIENTS || '{}'),
  }),
);
const b64u = (b) => Buffer.from(b).toString('base64url');
const sha256u = (s) => createHash('sha256').update(s).digest('base64url');
const rnd = (n = 24) => randomBytes(n).toString('base64url');
const now = () => Math.floor(Date.now() / 1000);

const newKey = () => {
  const k = generateKeyPairSync('rsa', { modulusLength: 2048 });
  return { kid: rnd(6), ...k, jwk: k.publicKey.export({ format: 'jwk' }) };
};
let keys = [newKey()];
const rogue = newKey();
function sign(payload, header = {}, key = keys[0], alg = 'RS256') {
  const h = { alg, kid: key.kid, ...header };
  const input = `${b64u(JSON.stringify(h))}.${b64u(JSON.stringify(payload))}`;
  if (h.alg === 'none') return `${input}.`;
  if (h.alg === 'HS256')
    return `${input}.${createHmac('sha256', key.publicKey.export({ type: 'spki', format: 'pem' }))
      .update(input)
      .digest('base64url')}`;
  return `${input}.${createSign('RSA-SHA256').update(input).sign(key.privateKey).toString('base64url')}`;
}
function verify(jwt) {
  const [h, p, s] = String(jwt).split('.');
  if (!s) return null;
  try {
    const head = JSON.parse(Buffer.from(h, 'base64url')),
      key = keys.find((k) => k.kid === head.kid);
    if (head.alg !== 'RS256' || !key) return null;
    if (!createVerify('RSA-SHA256').update(`${h}.${p}`).verify(key.publicKey, Buffer.from(s, 'base64url'))) return null;
    return { header: head, claims: JSON.parse(Buffer.from(p, 'base64url')) };
  } catch {
    return null;
  }
}

// ---- state
let codes, grants, access, refresh, sessions, consents, faults, counters, events, inflightRefresh, hung;
function reset() {
  for (const r of hung ?? []) r.destroy?.();
  codes = new Map();
  grants = new Map();
  access = new Map();
  refresh = new Map();
  sessions = new Map();
  consents = new Set();
  faults = [];
  events = [];
  inflightRefresh = 0;
  hung = new Set();
  counters = {
    requests: {},
    token: {
      authorization_code: { ok: 0, error: 0 },
      refresh_token: { ok: 0, error: 0, fault: 0, reuseDetected: 0, replayedInGrace: 0, maxConcurrent: 0, perFamily: {} },
      client_credentials: { ok: 0, error: 0 },
      'token-exchange': { ok: 0, error: 0 },
    },
    revoke: 0,
    introspect: 0,
    userinfo: 0,
    api: { ok: 0, unauthorized: 0 },
    faultsFired: {},
  };
}
reset();
const log = (type, d = {}) => {
  events.push({ t: Date.now(), type, ...d });
  if (events.length > 2000) events.shift();
  if (E.VERBOSE === '1') console.error('[idp]', type, JSON.stringify(d));
};

function issue(grant, { scope = grant.scope, withRefresh = true, resource } = {}) {
  const exp = now() + cfg.accessTtl,
    jti = rnd(9);
  const aud = resource ?? grant.resource ?? cfg.issuer;
  const at = cfg.jwtAccess
    ? sign({ iss: cfg.issuer, sub: grant.user, aud, client_id: grant.client, scope, iat: now(), exp, jti }, { typ: 'at+jwt' })
    : (cfg.quirk === 'github' ? 'ghu_' : 'at_') + rnd();
  access.set(at, { grant: grant.id, scope, exp, aud, jti });
  const out = { access_token: at, token_type: 'Bearer', expires_in: cfg.accessTtl, scope };
  if (cfg.quirk === 'noexpiry') delete out.expires_in;
  const offline = cfg.quirk === 'google' ? grant.offline : true;
  if (withRefresh && offline && grant.client && !grant.noRefresh) {
    if (!grant.rt || cfg.rotate) {
      const rt = 'rt_' + rnd();
      grant.rt = rt;
      grant.gen = (grant.gen ?? 0) + 1;
      refresh.set(rt, { grant: grant.id, exp: now() + cfg.refreshTtl, gen: grant.gen });
    }
    out.refresh_token = grant.rt;
  }
  if (scope.split(' ').includes('openid'))
    out.id_token = sign(
      {
        iss: cfg.issuer,
        sub: grant.user,
        aud: grant.client,
        iat: now(),
        exp: now() + 3600,
        auth_time: grant.auth_time,
        ...(grant.nonce ? { nonce: grant.nonce } : {}),
        email: `${grant.user}@example.test`,
        email_verified: true,
        name: grant.user,
        ...(grant.sid ? { sid: grant.sid } : {}),
      },
      { typ: 'JWT' },
    );
  return out;
}
function killGrant(g, why) {
  if (!g || g.revoked) return;
  g.revoked = why;
  for (const [k, v] of access) if (v.grant === g.id) access.delete(k);
  log('grant.revoked', { grant: g.id, why });
}

// ---- http helpers
const readBody = (req) =>
  new Promise((ok, no) => {
    const c = [];
    req.on('data', (x) => c.push(x));
    req.on('end', () => ok(Buffer.concat(c).toString()));
    req.on('error', no);
  });
const send = (res, status, body, headers = {}) => {
  const isStr = typeof body === 'string';
  res.writeHead(status, {
    'content-type': isStr ? 'text/html; charset=utf-8' : 'application/json',
    'cache-control': 'no-store',
    ...headers,
  });
  res.end(isStr ? body : JSON.stringify(body));
};
const oerr = (res, status, error, description, headers) =>
  send(res, status, { error, ...(description ? { error_description: description } : {}) }, headers);
const esc = (s) => String(s ?? '').replace(/[&<>"']/g, (c) => `&#${c.charCodeAt(0)};`);
const cookieOf = (req, name) =>
  (req.headers.cookie || '')
    .split(/;\s*/)
    .map((x) => x.split('='))
    .find(([k]) => k === name)?.[1];

function clientAuth(req, body) {
  let id = body.client_id,
    secret = body.client_secret,
    how = secret ? 'client_secret_post' : 'none';
  const m = /^Basic (.+)$/i.exec(req.headers.authorization || '');
  if (m) {
    const [i, s] = Buffer.from(m[1], 'base64').toString().split(/:(.*)/s);
    id = decodeURIComponent(i);
    secret = decodeURIComponent(s ?? '');
    how = 'client_secret_basic';
  }
  const c = clients.get(id);
  if (!c) return { error: 'unknown client' };
  if (
    c.client_secret &&
    (!secret || secret.length !== c.client_secret.length || !timingSafeEqual(Buffer.from(secret), Buffer.from(c.client_secret)))
  )
    return { error: 'bad client secret' };
  return { id, client: c, how };
}

/** Returns true when an injected fault answered (or swallowed) the request. */
async function fault(req, res, on, ctx = {}) {
  const f = faults.find(
    (x) =>
      (x.times === undefined || x.times > 0) &&
      x.on === on &&
      (!x.grant || x.grant === ctx.grant) &&
      (!x.user || x.user === ctx.user) &&
      (!x.client || x.client === ctx.client) &&
      (!x.after || x.after-- <= 0),
  );
  if (!f) return false;
  if (f.times !== undefined) f.times--;
  const key = `${on}${f.grant ? ':' + f.grant : ''}:${f.mode}`;
  counters.faultsFired[key] = (counters.faultsFired[key] ?? 0) + 1;
  if (ctx.grant === 'refresh_token') counters.token.refresh_token.fault++;
  log('fault', { on, mode: f.mode, ...ctx });
  const ra =
    f.retryAfter === undefined
      ? {}
      : { 'retry-after': f.retryAfterDate ? new Date(Date.now() + f.retryAfter * 1000).toUTCString() : String(f.retryAfter) };
  switch (f.mode) {
    case 'invalid_grant':
      oerr(res, 400, 'invalid_grant', f.description || 'Token has been expired or revoked.');
      return true;
    case 'invalid_client':
      oerr(res, 401, 'invalid_client', 'bad client');
      return true;
    case 'invalid_scope':
      oerr(res, 400, 'invalid_scope');
      return true;
    case 'temporarily_unavailable':
      oerr(res, 503, 'temporarily_unavailable', undefined, ra);
      return true;
    case 'error_200':
      send(res, 200, { error: 'bad_refresh_token', error_description: 'The refresh token passed is incorrect or expired.' });
      return true;
    case 'hang':
      hung.add(res);
      res.on('close', () => hung.delete(res));
      return true;
    case 'slow':
      await new Promise((r) => setTimeout(r, f.delayMs ?? 3000));
      return false;
    case 'rate_limit':
      oerr(res, 429, f.error || 'slow_down', 'too many requests', ra);
      return true;
    case 'unavailable':
      send(res, 503, '<h1>503</h1>', ra);
      return true;
    case 'server_error':
      send(res, 500, '<h1>500 Internal Server Error</h1>');
      return true;
    case 'bad_gateway':
      send(res, 502, '<h1>502</h1>');
      return true;
    case 'html_200':
      send(res, 200, '<html><body>Please sign in to the captive portal</body></html>');
      return true;
    case 'malformed':
      res.writeHead(200, { 'content-type': 'application/json' });
      res.end('{"access_token": "x');
      return true;
    case 'empty':
      res.writeHead(200);
      res.end();
      return true;
    case 'redirect':
      res.writeHead(302, { location: f.location || `${cfg.issuer}/nowhere` });
      res.end();
      return true;
    case 'big':
      res.writeHead(200, { 'content-type': 'application/json' });
      res.end(JSON.stringify({ access_token: 'x'.repeat(f.bytes ?? 8_000_000), token_type: 'Bearer' }));
      return true;
    case 'trickle': {
      res.writeHead(200, { 'content-type': 'application/json' });
      const t = setInterval(() => res.write(' '), 500);
      res.on('close', () => clearInterval(t));
      return true;
    }
    case 'drop_before':
      req.socket.destroy();
      return true;
    case 'drop_after':
    case 'no_rotate':
    case 'no_refresh':
    case 'no_expires':
    case 'expires_string':
    case 'expires_zero':
    case 'wrong_type':
    case 'scope_reduced':
    case 'no_access_token':
      ctx.post = f;
      return false;
    case 'status':
      send(res, f.status ?? 418, f.body ?? {}, ra);
      return true;
    default:
      send(res, 500, { error: `unknown fault mode ${f.mode}` });
      return true;
  }
}
function finishToken(req, res, out, ctx) {
  const f = ctx.post;
  if (f) {
    if (f.mode === 'drop_after') {
      log('drop_after', {});
      req.socket.destroy();
      return;
    } // processed (rotated), answer lost
    if (f.mode === 'no_rotate' || f.mode === 'no_refresh') delete out.refresh_token;
    if (f.mode === 'no_expires') delete out.expires_in;
    if (f.mode === 'expires_string') out.expires_in = String(out.expires_in);
    if (f.mode === 'expires_zero') out.expires_in = 0;
    if (f.mode === 'wrong_type') out.token_type = 'mac';
    if (f.mode === 'scope_reduced') out.scope = f.scope ?? '';
    if (f.mode === 'no_access_token') delete out.access_token;
  }
  if (cfg.quirk === 'github') {
    out.scope = (out.scope || '').replaceAll(' ', ',');
    if (!/json/.test(req.headers.accept || '')) {
      res.writeHead(200, { 'content-type': 'application/x-www-form-urlencoded' });
      res.end(new URLSearchParams(Object.entries(out).map(([k, v]) => [k, String(v)])).toString());
      return;
    }
  }
  if (cfg.quirk === 'slack') {
    const { access_token, refresh_token, scope, token_type, ...rest } = out;
    out = {
      ok: true,
      app_id: 'A1',
      team: { id: 'T1', name: 'T' },
      authed_user: {
        id: 'U1',
        access_token,
        refresh_token,
        scope: (scope || '').replaceAll(' ', ','),
        token_type: 'user',
        expires_in: rest.expires_in,
      },
    };
  }
  send(res, 200, out, { pragma: 'no-cache' });
}

const redirectOk = (c, uri) => c.redirect_uris.some((r) => r === '*' || r === uri || (r.endsWith('*') && uri.startsWith(r.slice(0, -1))));
const page = (title, inner) =>
  `<!doctype html><html><head><meta charset="utf-8"><title>${title}</title></head><body><h1>${title}</h1>${inner}</body></html>`;

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
      events: events.slice(-200),
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
    faults = [];
    for (const h of hung) h.destroy();
    hung.clear();
    send(r, 200, { faults });
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
async function metadata(q, r) {
  if (await fault(q, r, 'metadata')) return;
  send(
    r,
    200,
    {
      issuer: cfg.issuer,
      authorization_endpoint: `${cfg.issuer}/authorize`,
      token_endpoint: `${cfg.issuer}/token`,
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
      token_endpoint_auth_methods_supported: ['client_secret_basic', 'client_secret_post', 'none'],
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
async function authorizeEp(q, r, u, b) {
  if (await fault(q, r, 'authorize')) return;
  const p = q.method === 'POST' ? { ...Object.fromEntries(new URLSearchParams(b.q ?? '')), ...b } : Object.fromEntries(u.searchParams);
  const c = clients.get(p.client_id);
  if (!c) return send(r, 400, page('Error', 'unknown client_id'));
  if (!p.redirect_uri || !redirectOk(c, p.redirect_uri)) return send(r, 400, page('Error', 'redirect_uri not registered'));
  const back = (x) => {
    const t = new URL(p.redirect_uri);
    for (const [k, v] of Object.entries({
      ...x,
      ...(p.state !== undefined ? { state: p.state } : {}),
      ...(cfg.issParam ? { iss: cfg.issuer } : {}),
    }))
      t.searchParams.set(k, v);
    r.writeHead(303, { location: t.href, 'cache-control': 'no-store' });
    r.end();
  };
  if (p.response_type !== 'code') return back({ error: 'unsupported_response_type' });
  if (p.code_challenge && p.code_challenge_method !== 'S256') return back({ error: 'invalid_request', error_description: 'S256 only' });
  if ((cfg.requirePkce || !c.client_secret) && !p.code_challenge)
    return back({ error: 'invalid_request', error_description: 'PKCE required' });
  const scope = (p.scope || '')
    .split(/[ ,]+/)
    .filter((s) => cfg.scopes.includes(s))
    .join(' ');
  const session = sessions.get(cookieOf(q, 'idp_session'));
  const user = session?.user ?? (cfg.autoApprove ? p.login_hint || 'alice' : null);
  const query = esc(new URLSearchParams(Object.entries(p).filter(([k]) => !['decision', 'csrf', 'q'].includes(k))).toString());
  if (p.prompt === 'none' && (!user || !consents.has(`${user}|${p.client_id}`)))
    return back({ error: user ? 'consent_required' : 'login_required' });
  if (!user)
    return send(
      r,
      200,
      page(
        'Sign in to Upstream',
        `<form method="post" action="/login"><input type="hidden" name="q" value="${query}"><label>User <input name="username"></label><label>Password <input type="password" name="password"></label><button type="submit">Sign in</button></form>`,
      ),
    );
  const consented = cfg.autoApprove || (consents.has(`${user}|${p.client_id}`) && !/consent/.test(p.prompt || ''));
  if (!consented && p.decision === undefined)
    return send(
      r,
      200,
      page(
        'Allow access',
        `<p>${esc(p.client_id)} wants: ${esc(scope)}</p><form method="post" action="/authorize"><input type="hidden" name="q" value="${query}"><input type="hidden" name="csrf" value="${session.csrf}"><button name="decision" value="allow">Allow</button><button name="decision" value="deny">Deny</button></form>`,
      ),
    );
  if (!consented) {
    if (p.csrf !== session?.csrf) return send(r, 403, page('Error', 'csrf'));
    if (p.decision !== 'allow') {
      log('denied', { user, client: p.client_id });
      return back({ error: 'access_denied' });
    }
  }
  consents.add(`${user}|${p.client_id}`);
  const code = rnd();
  codes.set(code, {
    client: p.client_id,
    redirect_uri: p.redirect_uri,
    challenge: p.code_challenge,
    scope,
    user,
    nonce: p.nonce,
    resource: p.resource,
    exp: now() + cfg.codeTtl,
    offline: p.access_type === 'offline' || /offline_access/.test(p.scope || ''),
    auth_time: session?.t ?? now(),
  });
  log('code', { user, client: p.client_id, scope });
  back({ code });
}
function introspect(tok) {
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
function bearer(q) {
  const m = /^Bearer (.+)$/i.exec(q.headers.authorization || '');
  if (!m) return null;
  const i = introspect(m[1]);
  return i.active && i.token_type === 'Bearer' ? { ...i, hint: sha256u(m[1]).slice(0, 12) } : null;
}
async function api(q, r, fn, need = 'api.read') {
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
async function token(q, r, u, b) {
  const g = b.grant_type,
    short = String(g).replace('urn:ietf:params:oauth:grant-type:', '');
  const ctx = { grant: short, client: b.client_id };
  const bump = (k, extra) => {
    (counters.token[short] ??= { ok: 0, error: 0 })[k]++;
    log(`token.${short}.${k}`, extra);
  };
  if (short === 'refresh_token') {
    inflightRefresh++;
    const c = counters.token.refresh_token;
    c.maxConcurrent = Math.max(c.maxConcurrent, inflightRefresh);
    r.on('close', () => {
      inflightRefresh--;
    });
  }
  const a = clientAuth(q, b);
  ctx.client = a.id;
  const rtEntry = short === 'refresh_token' ? refresh.get(b.refresh_token) : null;
  const fam = rtEntry && grants.get(rtEntry.grant);
  if (fam) {
    ctx.user = fam.user;
    counters.token.refresh_token.perFamily[fam.id] = (counters.token.refresh_token.perFamily[fam.id] ?? 0) + 1;
  }
  if (E.REFRESH_WORK_MS && short === 'refresh_token') await new Promise((x) => setTimeout(x, Number(E.REFRESH_WORK_MS)));
  if (await fault(q, r, 'token', ctx)) return;
  if (a.error) {
    bump('error', { why: a.error });
    return oerr(r, 401, 'invalid_client', a.error, q.headers.authorization ? { 'www-authenticate': 'Basic realm="idp"' } : {});
  }
  const bad = (e, d) => {
    bump('error', { e, d, client: a.id });
    return cfg.quirk === 'github'
      ? send(r, 200, {
          error: e === 'invalid_grant' ? (short === 'refresh_token' ? 'bad_refresh_token' : 'bad_verification_code') : e,
          error_description: d,
        })
      : cfg.quirk === 'slack'
        ? send(r, 200, { ok: false, error: e === 'invalid_grant' ? 'invalid_refresh_token' : e })
        : oerr(r, 400, e, d);
  };
  if (g === 'authorization_code') {
    const c = codes.get(b.code);
    if (!c || c.exp <= now()) return bad('invalid_grant', 'code unknown or expired');
    if (c.used) {
      killGrant(grants.get(c.used), 'code reuse');
      return bad('invalid_grant', 'code reused');
    }
    if (c.client !== a.id || c.redirect_uri !== b.redirect_uri) return bad('invalid_grant', 'client or redirect_uri mismatch');
    if (c.challenge && sha256u(b.code_verifier || '') !== c.challenge) return bad('invalid_grant', 'PKCE');
    const grant = {
      id: randomUUID(),
      client: a.id,
      user: c.user,
      scope: c.scope,
      resource: c.resource,
      nonce: c.nonce,
      auth_time: c.auth_time,
      offline: c.offline,
      created: Date.now(),
    };
    grants.set(grant.id, grant);
    c.used = grant.id;
    bump('ok', { grant: grant.id, user: c.user });
    return finishToken(q, r, issue(grant), ctx);
  }
  if (g === 'refresh_token') {
    if (!fam || fam.revoked || rtEntry.exp <= now() || fam.client !== a.id)
      return bad('invalid_grant', fam?.revoked ? `revoked: ${fam.revoked}` : 'unknown, expired or foreign refresh token');
    if (cfg.rotate && fam.rt !== b.refresh_token) {
      if (fam.last && fam.last.from === b.refresh_token && Date.now() - fam.last.t <= cfg.reuseGraceMs) {
        counters.token.refresh_token.replayedInGrace++;
        bump('ok', { grant: fam.id, grace: true });
        return finishToken(q, r, { ...fam.last.out }, ctx);
      }
      counters.token.refresh_token.reuseDetected++;
      killGrant(fam, 'refresh token reuse');
      return bad('invalid_grant', 'refresh token reuse detected');
    }
    const want = b.scope ? b.scope.split(' ') : fam.scope.split(' ');
    if (want.some((s) => !fam.scope.split(' ').includes(s))) return bad('invalid_scope');
    const out = issue(fam, { scope: want.join(' ') });
    delete out.id_token;
    fam.last = { from: b.refresh_token, t: Date.now(), out };
    fam.refreshes = (fam.refreshes ?? 0) + 1;
    bump('ok', { grant: fam.id, gen: fam.gen });
    const answer = { ...out };
    if (cfg.quirk === 'google') delete answer.refresh_token;
    return finishToken(q, r, answer, ctx);
  }
  if (g === 'client_credentials') {
    if (!a.client.client_secret) return bad('unauthorized_client');
    const grant = { id: randomUUID(), client: a.id, user: a.id, scope: b.scope || 'api.read', noRefresh: true };
    grants.set(grant.id, grant);
    bump('ok');
    return finishToken(q, r, issue(grant, { withRefresh: false }), ctx);
  }
  if (g === 'urn:ietf:params:oauth:grant-type:token-exchange') {
    const subj =
      b.subject_token_type === 'urn:ietf:params:oauth:token-type:id_token'
        ? verify(b.subject_token)?.claims
        : b.subject_token_type === 'urn:ietf:params:oauth:token-type:refresh_token'
          ? ((g2) => (g2 && g2.client === a.id && !g2.revoked ? { sub: g2.user, aud: a.id } : null))(
              grants.get(refresh.get(b.subject_token)?.grant),
            )
          : null;
    if (!subj || ![].concat(subj.aud).includes(a.id)) return bad('invalid_request', 'subject token');
    if (b.requested_token_type !== 'urn:ietf:params:oauth:token-type:id-jag') return bad('invalid_request', 'only id-jag is issued here');
    if (!b.audience) return bad('invalid_target', 'audience');
    const jag = sign(
      {
        iss: cfg.issuer,
        sub: subj.sub,
        aud: b.audience,
        ...(b.resource ? { resource: b.resource } : {}),
        client_id: cfg.jagClientMap[a.id] ?? a.id,
        jti: randomUUID(),
        iat: now(),
        exp: now() + 300,
        ...(b.scope ? { scope: b.scope } : {}),
        email: `${subj.sub}@example.test`,
        auth_time: subj.auth_time,
      },
      { typ: 'oauth-id-jag+jwt' },
    );
    bump('ok');
    return send(r, 200, {
      issued_token_type: 'urn:ietf:params:oauth:token-type:id-jag',
      access_token: jag,
      token_type: 'N_A',
      expires_in: 300,
      ...(b.scope ? { scope: b.scope } : {}),
    });
  }
  return bad('unsupported_grant_type');
}

const onRequest = async (req, res) => {
  const u = new URL(req.url, cfg.issuer),
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
