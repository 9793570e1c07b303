// Runs the server scenarios that the official conformance suite has for REVISION against URL. Prints its summary; exits with 1 when a check fails
// or a scenario that applies checked nothing. What cannot apply to a gateway, and why, is in docs/divergences.md.
import { spawnSync } from 'node:child_process';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const notApplicable = ['server-sse-polling'];
const here = dirname(fileURLToPath(import.meta.url));
const suite = join(dirname(createRequire(import.meta.url).resolve('@modelcontextprotocol/conformance/package.json')), 'dist/index.js');
const ran = spawnSync(
  process.execPath,
  ['--import', join(here, 'node20.mjs'), suite, 'server', '--url', process.env.URL, '--suite', 'all', '--spec-version', process.env.REVISION, '--timeout', '60000'],
  { encoding: 'utf8', maxBuffer: 64 * 1024 * 1024 },
);
const results = [...ran.stdout.matchAll(/^([✓✗]) (\S+): (\d+) passed, (\d+) failed/gm)].map(([, mark, name, passed, failed]) => ({ ok: mark === '✓' && failed === '0', name, passed: Number(passed) }));
const wrong = results.filter(({ ok, name, passed }) => !ok || (passed === 0 && !notApplicable.includes(name)));
console.log(wrong.length ? `${ran.stdout}\n${ran.stderr}` : '');
console.log(`${process.env.REVISION}: ${results.length} scenarios, ${results.reduce((sum, { passed }) => sum + passed, 0)} checks passed; wrong: ${wrong.map(({ name }) => name).join(', ') || 'none'}`);
process.exit(results.length > 0 && wrong.length === 0 ? 0 : 1);
