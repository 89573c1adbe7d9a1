'use strict';

// Fields that several actions ask for, in the same words.

const phone = {
  key: 'phone',
  label: 'Phone',
  type: 'string',
  helpText: 'With the country code, such as +14155550123. Blanks, dashes and brackets are understood.',
};

const contactId = {
  key: 'contact_id',
  label: 'Contact ID',
  type: 'string',
  helpText: "Kith's own id of the contact, from an earlier step. Give this or the phone.",
};

const name = { key: 'name', label: 'Name', type: 'string' };

const email = { key: 'email', label: 'E-mail', type: 'string' };

const metadata = {
  key: 'metadata',
  label: 'More fields',
  dict: true,
  helpText: 'Whatever else you want to keep on the contact; joined with what is there.',
};

const tags = (helpText) => ({ key: 'tags', label: 'Tags', type: 'string', list: true, helpText });

const contact = {
  id: '0198f2a4-6d3e-7c51-9b0a-3f2d8c4e5a61',
  phone: '+14155550123',
  name: 'Romain',
  email: 'romain@example.com',
  source: 'zapier',
  locale: 'fr',
  metadata: { shopify_id: '12345' },
  tags: ['vip', 'fr-FR'],
  opted_in_at: '2026-04-15T10:32:00+00:00',
  opted_out_at: null,
  last_message_at: null,
  total_messages: 0,
  created_at: '2026-04-15T10:32:00+00:00',
};

const contactFields = [
  { key: 'id', label: 'Contact ID' },
  { key: 'phone', label: 'Phone' },
  { key: 'name', label: 'Name' },
  { key: 'email', label: 'E-mail' },
  { key: 'source', label: 'Where they came from' },
  { key: 'opted_in_at', label: 'Opted in at', type: 'datetime' },
  { key: 'opted_out_at', label: 'Opted out at', type: 'datetime' },
  { key: 'created_at', label: 'Created at', type: 'datetime' },
];

module.exports = { contact, contactFields, contactId, email, metadata, name, phone, tags };
