// Reading requests, sending answers, recognising clients.
import { timingSafeEqual } from 'node:crypto';
import { cfg, clients } from './config.mjs';

export const readBody = (req) =>
  new Promise((ok, no) => {
    const c = [];
    req.on('data', (x) => c.push(x));
    req.on('end', () => ok(Buffer.concat(c).toString()));
    req.on('error', no);
  });
export const send = (res, status, body, headers = {}) => {
  const isStr = typeof body === 'string';
  res.writeHead(status, {
    'content-type': isStr ? 'text/html; charset=utf-8' : 'application/json',
    'cache-control': 'no-store',
    ...(cfg.skew ? { date: new Date(Date.now() + cfg.skew * 1000).toUTCString() } : {}),
    ...headers,
  });
  res.end(isStr ? body : JSON.stringify(body));
};
export const oerr = (res, status, error, description, headers) =>
  send(res, status, { error, ...(description ? { error_description: description } : {}) }, headers);
export const esc = (s) => String(s ?? '').replace(/[&<>"']/g, (c) => `&#${c.charCodeAt(0)};`);
export const cookieOf = (req, name) =>
  (req.headers.cookie || '')
    .split(/;\s*/)
    .map((x) => x.split('='))
    .find(([k]) => k === name)?.[1];

export function clientAuth(req, body) {
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

export const redirectOk = (c, uri) =>
  c.redirect_uris.some((r) => r === '*' || r === uri || (r.endsWith('*') && uri.startsWith(r.slice(0, -1))));
export const page = (title, inner) =>
  `<!doctype html><html><head><meta charset="utf-8"><title>${title}</title></head><body><h1>${title}</h1>${inner}</body></html>`;
