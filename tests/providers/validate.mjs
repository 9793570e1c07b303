// Validates the provider catalog against its JSON Schema (draft 2020-12): node tests/providers/validate.mjs
// PROVIDERS names another folder of entries. Prints one line for each thing that is wrong; exits with 1 if there is any.
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import Ajv2020 from 'ajv/dist/2020.js';

const catalog = fileURLToPath(new URL('../../src/Kontext.Domain/Integrations/providers/', import.meta.url));
const folder = process.env.PROVIDERS ?? catalog;
const schemaFile = 'provider.schema.json';
const read = (...path) => JSON.parse(readFileSync(join(...path), 'utf8'));

const ajv = new Ajv2020.default({ strict: true, strictRequired: false, allErrors: true, formats: { uri: (text) => URL.canParse(text) } });
const validate = ajv.compile(read(catalog, schemaFile));
let wrong = 0;
for (const file of readdirSync(folder).filter((name) => name.endsWith('.json') && name !== schemaFile)) {
  if (validate(read(folder, file))) continue;
  for (const error of validate.errors) {
    wrong++;
    console.log(`${file}: ${error.instancePath || '/'} ${error.message} ${JSON.stringify(error.params)}`);
  }
}
process.exit(wrong ? 1 : 0);
