// Checks infra/ without a compiler: every file can be read, every module is found and called as it wants to be, nothing is declared in
// vain, what has to be safe is safe, and the settings are those the program reads. Prints what is wrong and ends with 1, or "ok" and 0.
//
//   SETTINGS=file node tests/infra/check.mjs [folder]     file: JSON, an array of { name, inAzure }
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { all, declarations, parse, properties, string, usedNames, valueAt } from './bicep.mjs';

const root = process.argv[2] ?? process.env.INFRA ?? join(dirname(fileURLToPath(import.meta.url)), '..', '..', 'infra');
const BUILT_IN = new Set(['az', 'resourceGroup', 'subscription', 'subscriptionResourceId', 'resourceId', 'uniqueString', 'guid', 'empty', 'union', 'concat', 'map', 'reduce', 'items', 'join', 'replace', 'range', 'take', 'string', 'cidrSubnet', 'readEnvironmentVariable',
  'description', 'metadata', 'allowed', 'minValue', 'maxValue', 'minLength', 'maxLength', 'secure']);
const wrong = [];
const say = (file, what) => wrong.push(`${relative(root, file)}: ${what}`);

const paths = readdirSync(root, { recursive: true }).filter(path => /\.bicep(param)?$/.test(path)).map(path => join(root, path)).sort();
if (paths.length === 0) wrong.push('there is no Bicep file');
const files = new Map(paths.map(path => [path, parse(path)]));
for (const file of files.values()) for (const fault of file.faults) say(file.path, fault);
if (wrong.length === 0) {
  const declared = new Map([...files].map(([path, file]) => [path, declarations(file)]));
  const called = new Set();
  for (const [path, file] of files) path.endsWith('.bicepparam') ? checkParameters(file, declared) : checkTemplate(file, declared, called);
  for (const path of paths) if (path.includes('/modules/') && !called.has(path)) say(path, 'nobody uses this module');
  checkSafety(declared);
  checkDeploy(declared);
  if (process.env.SETTINGS) checkSettings(JSON.parse(readFileSync(process.env.SETTINGS, 'utf8')), declared);
}
console.log(wrong.length === 0 ? 'ok' : wrong.join('\n'));
process.exit(wrong.length === 0 ? 0 : 1);

// --- one file ------------------------------------------------------------------------------------------------------------------------

function checkTemplate(file, declared, called) {
  const mine = declared.get(file.path);
  const used = usedNames(file);
  for (const [name] of mine.params) if (!used.has(name)) say(file.path, `parameter ${name} is not used`);
  for (const [name] of mine.vars) if (!used.has(name)) say(file.path, `variable ${name} is not used`);
  for (const { name } of mine.funcs) if (!used.has(name)) say(file.path, `function ${name} is not used`);

  const known = new Set([...mine.params.keys(), ...mine.vars.keys(), ...mine.funcs.map(func => func.name), ...mine.resources.map(resource => resource.name), ...mine.modules.map(module => module.name), ...locals(file.root), ...BUILT_IN]);
  for (const name of used) if (!known.has(name)) say(file.path, `${name} is declared nowhere`);

  for (const { name, type, version } of mine.resources) {
    if (!/^\d{4}-\d\d-\d\d(-preview)?$/.test(version ?? '')) say(file.path, `${name} has no API version`);
    if (version?.endsWith('-preview') && type !== 'Microsoft.Insights/diagnosticSettings') say(file.path, `${name} uses a preview of an API`);
  }
  for (const module of mine.modules) {
    const path = resolve(dirname(file.path), module.path);
    if (!declared.has(path)) {
      say(file.path, `module ${module.name}: there is no ${module.path}`);
      continue;
    }
    called.add(path);
    const theirs = declared.get(path);
    const given = new Set(properties(valueAt(module.node, 'params') ?? all(module.node, 'object')[0]).map(([name]) => name));
    for (const [name, { hasDefault }] of theirs.params) if (!hasDefault && !given.has(name)) say(file.path, `module ${module.name} is not given ${name}`);
    for (const name of given) if (!theirs.params.has(name)) say(file.path, `module ${module.name} has no parameter ${name}`);
    const asked = new Set([...file.source.matchAll(new RegExp(`\\b${module.name}(?:\\[[^\\]]+\\])?\\.?[?]?\\.?outputs\\.(\\w+)`, 'g'))].map(match => match[1]));
    for (const name of asked) if (!theirs.outputs.some(output => output.name === name)) say(file.path, `module ${module.name} has no output ${name}`);
    for (const { name } of theirs.outputs) if (!asked.has(name)) say(path, `output ${name} is asked for by nobody`);
  }
}

