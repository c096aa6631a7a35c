/**
 * What is sold and over which routes: how each fares, and the decisions about it.
 */

import { h } from '../ui/dom.js';
import { ask } from './question.js';
import { button, link, percent, pill, seconds, section, table } from './view.js';

const SERVICES = ['Service', 'Status', 'Price', 'Orders 24 h', 'Success', 'SMS after', ''];
const ROUTES = ['Provider', 'Service', 'Country', 'State', 'By', 'Cost', 'Stock', 'Tried', 'Success', 'Answers in', ''];

/** The view of `#trade`, or `#trade/<service>` with all routes of it. */
export async function showTrade(api, view, service, refresh) {
  const [{ services }, { routes, next }] = await Promise.all([
    api.get('services'),
    api.get('routes', { service: service || null, limit: 100 }),
  ]);
  const price = (each) => () => ask({
    title: `Price of ${each.title}`,
    text: `It costs ${each.price ?? 'nothing: it is not on sale'}. Open orders keep their price.`,
    yes: 'Set the price',
    fields: [{
      name: 'price', label: 'Price', value: each.price ?? '', pattern: '[0-9]{1,12}([.][0-9]{1,2})?',
      title: 'An amount such as 5.00',
    }],
    act: (reason, values) => api.post('services', { service: each.service, price: values.price, reason }),
  }).then((isDone) => isDone && refresh());
  const stop = (each) => () => ask({
    title: `Take ${each.title} off sale?`,
    text: 'Nobody can order it until it has a price again. Open orders go on.',
    yes: 'Take it off sale',
    act: (reason) => api.post('services', { service: each.service, price: null, reason }),
  }).then((isDone) => isDone && refresh());
  const decide = (route, state, title) => button(title, () => ask({
    title: `${title}: ${route.provider}, ${route.service}, ${route.country}?`,
    text: state === null ? 'The rule decides about it again.' : 'It stays so until somebody says otherwise.',
    yes: title,
    act: (reason) => api.post('routes', {
      provider: route.provider, service: route.service, country: route.country, state, reason,
    }),
  }).then((isDone) => isDone && refresh()));

  const shown = services.filter((each) => each.orders > 0 || each.price !== null || each.service === service);
  const serviceRows = shown.map((each) => [
    link(`#trade/${each.service}`, each.title), pill(each.status), each.price ?? 'not on sale', String(each.orders),
    percent(each.success), seconds(each.sms_s_p50),
    h('div', { class: 'row' }, button('Price', price(each)),
      each.price === null ? null : button('Off sale', stop(each))),
  ]);
  const routeRows = routes.map((route) => [
    route.provider, route.service, route.country, pill(route.state), route.decided_by, route.cost,
    route.stock === null ? null : String(route.stock), String(route.tried), percent(route.success),
    seconds(route.answer_s_p50),
    h('div', { class: 'row' }, ...['enabled', 'warned', 'disabled'].filter((state) => state !== route.state)
      .map((state) => decide(route, state, TITLES[state])),
    route.decided_by === 'operator' ? decide(route, null, 'Back to the rule') : null),
  ]);
  const title = service ? `Routes of ${service}` : 'Routes tried in the last 24 hours, or decided about';
  return () => view.replaceChildren(
    section(title, service ? h('p', {}, link('#trade', '← All')) : null,
      table(`Routes${next ? ', the first 100' : ''}`, ROUTES, routeRows, 'None yet.')),
    section('Services', table('Services by their orders of 24 hours', SERVICES, serviceRows)));
}

const TITLES = { enabled: 'Enable', warned: 'Warn', disabled: 'Disable' };
