'use strict';

// All triggers are alike: Kith posts an event to Zapier's address as soon as it has happened.

const { url } = require('../kith');
const fields = require('../fields');

const consentFields = [
  { key: 'consent__channel', label: 'Channel' },
  { key: 'consent__purpose', label: 'What for' },
  { key: 'consent__state', label: 'What they did' },
  { key: 'consent__method', label: 'How' },
];

const trigger = ({ key, event, path, noun, label, description, consent }) => {
  const subscribe = async (z, bundle) => {
    const response = await z.request({
      url: url(bundle, '/hooks'),
      method: 'POST',
      body: { target_url: bundle.targetUrl, event },
    });
    return response.data;
  };

  const unsubscribe = async (z, bundle) => {
    const response = await z.request({
      url: url(bundle, `/hooks/${bundle.subscribeData.id}`),
      method: 'DELETE',
    });
    return response.data;
  };

  const list = async (z, bundle) => {
    const response = await z.request({ url: url(bundle, `/triggers/${path}`) });
    return response.data;
  };

  return {
    key,
    noun,
    display: { label, description },
    operation: {
      type: 'hook',
      performSubscribe: subscribe,
      performUnsubscribe: unsubscribe,
      perform: (z, bundle) => [bundle.cleanedRequest],
      performList: list,
      sample: {
        id: fields.contact.id,
        event,
        occurred_at: '2026-04-15T10:32:00+00:00',
        ...(consent ? { consent } : {}),
        contact: fields.contact,
      },
      outputFields: [
        { key: 'id', label: 'Event ID' },
        { key: 'event', label: 'Event' },
        { key: 'occurred_at', label: 'When', type: 'datetime' },
        ...(consent ? consentFields : []),
        ...fields.contactFields.map((field) => ({ ...field, key: `contact__${field.key}` })),
      ],
    },
  };
};

const consent = (state) => ({
  channel: 'whatsapp',
  purpose: 'marketing',
  state,
  source: 'widget',
  method: 'confirmation',
  occurred_at: '2026-04-15T10:32:00+00:00',
});

module.exports = { consent, trigger };
