import { EVENT_CHARS_MAX, SseParser } from '../client/sse_parser.js';
import { equal, ok, test } from './harness.js';

function parse(...pieces) {
  const parser = new SseParser();
  return pieces.flatMap((piece) => parser.push(piece));
}

const message = (data, rest = {}) => ({ event: 'message', data, id: '', ...rest });

test('sse: an event has its type, data and id', () => {
  equal(parse('id: c1\nevent: ready\ndata: {"a":1}\n\n'), [{ event: 'ready', data: '{"a":1}', id: 'c1' }]);
});

test('sse: every cut into pieces gives the same events', () => {
  const stream = '\uFEFF: hi\r\nid: c1\r\nevent: x\r\ndata: a\r\ndata: ü😀\r\n\r\nretry: 7\rdata: b\r\rdata: c\n\n';
  const whole = parse(stream);
  equal(whole, [
    { event: 'x', data: 'a\nü😀', id: 'c1' },
    message('b', { id: 'c1' }),
    message('c', { id: 'c1' }),
  ]);
  for (let cut = 0; cut <= stream.length; cut += 1) equal(parse(stream.slice(0, cut), stream.slice(cut)), whole);
  equal(parse(...stream), whole.map((event) => ({ ...event })));
});

test('sse: LF, CR and CRLF end lines', () => {
  equal(parse('data: a\n\ndata: b\r\rdata: c\r\n\r\n'), [message('a'), message('b'), message('c')]);
});

test('sse: a CRLF cut in two is one line end', () => {
  equal(parse('data: a\r', '\ndata: b\r', '\n\r', '\n'), [message('a\nb')]);
});

test('sse: data lines are joined with a line feed', () => {
  equal(parse('data: a\ndata:\ndata: b\n\n'), [message('a\n\nb')]);
});

test('sse: one byte order mark at the start is skipped, and only there', () => {
  equal(parse('\uFEFFdata: a\n\n', '\uFEFFdata: b\n\n'), [message('a')]);
});

test('sse: comments and unknown fields are ignored', () => {
  equal(parse(': heartbeat\n\n:\nfoo: bar\ndata: a\nbaz\n\n'), [message('a')]);
});

test('sse: one space behind the colon is skipped, and only one', () => {
  equal(parse('data:a\n\ndata:  b\n\ndata\n\n'), [message('a'), message(' b'), message('')]);
});

test('sse: an event without data is none, and its type is forgotten', () => {
  equal(parse('event: x\n\ndata: a\n\n'), [message('a')]);
});

test('sse: the id stays until another one comes; with a NUL it is ignored', () => {
  const events = parse('id: 1\ndata: a\n\ndata: b\n\nid: 2\0\ndata: c\n\nid\ndata: d\n\n');
  equal(events.map(({ id }) => id), ['1', '1', '1', '']);
});

test('sse: retry takes digits and nothing else', () => {
  const parser = new SseParser();
  parser.push('retry: 1500\n');
  equal(parser.retryMs, 1500);
  parser.push('retry: 2s\nretry:\nretry: -1\n');
  equal(parser.retryMs, 1500);
});

test('sse: what is not finished is not an event', () => {
  equal(parse('data: a\n', 'data: b'), []);
});

test('sse: an event without end is refused, in one line or in many', () => {
  const line = 'x'.repeat(1024 * 1024);
  for (const piece of [line, `data: ${line}\n`]) {
    let error = null;
    try {
      parse('data: ', ...Array(EVENT_CHARS_MAX / line.length + 1).fill(piece));
    } catch (caught) {
      error = caught;
    }
    ok(error instanceof RangeError, 'a RangeError');
  }
});
