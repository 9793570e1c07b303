// Reads Bicep files into what the checks ask about: declarations, calls of modules, names and strings. No compiler is needed.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { Language, Parser } from 'web-tree-sitter';

const require = createRequire(import.meta.url);
await Parser.init();
const language = await Language.load(join(dirname(require.resolve('tree-sitter-bicep/package.json')), 'tree-sitter-bicep.wasm'));

const text = node => node.text;
const string = node => node.namedChildren.filter(child => child.type === 'string_content').map(text).join('').replaceAll("\\'", "'");
const all = (node, type) => node.descendantsOfType(type).filter(found => found !== null);

/** Parses a file. The grammar knows declarations of parameters only, so those of a parameter file are read as variables. */
export function parse(path) {
  const parser = new Parser();
  parser.setLanguage(language);
  let source = readFileSync(path, 'utf8');
  if (path.endsWith('.bicepparam')) source = source.replace(/^param(?= [A-Za-z_]\w*\s*=)/gm, 'var  ');
  const tree = parser.parse(source);
  return { path, source, root: tree.rootNode, faults: faults(tree.rootNode) };
}

function faults(root) {
  if (!root.hasError) return [];
  const found = [];
  const walk = node => {
    if (node.isError || node.isMissing) found.push(`line ${node.startPosition.row + 1}: ${node.isMissing ? 'something is missing' : `cannot be read: ${node.text.slice(0, 60)}`}`);
    else for (const child of node.children) walk(child);
  };
  walk(root);
  return found;
}

/** What a file declares: parameters with and without default, variables, functions, resources, modules, outputs. */
export function declarations(file) {
  const declared = { params: new Map(), vars: new Map(), funcs: [], resources: [], modules: [], outputs: [], using: null };
  const visit = node => {
    const children = node.namedChildren;
    const name = children.find(child => child.type === 'identifier')?.text;
    switch (node.type) {
      case 'parameter_declaration':
        declared.params.set(name, { node, hasDefault: node.children.some(child => child.type === '=') });
        return;
      case 'variable_declaration':
        declared.vars.set(name, node);
        return;
      case 'user_defined_function':
        declared.funcs.push({ name, node });
        return;
      case 'resource_declaration': {
        const type = string(children.find(child => child.type === 'string'));
        declared.resources.push({ name, type: type.split('@')[0], version: type.split('@')[1], existing: node.children.some(child => child.text === 'existing'), node });
        return;
      }
      case 'module_declaration':
        declared.modules.push({ name, path: string(children.find(child => child.type === 'string')), node });
        return;
      case 'output_declaration':
        declared.outputs.push({ name, node });
        return;
      case 'using_statement':
        declared.using = string(children.find(child => child.type === 'string'));
        return;
      default:
        for (const child of children) visit(child);
    }
  };
  visit(file.root);
  return declared;
}

/** Every name used anywhere but where it is declared or as a property: `a` of `a.b`, not `b`. */
export function usedNames(file) {
  const used = new Set();
  for (const node of all(file.root, 'identifier')) {
    const parent = node.parent;
    const declares = /_declaration$|^user_defined_function$/.test(parent.type) && parent.namedChildren.find(child => child.type === 'identifier')?.id === node.id;
    const property = parent.type === 'object_property' && parent.namedChildren[0]?.id === node.id;
    if (!declares && !property) used.add(node.text);
  }
  return used;
}

/** The properties of an object as [name, value node]; names with parts that vary have * in their place. */
export function properties(object) {
  return object.namedChildren.filter(child => child.type === 'object_property').map(property => {
    const [key, ...rest] = property.namedChildren;
    return [nameOf(key), rest.at(-1)];
  });
}

function nameOf(key) {
  if (key.type !== 'string') return key.text;
  return key.namedChildren.map(child => child.type === 'interpolation' ? '*' : child.text).join('');
}

/** The value of a property at a path below a node: `properties.siteConfig`; null when there is none. */
export function valueAt(node, path) {
  let object = all(node, 'object')[0] ?? null;
  for (const [index, name] of path.split('.').entries()) {
    const found = object && properties(object).find(([key]) => key === name);
    if (!found) return null;
    if (index === path.split('.').length - 1) return found[1];
    object = found[1].type === 'object' ? found[1] : null;
  }
  return null;
}

export { all, string };
