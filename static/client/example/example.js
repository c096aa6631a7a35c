/**
 * The client at work, against `make run`: a demo user, its money, and each event as it comes.
 *
 * Everything worth copying is in `connect` and the handlers below it.
 */

import { connect } from '../index.js';

const show = (id, text) => {
  document.getElementById(id).textContent = text;
};

async function post(path, body, headers = {}) {
  const response = await fetch(path, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json', ...headers },
    body: JSON.stringify(body),
  });
  const answer = await response.json();
  if (!response.ok) throw new Error(answer.message);
  return answer;
}

/** Your own sign-in stands here. */
const signIn = () => post('/demo/sessions', { name: 'example', credit: '36.00' });

let { token } = await signIn();

const client = connect({
  token,
  getToken: async () => ({ token } = await signIn()).token, // before the token expires, and when it is refused
});

client.on('ready', ({ snapshot }) => {
  if (!snapshot) return; // resumed: what was missed follows as events
  document.getElementById('events').replaceChildren();
  show('available', snapshot.wallet.available);
});

client.on('balance.changed', ({ data }) => show('available', data.available));

client.on('sms.received', ({ data, cursor }) => {
  document.title = `${data.code} · ${data.phone}`;
  client.ack(cursor); // receipt: the code was shown
});

client.on('event', ({ seq, type, data }) => {
  const line = document.createElement('li');
  line.dataset.seq = seq;
  line.textContent = `${seq} ${type} ${data.code ?? data.status ?? data.amount ?? ''}`;
  document.getElementById('events').append(line);
});

const showState = ({ status, transport, role }) => show('state', `${status} ${transport} ${role}`);
client.on('state', showState);
showState(client.state);

document.getElementById('buy').addEventListener('click', async () => {
  const order = { service: 'whatsapp', country: 'indonesia' };
  try {
    await post('/api/activations', order, { Authorization: `Bearer ${token}`, 'Idempotency-Key': crypto.randomUUID() });
  } catch ({ message }) {
    show('state', message);
  }
});
