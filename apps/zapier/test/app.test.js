'use strict';

// Against a running Kith: KITH_URL and KITH_TOKEN say which. Its operator allows 127.0.0.1 for hooks.

const assert = require('node:assert/strict');
const http = require('node:http');
const { test } = require('node:test');

const zapier = require('zapier-platform-core');

const App = require('../index');

const appTester = zapier.createAppTester(App);
const authData = { base_url: process.env.KITH_URL, token: process.env.KITH_TOKEN };
const READ_ONLY = process.env.KITH_READ_TOKEN;

let last = 0;
// Apart from run to run, so that the tests can run again on one workspace; +1415554 is nobody.
const newPhone = () => `+1415555${String(Date.now() % 9000 + 1000 + last++).slice(-4)}`;

const run = (perform, inputData = {}, more = {}) =>
  appTester(perform, { authData, inputData, ...more });

const create = (inputData) => run(App.creates.create_contact.operation.perform, inputData);
const find = (inputData) => run(App.searches.find_contact.operation.perform, inputData);
const kinds = { ...App.triggers, ...App.searches, ...App.creates };

test('the app is one that Zapier takes', async () => {
  const handler = zapier.createAppHandler(App);
  const answer = await handler({ command: 'validate', calledFromCli: true });
  assert.deepEqual(answer.results, []);
});

test('it has the actions and triggers that it promises, in human words', () => {
  assert.deepEqual(Object.keys(App.creates), [
    'create_contact',
    'update_contact',
    'add_tag',
    'set_consent',
  ]);
  assert.deepEqual(Object.keys(App.searches), ['find_contact']);
  assert.deepEqual(Object.keys(App.triggers), ['new_contact', 'new_opt_in', 'opt_out']);
  for (const one of Object.values(kinds)) {
    assert.match(one.display.description, /^[A-Z].{15,}\.$/);
    assert.ok(one.operation.sample);
  }
});

test('a connection is named by its person and workspace', async () => {
  const me = await run(App.authentication.test);
  assert.equal(me.email, process.env.KITH_EMAIL);
  assert.equal(me.workspace, process.env.KITH_WORKSPACE);
  assert.equal(App.authentication.connectionLabel, '{{email}} ({{workspace}})');
  const slashed = { base_url: ` ${authData.base_url}// `, token: ` ${authData.token} ` };
  const again = await appTester(App.authentication.test, { authData: slashed });
  assert.equal(again.email, me.email);
});

test('a wrong token or address is said so', async () => {
  const wrong = (changes) =>
    appTester(App.authentication.test, { authData: { ...authData, ...changes } });
  await assert.rejects(wrong({ token: 'kith_wrong' }), {
    name: 'RefreshAuthError',
    message: /does not know this token/,
  });
  await assert.rejects(wrong({ base_url: 'kith.example.com' }), /whole address of your Kith/);
  await assert.rejects(wrong({ base_url: `${authData.base_url}/docs` }), /nothing at this address/);
});

test('create contact: made with its source, then added to', async () => {
  const phone = newPhone();
  const made = await create({
    phone,
    name: 'Romain',
    email: '',
    tags: ['vip', 'zap'],
    metadata: { form: 'spring' },
  });
  assert.equal(made.phone, phone);
  assert.deepEqual(made.tags, ['vip', 'zap']);
  const again = await create({ phone, email: 'romain@example.com' });
  assert.equal(again.id, made.id);
  const [found] = await find({ phone });
  assert.equal(found.source, 'zapier');
  assert.equal(found.name, 'Romain');
  assert.equal(found.email, 'romain@example.com');
  assert.deepEqual(found.metadata, { form: 'spring' });
});

test('update contact: what is left blank stays', async () => {
  const { id, phone } = await create({ phone: newPhone(), name: 'Before', tags: ['old'] });
  const perform = App.creates.update_contact.operation.perform;
  await run(perform, { contact_id: id, name: 'After', email: '', tags: [] });
  let [found] = await find({ contact_id: id });
  assert.deepEqual([found.name, found.email, found.tags], ['After', null, ['old']]);
  await run(perform, { phone, tags: ['new'] });
  [found] = await find({ phone });
  assert.deepEqual([found.name, found.tags], ['After', ['new']]);
});

