// A client of Kontext, written from the specifications: OAuth 2.1 with PKCE, token exchange, the management API.
import { createHash, randomBytes } from 'node:crypto';

const random = () => randomBytes(32).toString('base64url');

export class Kontext {
  constructor(base) {
    this.base = base.replace(/\/$/, '');
    this.gateway = `${this.base}/mcp`;
    this.api = `${this.base}/api/v1`;
  }

  /** An authorization request (OAuth 2.1 section 4.1.1) with what redeeming its code will need. */
  authorization(server, { clientId, redirectUri, resource, scope }) {
    const verifier = random();
    const state = random();
    const url = new URL(server.authorization_endpoint);
    url.search = new URLSearchParams({
      response_type: 'code',
      client_id: clientId,
      redirect_uri: redirectUri,
      code_challenge: createHash('sha256').update(verifier).digest('base64url'),
      code_challenge_method: 'S256',
      state,
      resource,
      ...(scope ? { scope } : {}),
    }).toString();
    return { url: url.href, state, verifier, clientId, redirectUri, resource };
  }

  redeem(server, request, code) {
    return this.token(server, { grant_type: 'authorization_code', client_id: request.clientId, code, redirect_uri: request.redirectUri, code_verifier: request.verifier, resource: request.resource });
  }

  exchange(server, clientId, subjectToken, resource) {
    return this.token(server, {
      grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange',
      client_id: clientId,
      subject_token_type: 'urn:ietf:params:oauth:token-type:access_token',
      subject_token: subjectToken,
      resource,
    });
  }

  async token(server, form, basic) {
    const headers = basic ? { authorization: `Basic ${Buffer.from(basic.map(encodeURIComponent).join(':')).toString('base64')}` } : {};
    const answer = await fetch(server.token_endpoint, { method: 'POST', headers, body: new URLSearchParams(form) });
    return { status: answer.status, ...(await answer.json()) };
  }

  /** A call of the management API; throws unless it succeeds. */
  async manage(token, method, path, body) {
    const answer = await fetch(this.api + path, {
      method,
      headers: { authorization: `Bearer ${token}`, ...(body ? { 'content-type': 'application/json' } : {}) },
      body: body && JSON.stringify(body),
    });
    const text = await answer.text();
    if (!answer.ok) throw new Error(`${method} /api/v1${path} answered ${answer.status}: ${text}`);
    return text ? JSON.parse(text) : null;
  }
}
