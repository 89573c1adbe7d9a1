-- Posts the bodies of a file, each once: a line is a signature, a tab, a body.
-- FILE, PATH_IN; EVERY_MS spreads them out.

local file = io.open(os.getenv("FILE"))
local path = os.getenv("PATH_IN")
local every_ms = tonumber(os.getenv("EVERY_MS") or "0")
local headers = {["Content-Type"] = "application/json"}

function request()
  local line = file:read("*l")
  if line == nil then
    file:seek("set")
    line = file:read("*l")
  end
  local tab = line:find("\t", 1, true)
  headers["X-Hub-Signature-256"] = line:sub(1, tab - 1)
  return wrk.format("POST", path, headers, line:sub(tab + 1))
end

if every_ms > 0 then
  function delay() return math.random(0, 2 * every_ms) end
end

function done(summary, latency)
  io.write(string.format(
    "RESULT %d %d %d %.3f %.3f\n", summary.requests, summary.duration,
    summary.errors.status + summary.errors.connect + summary.errors.read + summary.errors.timeout,
    latency:percentile(50) / 1000, latency:percentile(99) / 1000))
end