test('update contact: blanks within a field clear nothing either', async () => {
  const { id } = await create({
    phone: newPhone(),
    name: 'Before',
    tags: ['old'],
    metadata: { size: 'L' },
  });
  const perform = App.creates.update_contact.operation.perform;
  const seen = async () => {
    const [{ name, tags, metadata }] = await find({ contact_id: id });
    return { name, tags, metadata };
  };
  const before = { name: 'Before', tags: ['old'], metadata: { size: 'L' } };
  for (const tags of [[''], ['  ', null], ', ', [' , ', '']]) {
    await run(perform, { contact_id: id, phone: ' ', name: '  ', tags, metadata: { size: ' ' } });
    assert.deepEqual(await seen(), before);
  }
  await run(perform, { contact_id: id, tags: ['a', '', 'b, c,'], metadata: { size: '', age: 5 } });
  assert.deepEqual(await seen(), {
    name: 'Before',
    tags: ['a', 'b', 'c'],
    metadata: { size: 'L', age: 5 },
  });
});

test('a number is taken where Kith wants text', async () => {
  const { id, phone, name, tags } = await create({
    phone: Number(newPhone()),
    name: 42,
    tags: [2026, 'vip'],
  });
  assert.deepEqual([phone[0], name, tags], ['+', '42', ['2026', 'vip']]);
  const tagged = await run(App.creates.add_tag.operation.perform, { contact_id: id, tag: 7 });
  assert.deepEqual(tagged.tags.sort(), ['2026', '7', 'vip']);
});

test('what an action gives is what its sample showed', async () => {
  const phone = newPhone();
  const filledIn = {
    create_contact: { phone },
    update_contact: { phone, name: 'Romain' },
    add_tag: { phone, tag: 'vip' },
    set_consent: {
      phone,
      channel: 'whatsapp',
      purpose: 'marketing',
      state: 'granted',
      method: 'checkbox',
    },
  };
  const shape = (one) =>
    one && one.constructor === Object
      ? Object.fromEntries(Object.entries(one).map(([key, value]) => [key, shape(value)]))
      : null;
  for (const [key, { operation }] of Object.entries(App.creates)) {
    const given = await run(operation.perform, filledIn[key]);
    assert.deepEqual(shape(given), shape(operation.sample), key);
  }
});

test('find contact: by each key; nobody is an empty list; two keys are refused', async () => {
  const email = `a${Date.now()}@example.com`;
  const { id, phone } = await create({ phone: newPhone(), email });
  for (const key of [{ phone }, { email }, { contact_id: id }]) {
    const [found] = await find(key);
    assert.equal(found.id, id);
    assert.deepEqual(Object.keys(found), Object.keys(App.searches.find_contact.operation.sample));
  }
  assert.deepEqual(await find({ phone: '+14155540000' }), []);
  await assert.rejects(find({ phone, email }), /Give exactly one of/);
  await assert.rejects(find({}), /Give exactly one of/);
  await assert.rejects(find({ phone: 'nonsense' }), /The phone must be/);
});

test('add tag', async () => {
  const { id, phone } = await create({ phone: newPhone() });
  const perform = App.creates.add_tag.operation.perform;
  await run(perform, { contact_id: id, tag: 'vip' });
  await run(perform, { phone, tag: 'vip' });
  const [found] = await find({ phone });
  assert.deepEqual(found.tags, ['vip']);
  await assert.rejects(run(perform, { phone, tag: 'a,b' }), /comma/);
});

const setConsent = (inputData) =>
  run(App.creates.set_consent.operation.perform, {
    channel: 'whatsapp',
    purpose: 'marketing',
    method: 'checkbox',
    ...inputData,
  });

test('set consent: given, withdrawn, and not given back by somebody else', async () => {
  const { phone } = await create({ phone: newPhone() });
  await setConsent({ phone, state: 'granted', wording: 'Yes', evidence: { form: 'spring' } });
  let [found] = await find({ phone });
  assert.ok(found.opted_in_at);
  await setConsent({ phone, state: 'withdrawn' });
  await setConsent({ phone, state: 'granted' });
  [found] = await find({ phone });
  assert.ok(found.opted_out_at);
});

test('set consent: of what happened earlier', async () => {
  const { phone } = await create({ phone: newPhone() });
  const occurred_at = '2026-04-15T06:32:00-04:00';
  const { record } = await setConsent({ phone, state: 'granted', occurred_at });
  assert.equal(record.occurred_at, '2026-04-15T10:32:00+00:00');
});

