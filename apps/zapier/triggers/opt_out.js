'use strict';

const { consent, trigger } = require('./hook');

module.exports = trigger({
  key: 'opt_out',
  event: 'contact.opted_out',
  path: 'opt-out',
  noun: 'Opt-Out',
  label: 'New Opt-Out',
  description: 'Triggers when a contact no longer agrees to be written to.',
  consent: consent('withdrawn'),
});
