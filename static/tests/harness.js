/**
 * Test cases and assertions, as little as will do. Cases run one after the other, in the order of registration.
 */

/** @type {{ name: string, body: () => void | Promise<void> }[]} */
export const cases = [];

/** @param {string} name The behaviour. @param {() => void | Promise<void>} body */
export function test(name, body) {
  cases.push({ name, body });
}

/** Compares by value, key order aside. */
export function equal(actual, expected) {
  if (stable(actual) !== stable(expected)) throw new Error(`expected ${stable(expected)}, got ${stable(actual)}`);
}

export function ok(value, expectation) {
  if (!value) throw new Error(`expected ${expectation}`);
}

/** Long enough for every promise that is ready to run: two macrotasks. */
export async function settled() {
  for (let turn = 0; turn < 2; turn += 1) await new Promise((resolve) => setTimeout(resolve));
}

/** @returns {Promise<{ name: string, error: Error | null }[]>} */
export async function runAll(deadlineMs = 5_000) {
  const results = [];
  for (const { name, body } of cases) {
    let timer;
    const deadline = new Promise((_, reject) => {
      timer = setTimeout(() => reject(new Error(`not done after ${deadlineMs} ms`)), deadlineMs);
    });
    const error = await Promise.race([Promise.resolve().then(body), deadline]).then(() => null, (reason) => reason);
    clearTimeout(timer);
    results.push({ name, error });
  }
  return results;
}

function stable(value) {
  const sortKeys = (_, item) =>
    item?.constructor === Object ? Object.fromEntries(Object.entries(item).sort(([a], [b]) => (a < b ? -1 : 1))) : item;
  return JSON.stringify(value, sortKeys) ?? String(value);
}