test('refusals are sentences for people', async () => {
  await assert.rejects(create({ phone: 'call me' }), /The phone must be/);
  const readOnly = { authData: { ...authData, token: READ_ONLY } };
  await assert.rejects(
    run(App.creates.create_contact.operation.perform, { phone: newPhone() }, readOnly),
    /may not do that/,
  );
  await assert.rejects(
    run(App.creates.add_tag.operation.perform, { phone: '+14155559998', tag: 'x' }),
    /Contact not found/,
  );
});

test('what is asked too often is told so, and tried again later', async () => {
  const limited = { authData: { ...authData, token: process.env.KITH_LIMITED_TOKEN } };
  await run(App.authentication.test, {}, limited);
  for (const { operation } of [App.creates.create_contact, App.searches.find_contact]) {
    await assert.rejects(run(operation.perform, { phone: newPhone() }, limited), (error) => {
      assert.equal(error.name, 'ThrottledError');
      const { message, delay } = JSON.parse(error.message.split('\n')[0]);
      assert.match(message, /Kith is asked too often/);
      assert.ok(delay > 0 && delay <= 60);
      return true;
    });
  }
});

test('what answers in the place of Kith is no success', async () => {
  const answers = [
    [200, '<h1>Parked</h1>', /it is no Kith/],
    [200, '', /it is no Kith/],
    [502, '<h1>Bad gateway</h1>', /answered 502 and said nothing more/],
    [502, '{"other": 1}', /answered 502 and said nothing more/],
  ];
  for (const [status, body, told] of answers) {
    const server = http.createServer((_, response) => {
      response.writeHead(status, { 'Content-Type': 'text/html' });
      response.end(body);
    });
    await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
    const base_url = `http://127.0.0.1:${server.address().port}`;
    try {
      for (const { operation } of [App.creates.create_contact, App.searches.find_contact]) {
        const there = { authData: { ...authData, base_url } };
        await assert.rejects(run(operation.perform, { phone: newPhone() }, there), told);
      }
    } finally {
      server.close();
    }
  }
});

const happen = {
  new_contact: async () => (await create({ phone: newPhone(), name: 'New' })).id,
  new_opt_in: async () => {
    const { id, phone } = await create({ phone: newPhone() });
    await setConsent({ phone, state: 'granted' });
    return id;
  },
  opt_out: async () => {
    const { id, phone } = await create({ phone: newPhone() });
    await setConsent({ phone, state: 'withdrawn' });
    return id;
  },
};

// What Zapier does with a hook: it listens at an address of its own.
const listening = async () => {
  const got = [];
  const server = http.createServer((request, response) => {
    let body = '';
    request.on('data', (chunk) => (body += chunk));
    request.on('end', () => {
      got.push(JSON.parse(body));
      response.end('{}');
    });
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  return { got, server, url: `http://127.0.0.1:${server.address().port}/hooks/standard/1/2/` };
};

const until = async (is) => {
  for (const end = Date.now() + 15000; !is(); ) {
    assert.ok(Date.now() < end, 'it came in time');
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
};

for (const [key, { operation }] of Object.entries(App.triggers)) {
  test(`${key}: subscribe, be told, unsubscribe`, async () => {
    const { got, server, url } = await listening();
    try {
      const bundle = { targetUrl: url };
      const subscribeData = await run(operation.performSubscribe, {}, bundle);
      assert.ok(subscribeData.id);
      const id = await happen[key]();
      await until(() => got.length > 0);
      const [event] = await run(operation.perform, {}, { cleanedRequest: got[0] });
      assert.equal(event.contact.id, id);
      const rows = await run(operation.performList);
      assert.equal(rows[0].id, event.id);
      for (const row of [rows[0], operation.sample]) {
        assert.deepEqual(Object.keys(row), Object.keys(event));
        assert.deepEqual(Object.keys(row.contact), Object.keys(event.contact));
        assert.equal(row.event, event.event);
      }
      assert.equal(new Set(rows.map((row) => row.id)).size, rows.length);
      for (let again = 0; again < 2; again++) {
        await run(operation.performUnsubscribe, {}, { subscribeData });
      }
      await happen[key]();
      await new Promise((resolve) => setTimeout(resolve, 1200));
      assert.equal(got.length, 1);
    } finally {
      server.close();
    }
  });
}

test('an address inside that nobody allowed is refused in words', async () => {
  const bundle = { targetUrl: 'https://10.0.0.1/hooks/' };
  await assert.rejects(
    run(App.triggers.new_contact.operation.performSubscribe, {}, bundle),
    /The target url must be an https address/,
  );
});
