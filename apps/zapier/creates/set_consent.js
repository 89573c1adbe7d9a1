'use strict';

const { act } = require('../kith');
const fields = require('../fields');

const perform = (z, bundle) => {
  const { contact_id, phone, channel, purpose, state, method, wording, evidence, note } =
    bundle.inputData;
  return act(z, bundle, 'set-consent', {
    contact_id,
    phone,
    channel,
    purpose,
    state,
    source: 'api',
    method,
    wording,
    evidence,
    note,
  });
};

module.exports = {
  key: 'set_consent',
  noun: 'Consent',
  display: {
    label: 'Set Consent',
    description: 'Records that a contact agreed to be written to, or withdrew.',
  },
  operation: {
    perform,
    inputFields: [
      fields.contactId,
      fields.phone,
      {
        key: 'channel',
        label: 'Channel',
        required: true,
        default: 'whatsapp',
        choices: { whatsapp: 'WhatsApp', sms: 'SMS', email: 'E-mail' },
      },
      {
        key: 'purpose',
        label: 'What for',
        required: true,
        default: 'marketing',
        choices: { marketing: 'Marketing', utility: 'Orders, appointments and the like' },
      },
      {
        key: 'state',
        label: 'What they did',
        required: true,
        choices: {
          granted: 'They agreed',
          withdrawn: 'They withdrew',
          pending: 'They were asked and have yet to confirm',
        },
        helpText: 'Somebody who withdrew comes back only by their own act, never by this.',
      },
      {
        key: 'method',
        label: 'How',
        required: true,
        choices: {
          checkbox: 'They ticked a box',
          button: 'They pressed a button',
          keyword: 'They sent a word',
          confirmation: 'They confirmed a message',
          platform: 'Another platform says so',
          note: 'Somebody noted it',
        },
      },
      {
        key: 'wording',
        label: 'What they were shown',
        type: 'text',
        helpText: 'Word for word: it is the proof.',
      },
      {
        key: 'evidence',
        label: 'Evidence',
        dict: true,
        helpText: 'What shows that it happened, such as the form and the address it came from.',
      },
      { key: 'note', label: 'Note', type: 'text' },
    ],
    sample: { id: fields.contact.id },
  },
};
