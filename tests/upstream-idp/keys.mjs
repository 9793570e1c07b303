// Signing keys: the current one first, and one that nobody published.
import { createHmac, createSign, createVerify, generateKeyPairSync } from 'node:crypto';
import { b64u, rnd } from './config.mjs';

export const newKey = () => {
  const k = generateKeyPairSync('rsa', { modulusLength: 2048 });
  return { kid: rnd(6), ...k, jwk: k.publicKey.export({ format: 'jwk' }) };
};
export let keys = [newKey()];
export const rogue = newKey();
export function sign(payload, header = {}, key = keys[0], alg = 'RS256') {
  const h = { alg, kid: key.kid, ...header };
  const input = `${b64u(JSON.stringify(h))}.${b64u(JSON.stringify(payload))}`;
  if (h.alg === 'none') return `${input}.`;
  if (h.alg === 'HS256')
    return `${input}.${createHmac('sha256', key.publicKey.export({ type: 'spki', format: 'pem' }))
      .update(input)
      .digest('base64url')}`;
  return `${input}.${createSign('RSA-SHA256').update(input).sign(key.privateKey).toString('base64url')}`;
}
export function verify(jwt) {
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
