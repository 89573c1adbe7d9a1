'use strict';

const { version: platformVersion } = require('zapier-platform-core');

const authentication = require('./authentication');
const { authorize, refuse } = require('./kith');
const { version } = require('./package.json');

const byKey = (parts) => Object.fromEntries(parts.map((part) => [part.key, part]));

module.exports = {
  version,
  platformVersion,
  authentication,
  beforeRequest: [authorize],
  afterResponse: [refuse],
  // A field left blank is not sent, and so stays as it is in Kith. What is asked too often is told by
  // `refuse`, in words.
  flags: { cleanInputData: true, throwForThrottlingEarly: false },
  triggers: byKey([
    require('./triggers/new_contact'),
    require('./triggers/new_opt_in'),
    require('./triggers/opt_out'),
  ]),
  searches: byKey([require('./searches/find_contact')]),
  creates: byKey([
    require('./creates/create_contact'),
    require('./creates/update_contact'),
    require('./creates/add_tag'),
    require('./creates/set_consent'),
  ]),
};
