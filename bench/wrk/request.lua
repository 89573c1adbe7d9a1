-- One kind of request, told by the environment: KIND, TOKEN, CONTACTS, IDS, START, EVERY_MS.
local kind = os.getenv("KIND")
local contacts = tonumber(os.getenv("CONTACTS") or "0")
local every_ms = tonumber(os.getenv("EVERY_MS") or "0")
local next_new = tonumber(os.getenv("START") or "0")
local ids = {}

local headers = {
  ["Authorization"] = "Bearer " .. os.getenv("TOKEN"),
  ["Content-Type"] = "application/json",
}

local function a_contact()
  return math.random(1, contacts)
end

local bodies = {
  static = function() return '{"phone":"+14152000001"}' end,
  ["static-direct"] = function() return '{"phone":"+14152000001"}' end,
  phone = function() return string.format('{"phone":"+1415%07d"}', 2000000 + a_contact()) end,
  id = function() return '{"contact_id":"' .. ids[math.random(1, #ids)] .. '"}' end,
  email = function()
    local i = a_contact()
    if i % 10 == 0 then i = i - 1 end -- one in ten has none
    return string.format('{"email":"contact%d@example.com"}', i)
  end,
  -- Brazilians, stored with the 9 after their area code, asked for without it.
  variant = function()
    return string.format('{"phone":"+5541%08d"}', 90000000 + math.random(0, 19999))
  end,
  reachability = function()
    return string.format('{"phone":"+1415%07d","expand":["reachability"]}', 2000000 + a_contact())
  end,
  many = function()
    local keys = {}
    for i = 1, 100 do keys[i] = string.format('{"phone":"+1415%07d"}', 2000000 + a_contact()) end
    return '{"contacts":[' .. table.concat(keys, ",") .. "]}"
  end,
  update = function()
    next_new = next_new + 1
    return string.format('{"phone":"+1415%07d","name":"Renamed %d"}', 2000000 + a_contact(), next_new)
  end,
  tag = function()
    return string.format('{"phone":"+1415%07d","tag":"bench-%d"}',
      2000000 + a_contact(), math.random(1, 50))
  end,
  create = function()
    next_new = next_new + 1
    return string.format(
      '{"phone":"+4915%09d","name":"New Contact","email":"new%d@example.com","tags":"bench, new"}',
      next_new, next_new)
  end,
}

local paths = {
  static = "/static",
  ["static-direct"] = "/static-direct",
  create = "/api/v1/actions/create-contact",
  many = "/api/v1/actions/get-contacts",
  update = "/api/v1/actions/update-contact",
  tag = "/api/v1/actions/add-tag",
}

function init()
  math.randomseed(os.time())
  if kind == "id" or kind == "known" then
    for line in io.lines(os.getenv("IDS")) do ids[#ids + 1] = line end
  end
end

local hook = {
  ["Content-Type"] = "application/json",
  ["X-Shopify-Topic"] = "customers/update",
  ["X-Shopify-Shop-Domain"] = "bench.example",
  ["X-Shopify-Hmac-Sha256"] = os.getenv("SIGNATURE"),
}

function request()
  if kind == "webhook" then
    next_new = next_new + 1
    hook["X-Shopify-Webhook-Id"] = string.format("%.0f", next_new)
    return wrk.format("POST", os.getenv("HOOK"), hook, os.getenv("BODY"))
  end
  if kind == "known" then
    local id = ids[math.random(1, #ids)]
    headers["If-None-Match"] = '"' .. id .. '-1"'
    return wrk.format("POST", "/api/v1/actions/get-contact", headers, '{"contact_id":"' .. id .. '"}')
  end
  return wrk.format("POST", paths[kind] or "/api/v1/actions/get-contact", headers, bodies[kind]())
end

if every_ms > 0 then
  -- Spread evenly around the mean, so that connections do not march in step.
  function delay() return math.random(0, 2 * every_ms) end
end

function done(summary, latency)
  io.write(string.format(
    "RESULT %d %d %d %.3f %.3f\n", summary.requests, summary.duration,
    summary.errors.status + summary.errors.connect + summary.errors.read + summary.errors.timeout,
    latency:percentile(50) / 1000, latency:percentile(99) / 1000))
end
