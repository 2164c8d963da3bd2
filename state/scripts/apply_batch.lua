-- Writes documents of one partition and moves its marker, all or nothing.
--
-- KEYS[1]       the partition's marker
-- KEYS[2..n]    documents, all with the hash tag of the marker
-- ARGV[1]       the marker that must stand there; '' = none
-- ARGV[2]       the marker that stands there afterwards
-- ARGV[3..n+1]  the value of KEYS[2..n], in order; '' deletes the document
--
-- Returns 1 = applied; 0 = another marker was found and nothing was written.
--
-- All checks come before the first write. Documents and marker are set by one MSET, which fails whole or not at all
-- (out of memory is only looked at before the first write); deletions come before it, so that a failure between the
-- two leaves the old marker and is repaired. MGET takes a marker of a wrong type for none, so repair overwrites it.

if (redis.call('MGET', KEYS[1])[1] or '') ~= ARGV[1] then
  return 0
end

local written = {}
local deleted = {}
for i = 2, #KEYS do
  local value = ARGV[i + 1]
  if value == '' then
    deleted[#deleted + 1] = KEYS[i]
  else
    written[#written + 1] = KEYS[i]
    written[#written + 1] = value
  end
end
written[#written + 1] = KEYS[1]
written[#written + 1] = ARGV[2]

if #deleted > 0 then
  redis.call('UNLINK', unpack(deleted))
end
redis.call('MSET', unpack(written))
return 1
