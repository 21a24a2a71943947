-- Answers {fields of speed, fields of genres, members of tail}, nil when there is no view.

local speed = redis.call('HMGET', SPEED,
  'base_sequence', 'last_sequence', 'movie_count', 'rating_count', 'rating_sum')
if not (speed[1] and speed[2]) then return false end
return {speed, redis.call('HGETALL', GENRES), redis.call('ZRANGE', TAIL, 0, -1)}
