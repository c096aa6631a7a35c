/**
 * Runs every test in a page: a list, and the title `passed N` or `failed N`. For Node there is node.test.mjs.
 */

import './all.js';
import { runAll } from './harness.js';

const results = await runAll();
const failed = results.filter(({ error }) => error);
const summary = failed.length ? `failed ${failed.length}` : `passed ${results.length}`;
const lines = results.map(({ name, error }) => (error ? `FAILED ${name}: ${error.message}` : `ok ${name}`));

for (const line of lines) {
  const item = document.createElement('li');
  item.textContent = line;
  document.getElementById('results').append(item);
}
document.title = summary;
