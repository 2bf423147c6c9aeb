-- connect is the first on every connection. Another run_id is another memory:
-- one that was restored, or a server that took the place of the first. What it
-- holds may be old, so nothing of it is believed.
-- ARGV: the server's run_id, a fresh epoch. Returns 1 if the memory was another.
if shared('run')[1] == ARGV[1] then return 0 end
redis.call('HSET', SHARED, 'run', ARGV[1], 'epoch', ARGV[2])
redis.call('HDEL', SHARED, 'cursor', 'lease', 'swept')
return 1
