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

-- Give the whole number that a field holds, as HINCRBY would read it; nil or false when it holds something else.
local function integer(field)
  return field and field:match('^%-?%d+$') and tonumber(field)
end

-- Give base_sequence, last_sequence, and the counters as `nothing` has them; nothing at all when there is no view.
-- A counter that is missing or no number is none here, either, so that whoever adds to it fails.
local function stored()
  local fields = redis.call('HMGET', SPEED,
    'base_sequence', 'last_sequence', 'movie_count', 'rating_count', 'rating_sum')
  if fields[1] and fields[2] then
    local sum = fields[5] and fields[5]:match('^%-?%d+%.?%d*$')
    return integer(fields[1]), integer(fields[2]), {
      films = integer(fields[3]),
      rated = integer(fields[4]),
      tenths = sum and math.floor(tonumber(sum) * 10 + 0.5),
    }
  end
end

-- Move the counters from what they were by a sum, and the boundaries to where they are now. Written whole: an HINCRBY a
-- counter takes longer, and HINCRBYFLOAT gathers digits of rounding.
local function move(counters, sum, base, last)
  local films, rated, tenths = counters.films + sum.films, counters.rated + sum.rated, counters.tenths + sum.tenths
  for genre, count in pairs(sum.genres) do
    if count ~= 0 and redis.call('HINCRBY', GENRES, genre, whole(count)) == 0 then
      redis.call('HDEL', GENRES, genre)
    end
  end
  redis.call('HSET', SPEED,
    'movie_count', whole(films),
    'rating_count', whole(rated),
    'rating_sum', decimal(tenths),
    'avg_rating_live', rated > 0 and string.format('%.4f', tenths / rated / 10) or '0',
    'base_sequence', whole(base),
    'last_sequence', whole(last))
end

-- A view without pending events is no longer needed; one with them must not vanish (see `apply`).
local function expire_if_empty(base, last, idle_milliseconds)
  if last == base and redis.call('PTTL', SPEED) == -1 then
    redis.call('PEXPIRE', SPEED, idle_milliseconds)
  end
end
