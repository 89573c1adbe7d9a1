'use strict';

const { url } = require('./kith');

const test = async (z, bundle) => {
  const address = bundle.authData.base_url.trim();
  if (!/^https?:\/\/[^/\s]+/i.test(address)) {
    throw new z.errors.Error(
      'Give the whole address of your Kith, such as https://kith.example.com.',
      'Address',
      422,
    );
  }
  const { data } = await z.request({ url: url(bundle, '/me') });
  if (!data || !data.email) {
    throw new z.errors.Error(
      'Something answers at this address, but it is no Kith.',
      'Address',
      422,
    );
  }
  // One level: a label can only name what stands on it.
  return { ...data, workspace: data.tenant ? data.tenant.name : 'no workspace' };
};

module.exports = {
  type: 'custom',
  fields: [
    {
      key: 'base_url',
      label: 'Address of your Kith',
      type: 'string',
      required: true,
      placeholder: 'https://kith.example.com',
      helpText: 'Where your own Kith answers, as you would open it in a browser.',
    },
    {
      key: 'token',
      label: 'Token',
      type: 'password',
      required: true,
      helpText:
        'Whoever runs your Kith makes one with `kith token create --scope write`; it is shown once.',
    },
  ],
  test,
  connectionLabel: '{{email}} ({{workspace}})',
};
