'use strict';

const { act } = require('../kith');
const fields = require('../fields');

const RECORD_ID = '0198f2a4-6d3e-7c51-9b0a-3f2d8c4e5a62';

const perform = (z, bundle) => {
  const { contact_id, phone, channel, purpose, state, method, occurred_at, wording, evidence, note } =
    bundle.inputData;
  return act(z, bundle, 'set-consent', {
    contact_id,
    phone,
    channel,
    purpose,
    state,
    source: 'api',
    method,
    occurred_at,
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
        key: 'occurred_at',
        label: 'When they did it',
        type: 'datetime',
        helpText: 'Now, when left blank.',
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
    sample: {
      id: fields.contact.id,
      opted_in_at: fields.contact.opted_in_at,
      opted_out_at: null,
      consent: {
        channel: 'whatsapp',
        purpose: 'marketing',
        state: 'granted',
        since: fields.contact.opted_in_at,
        source: 'api',
        method: 'checkbox',
        record_id: RECORD_ID,
        stopped_at_meta: false,
      },
      record: {
        id: RECORD_ID,
        contact_id: fields.contact.id,
        origin_contact_id: fields.contact.id,
        channel: 'whatsapp',
        purpose: 'marketing',
        state: 'granted',
        occurred_at: fields.contact.opted_in_at,
        recorded_at: fields.contact.opted_in_at,
        source: 'api',
        method: 'checkbox',
        user: { id: 1, email: 'ana@example.com' },
        token_id: 1,
        address: fields.contact.phone,
        wording: 'Yes, send me offers.',
        wording_version: null,
        locale: null,
        evidence: null,
        note: null,
      },
    },
  },
};
