'use strict';

const { trigger } = require('./hook');

module.exports = trigger({
  key: 'new_contact',
  event: 'contact.created',
  path: 'new-contact',
  noun: 'Contact',
  label: 'New Contact',
  description: 'Triggers when a contact is made, whichever way it came in.',
});
