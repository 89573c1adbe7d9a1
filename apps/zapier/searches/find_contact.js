'use strict';

const { given, refuse, url } = require('../kith');
const fields = require('../fields');

const perform = async (z, bundle) => {
  const { contact_id, phone, email, external_id } = bundle.inputData;
  const response = await z.request({
    url: url(bundle, '/actions/get-contact'),
    method: 'POST',
    body: given({ contact_id, phone, email, external_id }),
    skipThrowForStatus: true,
  });
  // Nobody found is an answer, from which Zapier may go on to create the contact.
  if (response.status === 404 && response.data && response.data.error === 'Contact not found') {
    return [];
  }
  delete response.request.skipThrowForStatus;
  return [refuse(response, z).data];
};

module.exports = {
  key: 'find_contact',
  noun: 'Contact',
  display: {
    label: 'Find Contact',
    description: 'Finds a contact by phone, e-mail, Kith id or the id in another system.',
  },
  operation: {
    perform,
    inputFields: [
      fields.phone,
      fields.email,
      { ...fields.contactId, helpText: "Kith's own id of the contact. Fill in one field only." },
      {
        key: 'external_id',
        label: 'ID in another system',
        type: 'string',
        helpText: 'The system and the id there, such as shopify:12345.',
      },
    ],
    sample: fields.contact,
    outputFields: fields.contactFields,
  },
};
