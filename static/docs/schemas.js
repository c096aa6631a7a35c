/** What a JSON Schema says, in words. Pure: schemas in, values out. */

/** The schema or response itself, where only its name is given. */
export function resolve(api, named) {
  if (!named.$ref) return named;
  return named.$ref.slice(2).split('/').reduce((found, part) => found[part], api);
}

/** The fields of an object, in the order of the document. */
export function fieldsOf(api, named) {
  const { properties = {}, required = [] } = resolve(api, named);
  return Object.entries(properties).map(([name, schema]) => ({ name, required: required.includes(name), schema }));
}

/** The type in words: parts that are text, or the name of a schema. */
export function typeOf(api, schema) {
  if (schema.$ref) return [{ ref: schema.$ref.split('/').at(-1) }];
  if (schema.anyOf) {
    return schema.anyOf.flatMap((one, number) => [...(number ? [{ text: ' or ' }] : []), ...typeOf(api, one)]);
  }
  if (schema.type === 'array') return [{ text: 'list of ' }, ...typeOf(api, schema.items ?? {})];
  if (schema.enum) return [{ text: schema.enum.map((value) => JSON.stringify(value)).join(' | ') }];
  if ('const' in schema) return [{ text: JSON.stringify(schema.const) }];
  return [{ text: `${schema.format ?? schema.type ?? 'anything'}${boundsOf(schema)}` }];
}

function boundsOf({ minimum, maximum, minLength, maxLength, default: unsaid }) {
  const range = (from, to, unit) =>
    from === undefined && to === undefined ? '' : `, ${from ?? '…'}–${to ?? '…'}${unit}`;
  const bounds = range(minimum, maximum, '') + range(minLength, maxLength, ' characters');
  return unsaid === undefined || unsaid === null ? bounds : `${bounds}, else ${JSON.stringify(unsaid)}`;
}