// Names that are bound inside: of loops, lambdas and functions.
function locals(node) {
  const names = [];
  for (const loop of all(node, 'for_statement')) names.push(...loop.text.slice(1).match(/for\s+\(?\s*([\w, ]+?)\s*\)?\s+in\s/)[1].split(/\s*,\s*/));
  for (const lambda of all(node, 'lambda_expression')) names.push(...lambda.text.match(/^\(?\s*([\w, ]+?)\s*\)?\s*=>/)[1].split(/\s*,\s*/));
  for (const parameter of all(node, 'parameter')) names.push(parameter.namedChildren[0].text);
  return names;
}

function checkParameters(file, declared) {
  const mine = declared.get(file.path);
  const template = mine.using && resolve(dirname(file.path), mine.using);
  if (!template || !existsSync(template)) return say(file.path, `using names no template`);
  const theirs = declared.get(template);
  for (const name of mine.vars.keys()) if (!theirs.params.has(name)) say(file.path, `${mine.using} has no parameter ${name}`);
  for (const [name, { hasDefault }] of theirs.params) if (!hasDefault && !mine.vars.has(name)) say(file.path, `${name} is not given`);
}

// --- all together --------------------------------------------------------------------------------------------------------------------

function checkSafety(declared) {
  const resources = [...declared].flatMap(([path, file]) => file.resources.map(resource => ({ path, ...resource })));
  const must = (type, path, value) => {
    const of = resources.filter(resource => resource.type === type && !resource.existing);
    if (of.length === 0) wrong.push(`there is no ${type}`);
    for (const resource of of) {
      const found = valueAt(resource.node, path);
      const said = found === null ? 'nothing' : found.type === 'string' ? string(found) : found.text;
      if (said !== value) say(resource.path, `${resource.name}: ${path} has to be ${value}, and is ${said}`);
    }
  };
  must('Microsoft.Storage/storageAccounts', 'properties.allowSharedKeyAccess', 'false');
  must('Microsoft.Storage/storageAccounts', 'properties.allowBlobPublicAccess', 'false');
  must('Microsoft.Storage/storageAccounts', 'properties.supportsHttpsTrafficOnly', 'true');
  must('Microsoft.Storage/storageAccounts', 'properties.minimumTlsVersion', 'TLS1_2');
  must('Microsoft.KeyVault/vaults', 'properties.enableRbacAuthorization', 'true');
  must('Microsoft.KeyVault/vaults', 'properties.enablePurgeProtection', 'true');
  must('Microsoft.KeyVault/vaults', 'properties.enableSoftDelete', 'true');
  must('Microsoft.ServiceBus/namespaces', 'properties.disableLocalAuth', 'true');
  must('Microsoft.ServiceBus/namespaces', 'properties.minimumTlsVersion', '1.2');
  must('Microsoft.ServiceBus/namespaces/queues', 'properties.deadLetteringOnMessageExpiration', 'true');
  must('Microsoft.Insights/components', 'properties.DisableLocalAuth', 'true');
  must('Microsoft.Web/serverfarms', 'sku.name', 'FC1');
  must('Microsoft.Web/sites', 'properties.httpsOnly', 'true');
  must('Microsoft.Web/sites', 'properties.siteConfig.minTlsVersion', '1.2');
  must('Microsoft.Web/sites', 'properties.siteConfig.scmMinTlsVersion', '1.2');
  must('Microsoft.Web/sites', 'properties.functionAppConfig.runtime.name', 'custom');
  must('Microsoft.Web/sites', 'properties.functionAppConfig.deployment.storage.authentication.type', 'UserAssignedIdentity');
  must('Microsoft.Web/sites/basicPublishingCredentialsPolicies', 'properties.allow', 'false');
  must('Microsoft.Storage/storageAccounts/blobServices/containers/immutabilityPolicies', 'name', 'default');

  // Who deleted or changed something has to be found out afterwards. Writes to tables and queues are as many as calls, so a parameter may say.
  const logged = (type, categories) => {
    const of = resources.filter(resource => resource.type === type);
    if (of.length === 0) wrong.push(`there is no ${type}`);
    for (const resource of of) {
      const settings = resources.filter(other => other.type === 'Microsoft.Insights/diagnosticSettings' && other.path === resource.path && valueAt(other.node, 'scope')?.text === resource.name);
      const entries = settings.flatMap(setting => all(valueAt(setting.node, 'properties.logs'), 'object')).map(entry => new Map(properties(entry)));
      const enabled = new Map(entries.map(entry => [string(entry.get('category') ?? entry.get('categoryGroup')), entry.get('enabled')?.text]));
      for (const [category, values] of Object.entries(categories)) if (!values.includes(enabled.get(category))) say(resource.path, `${resource.name}: ${category} is not logged`);
    }
  };
  logged('Microsoft.Storage/storageAccounts/blobServices', { StorageWrite: ['true'], StorageDelete: ['true'] });
  logged('Microsoft.Storage/storageAccounts/tableServices', { StorageWrite: ['true', 'logWrites'], StorageDelete: ['true'] });
  logged('Microsoft.Storage/storageAccounts/queueServices', { StorageWrite: ['true', 'logWrites'], StorageDelete: ['true'] });
  logged('Microsoft.KeyVault/vaults', { audit: ['true'] });
  logged('Microsoft.ServiceBus/namespaces', { OperationalLogs: ['true'] });

  for (const [path, file] of files) {
    const key = file.source.match(/\b(list(?:Keys|AccountSas|ServiceSas|Secrets)|AccountKey=|SharedAccessKey)/i);
    if (key) say(path, `${key[1]}: no key may be used`);
  }
  // Assignments that reach beyond one resource, and roles that manage instead of using.
  const MANAGING = ['8e3af657-a8ff-443c-a75c-2fe8c4bcb635', 'b24988ac-6180-42a0-ab88-20f7382dd24c', '17d1049b-9a84-46fb-8f53-869881c3d3ab', '00482a5a-887f-4fb3-b363-3b7fe8e74483'];
  for (const resource of resources.filter(resource => resource.type === 'Microsoft.Authorization/roleAssignments')) {
    if (valueAt(resource.node, 'scope') === null) say(resource.path, `${resource.name} is an assignment without a scope: it would hold for the whole group`);
    const ids = files.get(resource.path).source;
    for (const id of MANAGING) if (ids.includes(id)) say(resource.path, `${resource.name}: the role ${id} manages resources`);
  }
  for (const name of ['signInClientSecret', 'secretValue']) {
    for (const [path, file] of declared) {
      const param = file.params.get(name);
      if (param && !files.get(path).source.slice(0, param.node.startIndex).trimEnd().endsWith('@secure()')) say(path, `${name} is not @secure()`);
    }
  }
}

