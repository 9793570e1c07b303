// Writes the table of docs/providers.md from the catalog: node tests/providers/table.mjs
// With CHECK=1 it writes nothing and exits with 1 when the table is stale.
import { readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const root = new URL('../../', import.meta.url);
const folder = new URL('src/Kontext.Domain/Integrations/providers/', root);
const page = fileURLToPath(new URL('docs/providers.md', root));
const [begin, end] = ['<!-- table: node tests/providers/table.mjs -->', '<!-- end of table -->'];

const entries = readdirSync(folder)
  .filter((name) => name.endsWith('.json') && name !== 'provider.schema.json')
  .map((name) => JSON.parse(readFileSync(new URL(name, folder), 'utf8')))
  .sort((one, other) => (one.key < other.key ? -1 : 1));

const spell = (seconds) =>
  seconds % 86400 === 0 ? `${seconds / 86400} d` : seconds % 3600 === 0 ? `${seconds / 3600} h` : seconds % 60 === 0 ? `${seconds / 60} min` : `${seconds} s`;
const refresh = { none: 'none', kept: 'kept', renewed: 'renewed', rotated: 'rotated', bySetting: 'by setting' };

const row = (entry) => {
  const { tokens } = entry;
  const lives = tokens
    ? [
        refresh[tokens.refresh],
        tokens.refreshDays && `${tokens.refreshDays} d`,
        tokens.idleDays && `${tokens.idleDays} d unused`,
        tokens.graceSeconds && `used again for ${spell(tokens.graceSeconds)}`,
      ]
        .filter(Boolean)
        .join(', ')
    : '';
  return [
    `[${entry.name}](${entry.documentation})`,
    [entry.key, ...(entry.aliases ?? [])].map((key) => `\`${key}\``).join(', '),
    (entry.parameters ?? []).map((parameter) => `\`${parameter.name}\`${parameter.default ? ` (${parameter.default})` : ''}`).join(', '),
    entry.scopes.length || '',
    entry.clientAuthentication + (entry.pkce ? ', PKCE' : ''),
    tokens?.accessSeconds ? spell(tokens.accessSeconds) : tokens?.refresh === 'none' ? 'no end' : '',
    lives,
    entry.revocationEndpoint ? 'yes' : '',
    entry.mcpEndpoint ? `\`${entry.mcpEndpoint}\`` : '',
  ].join(' | ');
};

const table = [
  `${entries.length} entries.`,
  '',
  '| Provider | `oauth.provider` | Parameters (default) | Scopes | Client | Access token | Refresh token | Revoked | MCP server |',
  '|---|---|---|---|---|---|---|---|---|',
  ...entries.map((entry) => `| ${row(entry)} |`),
].join('\n');

const text = readFileSync(page, 'utf8');
const [from, to] = [text.indexOf(begin), text.indexOf(end)];
if (from < 0 || to < from) throw new Error(`${page} has lost the marks around its table.`);
const fresh = `${text.slice(0, from)}${begin}\n${table}\n${text.slice(to)}`;
if (process.env.CHECK === '1') {
  if (fresh !== text) {
    console.log('The table in docs/providers.md is stale: node tests/providers/table.mjs');
    process.exit(1);
  }
} else {
  writeFileSync(page, fresh);
}
