// The conformance suite imports fs.globSync, which Node has from 22 on, for a command that is not used here. On Node 20 this stands in.
// Use: node --import ./tests/mcp-conformance/node20.mjs <the suite>
import fs from 'node:fs';
import { register } from 'node:module';

if (!fs.globSync) {
  const names = Object.keys(fs).filter((name) => name !== 'default');
  const shim = `import fs from 'node:fs'; export default fs; export const globSync = () => { throw new Error('needs Node 22'); }; export const { ${names.join(', ')} } = fs;`;
  const hooks = `export const resolve = (specifier, context, next) =>
    specifier === 'fs' && context.parentURL?.includes('/@modelcontextprotocol/conformance/') ? { url: ${JSON.stringify('data:text/javascript,' + encodeURIComponent(shim))}, shortCircuit: true } : next(specifier, context);`;
  register('data:text/javascript,' + encodeURIComponent(hooks));
}
