-- ARGV: idle milliseconds, base_sequence, then the entries after it, without a gap. Answers {base, last} afterwards.

local base = tonumber(ARGV[2])
local last = base + #ARGV - 2
local stored_base, stored_last = stored()
local whole_view = stored_base and redis.call('ZCARD', TAIL) == stored_last - stored_base
local joins = whole_view and stored_base <= last and stored_last >= base
if not joins then
  redis.call('DEL', TAIL)
end
for index = 3, #ARGV do
  local score = whole(base + index - 2)
  redis.call('ZREMRANGEBYSCORE', TAIL, score, score)
  redis.call('ZADD', TAIL, score, ARGV[index])
end
if joins then
  base, last = math.min(base, stored_base), math.max(last, stored_last)
end
redis.call('DEL', SPEED, GENRES)
local sum = nothing()
for _, member in ipairs(redis.call('ZRANGE', TAIL, 0, -1)) do
  count(sum, cjson.decode(member), 1)
end
move(nothing(), sum, base, last)
expire_if_empty(base, last, ARGV[1])
return {base, last}
