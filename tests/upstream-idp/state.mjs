// Everything the provider remembers. Other files read these bindings; only this one assigns them.
import { E, cfg, now, rnd } from './config.mjs';
import { keys, rogue, sign } from './keys.mjs';

export let codes, grants, access, refresh, sessions, consents, faults, counters, events, inflightRefresh, hung;
export function reset() {
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
export const log = (type, d = {}) => {
  events.push({ t: Date.now(), type, ...d });
  if (events.length > 2000) events.shift();
  if (E.VERBOSE === '1') console.error('[idp]', type, JSON.stringify(d));
};

export function issue(grant, { scope = grant.scope, withRefresh = true, resource, ttl = cfg.accessTtl, rotate = cfg.rotate } = {}) {
  const exp = now() + ttl,
    jti = rnd(9);
  const aud = resource ?? grant.resource ?? cfg.issuer;
  const at = cfg.jwtAccess
    ? sign({ iss: cfg.issuer, sub: grant.user, aud, client_id: grant.client, scope, iat: now(), exp, jti }, { typ: 'at+jwt' })
    : (cfg.quirk === 'github' ? 'ghu_' : 'at_') + rnd();
  access.set(at, { grant: grant.id, scope, exp, aud, jti });
  const out = { access_token: at, token_type: 'Bearer', expires_in: ttl, scope };
  if (cfg.quirk === 'noexpiry') delete out.expires_in;
  const offline = cfg.quirk === 'google' ? grant.offline : true;
  if (withRefresh && offline && grant.client && !grant.noRefresh) {
    if (!grant.rt || rotate) {
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
        ...cfg.idTokenClaims,
      },
      { typ: 'JWT', alg: cfg.idTokenAlg, ...cfg.idTokenHeader, ...(cfg.idTokenKey === 'rogue' ? { kid: rogue.kid } : {}) },
      cfg.idTokenKey === 'rogue' ? rogue : keys[0],
    );
  return out;
}
export function killGrant(g, why) {
  if (!g || g.revoked) return;
  g.revoked = why;
  for (const [k, v] of access) if (v.grant === g.id) access.delete(k);
  log('grant.revoked', { grant: g.id, why });
}
export const clearFaults = () => (faults = []);
export const refreshBegins = () => ++inflightRefresh;
export const refreshEnds = () => inflightRefresh--;
