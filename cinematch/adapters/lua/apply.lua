-- ARGV: idle milliseconds, then entries in the order of the log. Answers "applied duplicates gap_at started_after", 0 for
-- no gap and -1 for a view that was there: one line, for a client reads lists piece by piece.

local base, last = boundaries()
local started_after = -1
if not base then
  redis.call('DEL', SPEED, GENRES, TAIL)
  base = cjson.decode(ARGV[2])[1] - 1
  last, started_after = base, base
end

local sum, duplicates, applied, gap_at = nothing(), 0, 0, 0
for index = 2, #ARGV do
  local entry = cjson.decode(ARGV[index])
  local sequence = entry[1]
  if sequence <= last then
    duplicates = duplicates + 1
  elseif sequence == last + 1 then
    redis.call('ZADD', TAIL, whole(sequence), ARGV[index])
    count(sum, entry, 1)
    last, applied = sequence, applied + 1
  else
    gap_at = last + 1
    break
  end
end
if applied > 0 then
  move(sum, base, last)
  set_expiry(base, last, ARGV[1])
end
return redis.status_reply(
  table.concat({whole(applied), whole(duplicates), whole(gap_at), whole(started_after)}, ' '))
