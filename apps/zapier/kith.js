'use strict';

// How this app speaks to Kith: where it is, whose token, and what a refusal says to a person.

const base = (bundle) => bundle.authData.base_url.trim().replace(/\/+$/, '');

const url = (bundle, path) => `${base(bundle)}/api/zapier${path}`;

// Kith marks what comes by /api/zapier with the source `zapier`.
const act = async (z, bundle, name, body, options = {}) => {
  const response = await z.request({
    url: url(bundle, `/actions/${name}`),
    method: 'POST',
    body: given(body),
    ...options,
  });
  return response.data;
};

const isBlank = (value) =>
  value === undefined ||
  value === null ||
  (typeof value === 'string' && value.trim() === '') ||
  (typeof value === 'object' && Object.keys(value).length === 0);

const filled = (value) => {
  if (Array.isArray(value)) {
    return value.map(filled).filter((one) => !isBlank(one));
  }
  if (!value || value.constructor !== Object) {
    return value;
  }
  const entries = Object.entries(value).map(([key, one]) => [key, filled(one)]);
  return Object.fromEntries(entries.filter(([, one]) => !isBlank(one)));
};

// One entry may hold several, as "{{1}}, {{2}}" does, of which some are blank.
const tagList = (tags) =>
  [tags].flat().flatMap((one) => (isBlank(one) ? [] : String(one).split(',')));

// What somebody left blank is not sent, since blank would clear what is there: no field of spaces
// only, and no such entry of a list or of "More fields". Kith takes text; a Zap may map a number.
const given = (fields) =>
  Object.fromEntries(
    Object.entries(filled({ ...fields, tags: tagList(fields.tags) })).map(([key, value]) => [
      key,
      typeof value === 'number' ? String(value) : value,
    ]),
  );

const authorize = (request, z, bundle) => {
  if (bundle.authData && bundle.authData.token) {
    request.headers.Authorization = `Bearer ${bundle.authData.token.trim()}`;
  }
  request.headers['User-Agent'] = 'Kith for Zapier';
  return request;
};

// Every refusal of Kith's has a sentence in it, and wrong fields have one each.
const said = (response) => {
  const body = response.data || {};
  const reasons = Object.values(body.errors || {}).flat();
  return (
    [...new Set(reasons)].join(' ') ||
    body.error ||
    body.message ||
    `Kith answered ${response.status} and said nothing more. Is the address the one of your Kith?`
  );
};

const refuse = (response, z) => {
  if (response.request.skipThrowForStatus && response.status >= 400) {
    return response;
  }
  if (response.status < 400) {
    // A page of a proxy with 200 is no success: nothing was written.
    if (!response.data || typeof response.data !== 'object') {
      throw new z.errors.Error(
        'Something answers at this address, but it is no Kith.',
        'Address',
        422,
      );
    }
    return response;
  }
  if (response.status === 401) {
    throw new z.errors.RefreshAuthError(
      'Kith does not know this token; it may have been revoked. Connect again with a new one.',
    );
  }
  if (response.status === 403) {
    throw new z.errors.Error(
      'This token may not do that. Make one that may write: kith token create --scope write',
      'Forbidden',
      403,
    );
  }
  if (response.status === 429) {
    const wait = Number(response.getHeader('retry-after')) || 60;
    throw new z.errors.ThrottledError('Kith is asked too often; it goes on in a moment.', wait);
  }
  throw new z.errors.Error(said(response), 'Refused', response.status);
};

module.exports = { act, authorize, base, given, refuse, said, url };
