-- ARGV: floor. Removes a view that holds nothing after it; answers how many keys went.

local base, last = stored()
if last and last > tonumber(ARGV[1]) then return 0 end
return redis.call('DEL', SPEED, GENRES, TAIL)
