/**
 * What is sold and over which routes: how each fares, and the decisions about it.
 */

import { h } from '../ui/dom.js';
import { ask } from './question.js';
import { button, link, percent, pill, seconds, section, table } from './view.js';

const SERVICES = ['Service', 'State', 'By', 'Health', 'Price', 'Orders 24 h', 'Success', 'SMS after', ''];
const ROUTES = ['Provider', 'Service', 'Country', 'State', 'By', 'Cost', 'Stock', 'Tried', 'Success', 'Answers in', ''];
const TITLES = { enabled: 'Enable', warned: 'Warn', disabled: 'Disable' };
const BACK = 'Back to the rule';

/** The view of `#trade`, or `#trade/<service>` with all routes of it. */
export async function showTrade({ api, view, word: service, refresh }) {
  const [{ services }, { routes, next }] = await Promise.all([
    api.get('services'),
    api.get('routes', { service: service || null, limit: 100 }),
  ]);
  const doing = (question) => () => ask(question).then((isDone) => isDone && refresh());
  const shown = services.filter((each) => each.orders > 0 || each.price !== null || each.former_price !== null
    || each.service === service);
  const serviceRows = shown.map((each) => [
    link(`#trade/${each.service}`, each.title), pill(each.state), each.decided_by, pill(each.status),
    each.price ?? (each.former_price === null ? 'none' : `off sale, was ${each.former_price}`), String(each.orders),
    percent(each.success), seconds(each.sms_s_p50), serviceDoings(api, each, doing),
  ]);
  const routeRows = routes.map((route) => [
    route.provider, route.service, route.country, pill(route.state), route.decided_by, route.cost,
    route.stock === null ? null : String(route.stock), String(route.tried), percent(route.success),
    seconds(route.answer_s_p50), routeDoings(api, route, doing),
  ]);
  const title = service ? `Routes of ${service}` : 'Routes tried in the last 24 hours, or decided about';
  return {
    draw: () => view.replaceChildren(...[
      service ? h('p', {}, link('#trade', '← All services')) : null,
      section(service ? 'The service' : 'Services', table('By their orders of 24 hours; the name leads to its routes', SERVICES,
        service ? serviceRows.filter((_, i) => shown[i].service === service) : serviceRows)),
      section(title,
        table(`A route is one provider’s offer of a service in a country${next ? '; the first 100' : ''}`, ROUTES,
          routeRows, service ? 'It has none.' : 'None yet. The name of a service leads to all of its routes.')),
    ].filter((each) => each !== null)),
  };
}

function serviceDoings(api, each, doing) {
  const price = {
    title: `Price of ${each.title}`,
    text: `It costs ${each.price ?? 'nothing: it is not on sale'}. Open orders keep their price.`,
    yes: 'Set the price',
    fields: [{
      name: 'price', label: 'Price', value: each.price ?? each.former_price ?? '', inputMode: 'decimal',
      pattern: '[0-9]{1,12}([.][0-9]{1,2})?', title: 'An amount such as 5.00',
    }],
    act: (reason, values) => api.post('services', { service: each.service, price: values.price, reason }),
  };
  const decide = (state, title, text) => button(title, doing({
    title: `${title}: ${each.title}?`,
    text,
    yes: title,
    act: (reason) => api.post('services/state', { service: each.service, state, reason }),
  }));
  const texts = {
    enabled: each.state === 'disabled' ? `It is on sale again, for ${each.former_price ?? 'the price it had'}.`
      : 'Its warning goes, and the rule sets none until you give it back.',
    warned: 'It stays on sale, marked, until somebody says otherwise.',
    disabled: 'Nobody can order it until it is enabled again. Open orders go on.',
  };
  const canReturn = each.price !== null || each.former_price !== null || each.state !== 'disabled';
  return h('div', { class: 'row' }, button('Price', doing(price)),
    ...(canReturn ? ['enabled', 'warned', 'disabled'].filter((state) => state !== each.state)
      .map((state) => decide(state, TITLES[state], texts[state])) : []),
    each.decided_by === 'operator' && each.state !== 'disabled'
      ? decide(null, BACK, 'The rule decides about its warning again.') : null);
}

function routeDoings(api, route, doing) {
  const decide = (state, title, text) => button(title, doing({
    title: `${title}: ${route.provider}, ${route.service}, ${route.country}?`,
    text,
    yes: title,
    act: (reason) => api.post('routes', {
      provider: route.provider, service: route.service, country: route.country, state, reason,
    }),
  }));
  const stays = 'It stays so until somebody says otherwise.';
  const texts = {
    enabled: `Orders go over it. ${stays}`,
    warned: `Orders go over it, and it is marked. ${stays}`,
    disabled: `No new order goes over it; those it has go on. ${stays}`,
  };
  return h('div', { class: 'row' },
    ...['enabled', 'warned', 'disabled'].filter((state) => state !== route.state)
      .map((state) => decide(state, TITLES[state], texts[state])),
    route.decided_by === 'operator' ? decide(null, BACK, 'The rule decides about it again.') : null);
}
