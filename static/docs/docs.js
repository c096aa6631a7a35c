/**
 * The API's document for people: /openapi.json drawn as a page. Nothing is loaded from anywhere else, and every text
 * goes in as text, so whatever stands in the document cannot be markup.
 */

import { byId, h } from '../ui/dom.js';
import { code, prose } from './elements.js';
import { fieldsOf, resolve, typeOf } from './schemas.js';

const METHODS = ['get', 'post', 'put', 'patch', 'delete'];

function operationsOf(api) {
  return Object.entries(api.paths).flatMap(([path, methods]) =>
    METHODS.filter((method) => method in methods).map((method) => ({ path, method, ...methods[method] })));
}

function groupsOf(operations) {
  const groups = new Map();
  for (const operation of operations) {
    const [tag] = operation.tags;
    groups.set(tag, [...(groups.get(tag) ?? []), operation]);
  }
  return groups;
}

function table(heads, rows) {
  const head = h('tr', {}, ...heads.map((text) => h('th', { scope: 'col' }, text)));
  const body = rows.map((cells) => h('tr', {}, ...cells.map((cell) => h('td', {}, ...[cell].flat()))));
  return h('div', { class: 'scroll' }, h('table', {}, h('thead', {}, head), h('tbody', {}, ...body)));
}

/** The rows of a schema's fields: name, type, and what is said of it. */
function fieldTable(api, schema) {
  const rows = fieldsOf(api, schema).map(({ name, required, schema: field }) => [
    [code(name), required ? '' : h('small', {}, ' optional')],
    typeCell(api, field),
    prose(field.description ?? ''),
  ]);
  return rows.length ? table(['name', 'type', ''], rows) : h('p', {}, 'No fields.');
}

function typeCell(api, schema) {
  return typeOf(api, schema).map((part) =>
    part.ref ? h('a', { href: `#schema-${part.ref}` }, part.ref) : h('span', { class: 'type' }, part.text));
}

function parametersOf(api, { parameters = [] }) {
  if (!parameters.length) return [];
  const rows = parameters.map((parameter) => [
    [code(parameter.name), h('small', {}, ` ${parameter.in}`)],
    typeCell(api, parameter.schema),
    prose(parameter.description ?? ''),
  ]);
  return [h('h4', {}, 'Parameters'), table(['name', 'type', ''], rows)];
}

function bodyOf(api, { requestBody }) {
  if (!requestBody) return [];
  const { schema } = requestBody.content['application/json'];
  return [h('h4', {}, 'Body'), prose(resolve(api, schema).description ?? ''), fieldTable(api, schema)];
}

function answersOf(api, { responses }) {
  const entries = Object.entries(responses).map(([status, response]) => [status, resolve(api, response)]);
  const isRefusal = ([, { content }]) => content?.['application/json']?.schema.allOf !== undefined;
  const given = entries.filter((entry) => !isRefusal(entry)).map(([status, { description, content = {} }]) => [
    code(status),
    Object.entries(content).flatMap(([type, { schema }]) => (schema.$ref ? typeCell(api, schema) : [code(type)])),
    prose(description),
  ]);
  const refused = entries.filter(isRefusal).map(([status, { content }]) => [
    code(status),
    content['application/json'].schema.allOf[1].properties.error_code.enum.flatMap((name) => [
      h('a', { href: `#error-${name}`, class: 'error-code' }, name), ' ',
    ]),
  ]);
  return [
    h('h4', {}, 'Answers'), table(['status', 'body', ''], given),
    h('details', { class: 'refusals' }, h('summary', {}, 'Refusals'), table(['status', 'error_code'], refused)),
  ];
}

function operationView(api, operation) {
  const heading = h('summary', {},
    h('span', { class: `method method-${operation.method}` }, operation.method.toUpperCase()),
    h('code', { class: 'path' }, operation.path),
    h('span', { class: 'summary' }, operation.summary));
  return h('details', { id: operation.operationId, class: 'operation' }, heading,
    prose(operation.description),
    ...parametersOf(api, operation), ...bodyOf(api, operation), ...answersOf(api, operation));
}

function schemaView(api, [name, schema]) {
  return h('details', { id: `schema-${name}`, class: 'schema' },
    h('summary', {}, h('code', {}, name)), prose(schema.description ?? ''), fieldTable(api, schema));
}

function errorTable(api) {
  const rows = Object.entries(api['x-error-codes']).map(([name, { status, meaning }]) => [
    code(String(status)), h('code', { id: `error-${name}` }, name), prose(meaning),
  ]);
  return table(['status', 'error_code', 'meaning'], rows);
}

function section(id, title, ...children) {
  return h('section', { id }, h('h2', {}, title), ...children);
}

function draw(api) {
  const groups = groupsOf(operationsOf(api));
  const sections = [
    section('about', 'About', prose(api.info.description)),
    ...[...groups].map(([tag, operations]) =>
      section(`tag-${tag}`, tag, ...operations.map((operation) => operationView(api, operation)))),
    section('schemas', 'schemas', ...Object.entries(api.components.schemas).map((entry) => schemaView(api, entry))),
    section('errors', 'errors', errorTable(api)),
  ];
  byId('version').textContent = api.info.version;
  byId('document').replaceChildren(...sections);
  byId('contents').replaceChildren(...sections.map((each) =>
    h('a', { href: `#${each.id}` }, each.firstChild.textContent)));
}

/** What an address or a link names is opened, and everything around it. */
function reveal() {
  const named = byId(decodeURIComponent(location.hash.slice(1)));
  for (let each = named; each !== null; each = each.parentElement) if (each.tagName === 'DETAILS') each.open = true;
  named?.scrollIntoView();
}

try {
  const answer = await fetch('/openapi.json');
  if (!answer.ok) throw new Error(`it answered ${answer.status}`);
  draw(await answer.json());
  reveal();
  addEventListener('hashchange', reveal);
} catch (error) {
  const problem = byId('problem');
  problem.textContent = `The document could not be shown: ${error.message}. Reload to try again.`;
  problem.hidden = false;
}
