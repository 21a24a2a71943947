-- ARGV: idle milliseconds, boundary. Answers the base_sequence afterwards, -1 when there is no view.

local base, last, counters = stored()
if not base then return -1 end
local boundary = math.min(tonumber(ARGV[2]), last)
if boundary > base then
  local sum = nothing()
  for _, member in ipairs(redis.call('ZRANGEBYSCORE', TAIL, '-inf', whole(boundary))) do
    count(sum, cjson.decode(member), -1)
  end
  redis.call('ZREMRANGEBYSCORE', TAIL, '-inf', whole(boundary))
  base = boundary
  move(counters, sum, base, last)
end
expire_if_empty(base, last, ARGV[1])
return base
