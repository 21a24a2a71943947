-- ARGV: entries in the order of the log. Answers "applied duplicates gap_at started_after", 0 for no gap and -1 for a
-- view that was there: one line, for a client reads lists piece by piece.

local base, last, counters = stored()
local started_after = -1
local may_expire = base == last
local sum, duplicates, applied, gap_at = nothing(), 0, 0, 0
for _, member in ipairs(ARGV) do
  local entry = cjson.decode(member)
  local sequence = entry[1]
  if not base then
    redis.call('DEL', SPEED, GENRES, TAIL)
    started_after = sequence - 1
    base, last, counters, may_expire = started_after, started_after, nothing(), false
  end
  if sequence <= last then
    duplicates = duplicates + 1
  elseif sequence == last + 1 then
    redis.call('ZADD', TAIL, whole(sequence), member)
    count(sum, entry, 1)
    last, applied = sequence, applied + 1
  else
    gap_at = last + 1
    break
  end
end
if applied > 0 then
  move(counters, sum, base, last)
  if may_expire then redis.call('PERSIST', SPEED) end
end
return redis.status_reply(
  table.concat({whole(applied), whole(duplicates), whole(gap_at), whole(started_after)}, ' '))
