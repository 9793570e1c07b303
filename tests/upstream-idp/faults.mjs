// What goes wrong on demand (POST /_faults), and the quirks of well-known providers.
import { cfg } from './config.mjs';
import { oerr, send } from './http.mjs';
import { counters, faults, hung, log } from './state.mjs';

/** Returns true when an injected fault answered (or swallowed) the request. */
export async function fault(req, res, on, ctx = {}) {
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
      : { 'retry-after': f.retryAfterDate ? new Date(Date.now() + (cfg.skew + f.retryAfter) * 1000).toUTCString() : String(f.retryAfter) };
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
    case 'slow_answer':
    case 'short_lived':
    case 'keep':
    case 'form':
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
export async function finishToken(req, res, out, ctx) {
  const f = ctx.post;
  if (f) {
    if (f.mode === 'drop_after') {
      log('drop_after', {});
      req.socket.destroy();
      return;
    } // processed (rotated), answer lost
    if (f.mode === 'slow_answer') await new Promise((r) => setTimeout(r, f.delayMs ?? 3000)); // processed (rotated), answer late
    if (f.mode === 'no_rotate' || f.mode === 'no_refresh') delete out.refresh_token;
    if (f.mode === 'no_expires') delete out.expires_in;
    if (f.mode === 'expires_string') out.expires_in = String(out.expires_in);
    if (f.mode === 'short_lived') out.expires_in = 1;
    if (f.mode === 'keep') {
      delete out.refresh_token;
      out.expires_in = f.expiresIn ?? out.expires_in;
    }
    if (f.mode === 'expires_zero') out.expires_in = 0;
    if (f.mode === 'wrong_type') out.token_type = 'mac';
    if (f.mode === 'scope_reduced') out.scope = f.scope ?? '';
    if (f.mode === 'no_access_token') delete out.access_token;
  }
  if (cfg.quirk === 'github' || f?.mode === 'form') {
    out.scope = (out.scope || '').replaceAll(' ', ',');
    if (f?.mode === 'form' || !/json/.test(req.headers.accept || '')) {
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
