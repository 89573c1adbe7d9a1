'use strict';

const { act } = require('../kith');
const fields = require('../fields');

const perform = (z, bundle) => {
  const { contact_id, phone, tag } = bundle.inputData;
  return act(z, bundle, 'add-tag', { contact_id, phone, tag });
};

module.exports = {
  key: 'add_tag',
  noun: 'Tag',
  display: { label: 'Add Tag', description: 'Puts a tag on a contact.' },
  operation: {
    perform,
    inputFields: [
      fields.contactId,
      fields.phone,
      {
        key: 'tag',
        label: 'Tag',
        type: 'string',
        required: true,
        helpText: 'One tag, without a comma; it is made when there is none.',
      },
    ],
    sample: {
      id: fields.contact.id,
      phone: fields.contact.phone,
      tag_added: 'vip',
      tags: fields.contact.tags,
    },
  },
};
