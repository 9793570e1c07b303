// The token endpoint: codes, refresh with rotation and reuse detection, client credentials, ID-JAG.
import { randomUUID } from 'node:crypto';
import { E, cfg, now, sha256u } from './config.mjs';
import { fault, finishToken } from './faults.mjs';
import { clientAuth, oerr, send } from './http.mjs';
import { sign, verify } from './keys.mjs';
import { codes, counters, grants, issue, killGrant, log, refresh, refreshBegins, refreshEnds } from './state.mjs';

export async function token(q, r, u, b) {
  const g = b.grant_type,
    short = String(g).replace('urn:ietf:params:oauth:grant-type:', '');
  const ctx = { grant: short, client: b.client_id };
  const bump = (k, extra) => {
    (counters.token[short] ??= { ok: 0, error: 0 })[k]++;
    log(`token.${short}.${k}`, extra);
  };
  if (short === 'refresh_token') {
    const c = counters.token.refresh_token;
    c.maxConcurrent = Math.max(c.maxConcurrent, refreshBegins());
    r.on('close', () => {
      refreshEnds();
    });
  }
  const a = clientAuth(q, b);
  ctx.client = a.id;
  const rtEntry = short === 'refresh_token' ? refresh.get(b.refresh_token) : null;
  const fam = rtEntry && grants.get(rtEntry.grant);
  if (fam) {
    ctx.user = fam.user;
    rtEntry.presented = (rtEntry.presented ?? 0) + 1;
    (fam.presented ??= {})[rtEntry.gen] = rtEntry.presented;
    log('refresh.presented', { user: fam.user, gen: rtEntry.gen, times: rtEntry.presented });
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
      fam.reused = (fam.reused ?? 0) + 1;
      killGrant(fam, 'refresh token reuse');
      return bad('invalid_grant', 'refresh token reuse detected');
    }
    const want = b.scope ? b.scope.split(' ') : fam.scope.split(' ');
    if (want.some((s) => !fam.scope.split(' ').includes(s))) return bad('invalid_scope');
    const out = issue(fam, { scope: want.join(' '), ttl: cfg.refreshedTtl ?? cfg.accessTtl, rotate: cfg.rotate && ctx.post?.mode !== 'keep' });
    delete out.id_token;
    fam.last = { from: b.refresh_token, t: Date.now(), out };
    fam.refreshes = (fam.refreshes ?? 0) + 1;
    bump('ok', { grant: fam.id, user: fam.user, gen: fam.gen });
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
