'use strict';

const { consent, trigger } = require('./hook');

module.exports = trigger({
  key: 'new_opt_in',
  event: 'contact.opted_in',
  path: 'new-opt-in',
  noun: 'Opt-In',
  label: 'New Opt-In',
  description: 'Triggers when a contact agrees to be written to.',
  consent: consent('granted'),
});
