/**
 * Plots as SVG: bars stacked by time, and lines. Each has a title, a sentence that says its newest figures, and a name
 * on every mark; colours are classes, so that light, dark and print follow the page. No library: two kinds of marks on
 * one scale are less than what one would have to bring along.
 */

const NAMESPACE = 'http://www.w3.org/2000/svg';
const WIDTH = 640;
const WIDTH_NARROW = 360; // texts are part of the drawing: on a phone it must not shrink as much
const HEIGHT = 180;
const LEFT = 54;
const BOTTOM = 22;
const TOP = 8;

/** @returns {number} The least of 1, 2, 3, 4, 6, 8, 10, 20, 30 … (or 0.1, 0.2 …) that is not below. Pure. */
export function niceMax(value) {
  if (!(value > 0)) return 1;
  const power = 10 ** Math.floor(Math.log10(value));
  const step = [1, 2, 3, 4, 6, 8, 10].find((each) => each * power >= value * (1 - 1e-9));
  return Number((step * power).toPrecision(6));
}

/**
 * The times of a plot, those of nothing included. Pure.
 * @param {number} nowMs @param {'hour' | 'day'} step @param {number} count @returns {string[]} As the API writes them.
 */
export function timesUntil(nowMs, step, count) {
  const lengthMs = step === 'hour' ? 3_600_000 : 86_400_000;
  const last = Math.floor(nowMs / lengthMs) * lengthMs;
  return Array.from({ length: count }, (_, i) => new Date(last - (count - 1 - i) * lengthMs).toISOString());
}

/**
 * @param {{ title: string, times: string[], series: { name: string, values: (number | null)[] }[], unit?: string,
 *   kind: 'bars' | 'lines', note?: string, latest?: string, clock?: 'minutes' | 'seconds' }} plot
 *   One value a time; null: there is none. latest: what the newest time is called. note: said below.
 * @returns {HTMLElement}
 */
export function plot({ title, note = '', times, series, unit = '', kind, latest = 'Now', clock = 'minutes' }) {
  const totals = times.map((_, i) => kind === 'bars'
    ? series.reduce((sum, { values }) => sum + (values[i] ?? 0), 0)
    : Math.max(0, ...series.map(({ values }) => values[i] ?? 0)));
  const top = niceMax(Math.max(0, ...totals));
  const whole = matchMedia('(max-width: 720px)').matches ? WIDTH_NARROW : WIDTH;
  const x = (i) => LEFT + ((whole - LEFT) * i) / Math.max(1, times.length);
  const y = (value) => TOP + (HEIGHT - TOP - BOTTOM) * (1 - value / top);
  const width = (whole - LEFT) / Math.max(1, times.length);

  const svg = draw('svg', { viewBox: `0 0 ${whole} ${HEIGHT}`, role: 'img', class: 'plot' });
  svg.append(draw('title', {}, `${title}. ${newest(times, series, unit, latest)}`));
  const areWhole = series.every(({ values }) => values.every((value) => Number.isInteger(value ?? 0)));
  for (const part of areWhole && top % 2 === 1 ? [0, 1] : [0, 0.5, 1]) { // there is no half an order
    const at = y(top * part);
    svg.append(
      draw('line', { x1: LEFT, x2: whole, y1: at, y2: at, class: 'grid' }),
      draw('text', { x: LEFT - 6, y: at + 4, class: 'axis end' }, `${Number((top * part).toPrecision(3))}${unit}`));
  }
  const labels = whole === WIDTH_NARROW && clock === 'seconds' ? 4 : 6;
  for (const i of times.keys()) {
    if (i % Math.ceil(times.length / labels) === 0) {
      svg.append(draw('text', { x: x(i), y: HEIGHT - 6, class: 'axis' }, shortTime(times[i], times.length, clock)));
    }
  }
  series.forEach(({ name, values }, place) => {
    if (kind === 'bars') {
      values.forEach((value, i) => {
        if (!value) return;
        const below = series.slice(0, place).reduce((sum, other) => sum + (other.values[i] ?? 0), 0);
        const bar = draw('rect', {
          x: x(i) + width * 0.1, width: width * 0.8, y: y(below + value), height: y(below) - y(below + value),
          class: `series-${place}`,
        });
        bar.append(draw('title', {}, `${name}: ${value}${unit}, ${longTime(times[i])}`));
        svg.append(bar);
      });
    } else {
      svg.append(draw('path', { d: path(values, (i) => x(i) + width / 2, y), class: `line series-${place}` }));
      values.forEach((value, i) => {
        if (value === null) return;
        const dot = draw('circle', { cx: x(i) + width / 2, cy: y(value), r: 3, class: `series-${place}` });
        dot.append(draw('title', {}, `${name}: ${value}${unit}, ${longTime(times[i])}`));
        svg.append(dot);
      });
    }
  });
  return figure(title, svg, series.map(({ name }) => name), `${newest(times, series, unit, latest)} ${note}`.trim());
}

/** @returns {string} An SVG path that breaks where there is no value. Pure. */
export function path(values, x, y) {
  let isOpen = false;
  return values.map((value, i) => {
    if (value === null) {
      isOpen = false;
      return '';
    }
    const command = isOpen ? 'L' : 'M';
    isOpen = true;
    return `${command}${x(i).toFixed(1)} ${y(value).toFixed(1)}`;
  }).join('');
}

function newest(times, series, unit, latest) {
  const last = times.length - 1;
  if (!series.some(({ values }) => values.some((value) => value !== null && value !== undefined))) return 'Nothing yet.';
  const said = series.filter(({ values }) => values[last] !== null && values[last] !== undefined);
  const figures = said.map(({ name, values }) => `${name} ${values[last]}${unit}`).join(', ');
  return `${latest}: ${figures || 'nothing'}.`;
}

function longTime(iso) {
  return new Date(iso).toLocaleString(undefined, { dateStyle: 'medium', timeStyle: 'medium' });
}

function shortTime(iso, count, clock) {
  const at = new Date(iso);
  const pad = (number) => String(number).padStart(2, '0');
  if (count > 1 && iso.endsWith('T00:00:00.000Z') && count <= 100 && at.getUTCHours() === 0) {
    return `${at.getUTCDate()}.${at.getUTCMonth() + 1}.`;
  }
  const time = `${pad(at.getHours())}:${pad(at.getMinutes())}`;
  return clock === 'seconds' ? `${time}:${pad(at.getSeconds())}` : time;
}

function figure(title, svg, names, summary) {
  const element = document.createElement('figure');
  const caption = document.createElement('figcaption');
  const heading = document.createElement('strong');
  heading.textContent = title;
  caption.append(heading, ...names.map((name, place) => {
    const key = document.createElement('span');
    key.className = `key series-${place}`;
    key.textContent = name;
    return key;
  }));
  const said = document.createElement('p');
  said.className = 'summary';
  said.textContent = summary;
  element.append(caption, svg, said);
  return element;
}

function draw(tag, attributes, text) {
  const element = document.createElementNS(NAMESPACE, tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, String(value));
  if (text !== undefined) element.textContent = text;
  return element;
}
