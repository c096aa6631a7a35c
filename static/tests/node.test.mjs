/**
 * The same cases under Node's own runner: `node --test`.
 */

import { test } from 'node:test';
import { cases } from './harness.js';
import './all.js';

for (const { name, body } of cases) test(name, { timeout: 10_000 }, body);
