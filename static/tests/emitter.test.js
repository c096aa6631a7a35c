import { Emitter } from '../client/emitter.js';
import { equal, test } from './harness.js';

test('emitter: calls handlers in order until they are ended, each by itself', () => {
  const emitter = new Emitter();
  const heard = [];
  const hear = (detail) => heard.push(detail);
  const end = emitter.on('a', hear);
  emitter.on('a', hear);
  emitter.on('b', hear);
  emitter.emit('a', 1);
  end();
  emitter.emit('a', 2);
  equal(heard, [1, 1, 2]);
});

test('emitter: a handler that throws is reported and harms no other', () => {
  const emitter = new Emitter();
  const heard = [];
  const reported = [];
  const { reportError } = globalThis;
  globalThis.reportError = ({ message }) => reported.push(message);
  try {
    emitter.on('a', () => {
      throw new Error('mine');
    });
    emitter.on('a', (detail) => heard.push(detail));
    emitter.emit('a', 1);
  } finally {
    globalThis.reportError = reportError;
  }
  equal([heard, reported], [[1], ['mine']]);
});
