'use strict';

const { act } = require('../kith');
const fields = require('../fields');

const perform = (z, bundle) => {
  const { contact_id, phone, name, email, tags, metadata } = bundle.inputData;
  return act(z, bundle, 'update-contact', { contact_id, phone, name, email, tags, metadata });
};

module.exports = {
  key: 'update_contact',
  noun: 'Contact',
  display: {
    label: 'Update Contact',
    description: 'Changes the fields that you fill in; what is left blank stays as it is.',
  },
  operation: {
    perform,
    inputFields: [
      fields.contactId,
      fields.phone,
      fields.name,
      fields.email,
      fields.tags('All the tags that the contact is to have: others are taken off.'),
      fields.metadata,
    ],
    sample: {
      id: fields.contact.id,
      phone: fields.contact.phone,
      name: fields.contact.name,
      email: fields.contact.email,
      tags: fields.contact.tags,
      updated_at: fields.contact.created_at,
    },
  },
};
