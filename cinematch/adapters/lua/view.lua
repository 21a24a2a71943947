-- Shared by the scripts that follow it. KEYS: speed (hash), genres (hash), tail (sorted set), all of one user.
-- An entry is a JSON array: see contracts/speed_entry.py. Ratings are whole tenths; sequences stay below 2^53, where a
-- Lua number is exact, but must be written with %.0f, for tostring would round them.

local SPEED, GENRES, TAIL = KEYS[1], KEYS[2], KEYS[3]

local function whole(number)
  -- Also turns -0, which HINCRBY refuses, into 0.
  return string.format('%.0f', number + 0)
end

local function decimal(tenths)
  local size = math.abs(tenths)
  local text = string.format(size % 10 == 0 and '%.0f' or '%.1f', size / 10)
  return tenths < 0 and '-' .. text or text
end

local function tenths_of(text)
  return math.floor(tonumber(text) * 10 + 0.5)
end

local function nothing()
  return {films = 0, rated = 0, tenths = 0, genres = {}}
end

-- Add what one event changes, times sign (1 or -1).
local function count(sum, entry, sign)
  local kind, rating, previous = entry[2], entry[3], entry[4]
  if rating ~= cjson.null then
    sum.rated, sum.tenths = sum.rated + sign, sum.tenths + sign * rating
  end
  if previous ~= cjson.null then
    sum.rated, sum.tenths = sum.rated - sign, sum.tenths - sign * previous
  end
  if kind == 'UPDATE' then return end
  local films = kind == 'ADD' and sign or -sign
  sum.films = sum.films + films
  local seen = {}
  for _, genre in ipairs(entry[5]) do
    if not seen[genre] then
      seen[genre] = true
      sum.genres[genre] = (sum.genres[genre] or 0) + films
    end
  end
end

-- Move the counters by a sum, and the boundaries to where they are now.
local function move(sum, base, last)
  for genre, films in pairs(sum.genres) do
    if films ~= 0 and redis.call('HINCRBY', GENRES, genre, whole(films)) == 0 then
      redis.call('HDEL', GENRES, genre)
    end
  end
  redis.call('HINCRBY', SPEED, 'movie_count', whole(sum.films))
  local rated = redis.call('HINCRBY', SPEED, 'rating_count', whole(sum.rated))
  local tenths = tenths_of(redis.call('HINCRBYFLOAT', SPEED, 'rating_sum', decimal(sum.tenths)))
  -- HINCRBYFLOAT gathers digits of rounding after some hundred additions; the exact sum is written over them.
  redis.call('HSET', SPEED,
    'rating_sum', decimal(tenths),
    'avg_rating_live', rated > 0 and string.format('%.4f', tenths / rated / 10) or '0',
    'base_sequence', whole(base),
    'last_sequence', whole(last))
end

-- Give base_sequence and last_sequence, or nothing.
local function boundaries()
  local fields = redis.call('HMGET', SPEED, 'base_sequence', 'last_sequence')
  if fields[1] and fields[2] then
    return tonumber(fields[1]), tonumber(fields[2])
  end
end

-- A view without pending events is no longer needed; one with them must not vanish.
local function set_expiry(base, last, idle_milliseconds)
  if last > base then
    redis.call('PERSIST', SPEED)
  elseif redis.call('PTTL', SPEED) == -1 then
    redis.call('PEXPIRE', SPEED, idle_milliseconds)
  end
end
