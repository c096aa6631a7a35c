/**
 * Runs every test. In a page: a list, and the title `passed N` or `failed N`. In Node: lines, and the exit code.
 */

import './backoff.test.js';
import './close_codes.test.js';
import './ladder.test.js';
import './page.test.js';
import './realtime.test.js';
import './sequence.test.js';
import './sse_parser.test.js';
import './store.test.js';
import './transports.test.js';
import { runAll } from './harness.js';

const results = await runAll();
const failed = results.filter(({ error }) => error);
const summary = failed.length ? `failed ${failed.length}` : `passed ${results.length}`;
const lines = results.map(({ name, error }) => (error ? `FAILED ${name}: ${error.message}` : `ok ${name}`));

if (globalThis.document) {
  for (const line of lines) {
    const item = document.createElement('li');
    item.textContent = line;
    document.getElementById('results').append(item);
  }
  document.title = summary;
} else {
  console.log([...lines, summary].join('\n'));
  process.exitCode = failed.length ? 1 : 0;
}
