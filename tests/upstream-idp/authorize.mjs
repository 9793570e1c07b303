// The authorization endpoint: sign-in, consent, and the code.
import { cfg, clients, now, rnd } from './config.mjs';
import { fault } from './faults.mjs';
import { cookieOf, esc, page, redirectOk, send } from './http.mjs';
import { codes, consents, log, sessions } from './state.mjs';

export async function authorizeEp(q, r, u, b) {
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