// What the deployment command asks the deployment for.
function checkDeploy(declared) {
  const outputs = declared.get(join(root, 'main.bicep')).outputs.map(output => output.name);
  const asked = [...readFileSync(join(root, 'deploy'), 'utf8').matchAll(/\$\(output (\w+)\)/g)].map(match => match[1]);
  if (asked.length === 0) wrong.push('deploy: asks for no output');
  for (const name of asked) if (!outputs.includes(name)) wrong.push(`deploy: main.bicep has no output ${name}`);
}

// --- settings ------------------------------------------------------------------------------------------------------------------------

function checkSettings(known, declared) {
  const path = join(root, 'modules', 'app.bicep');
  const app = declared.get(path);
  const setHere = settingsOf(app);
  const pattern = name => name.replace(/\{\w+\}/g, '*');
  const expected = new Set(known.filter(setting => setting.inAzure).map(setting => pattern(setting.name)));
  for (const name of expected) if (!setHere.has(name)) say(path, `the program reads ${name}, and nobody sets it`);
  // A Linux app refuses other names, and with them the whole deployment.
  for (const name of setHere) if (!/^[\w.*]+$/.test(name)) say(path, `${name} cannot be a setting of a Linux app: letters, digits, periods and underscores`);
  for (const name of setHere) if (!expected.has(name)) say(path, `${name} is set, and nobody reads it`);
}

// The names in the objects that end up in the app's settings: variables called ...Settings or switches, and functions that return them.
function settingsOf(app) {
  const names = new Set();
  const functions = new Map(app.funcs.map(func => [func.name, func.node]));
  const outermost = node => all(node, 'object').filter(object => object.type === 'object');
  const literal = node => outermost(node).flatMap(object => properties(object)).map(([name]) => name).filter(name => /^\*?\w*(__|[.]|_)/.test(name) || name.startsWith('AzureWebJobs'));
  for (const [name, node] of app.vars) if (/Settings$|^switches$/.test(name)) for (const found of literal(node)) names.add(found);
  // A function's names begin with its first parameter where that is a prefix; each call says which.
  for (const call of [...app.vars.values(), ...functions.values()].flatMap(node => all(node, 'call_expression'))) {
    const func = functions.get(call.namedChildren[0].text);
    if (!func) continue;
    const argument = call.namedChildren[1].namedChildren[0];
    const prefix = argument?.type === 'string' ? argument.namedChildren.map(child => child.type === 'interpolation' ? '*' : child.text).join('') : null;
    for (const name of literal(func)) names.add(prefix && name.startsWith('*__') ? prefix + name.slice(1) : name);
  }
  return names;
}
