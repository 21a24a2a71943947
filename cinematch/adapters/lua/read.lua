-- Answers JSON, [fields of speed, fields of genres, members of tail], nil when there is no view: one text, for a client
-- reads lists piece by piece. Members are JSON already; a field that is missing or no number fails, here or there.

local speed = redis.call('HMGET', SPEED,
  'base_sequence', 'last_sequence', 'movie_count', 'rating_count', 'rating_sum')
if not (speed[1] and speed[2]) then return false end
local genres, tail = redis.call('HGETALL', GENRES), redis.call('ZRANGE', TAIL, 0, -1)
return '[[' .. table.concat(speed, ',') .. '],'
  .. (#genres > 0 and cjson.encode(genres) or '[]')
  .. ',[' .. table.concat(tail, ',') .. ']]'
