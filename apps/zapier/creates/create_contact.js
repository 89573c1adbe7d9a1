'use strict';

const { act } = require('../kith');
const fields = require('../fields');

const perform = (z, bundle) => {
  const { phone, name, email, tags, metadata } = bundle.inputData;
  return act(z, bundle, 'create-contact', { phone, name, email, tags, metadata });
};

module.exports = {
  key: 'create_contact',
  noun: 'Contact',
  display: {
    label: 'Create Contact',
    description: 'Creates the contact of a phone number, or adds to it when it is known.',
  },
  operation: {
    perform,
    inputFields: [
      { ...fields.phone, required: true },
      fields.name,
      fields.email,
      fields.tags('Added to the tags that are there.'),
      fields.metadata,
    ],
    sample: {
      id: fields.contact.id,
      phone: fields.contact.phone,
      name: fields.contact.name,
      email: fields.contact.email,
      tags: fields.contact.tags,
      created_at: fields.contact.created_at,
    },
  },
};
