-- What may leave, in the order in which it does, and why: for a reason of its own,
-- whatever room there is, or (null) only for want of room. Both languages run this.
--
-- ?1 is the time in Unix seconds, ?2 how many versions of a cell's code are kept, of
-- all and of those that were in use for half a day, ?3 the seconds after which what
-- is orphaned goes, ?4 the seconds for which a notebook's current entries stay after
-- it ran, ?5 a JSON array of the ids of notebooks that are open, beside those in
-- `openings`.
WITH
  -- A notebook that is open, or ran a while ago, keeps what it would load now: each
  -- cell's latest entry, and of functions and blocks what answered in that while.
  held AS (
    SELECT a.app_id,
      max(a.last_seen_at, max(max(e.created_at, coalesce(e.last_hit_at, e.created_at))))
        AS ran_at,
      a.app_id IN (SELECT value FROM json_each(?5))
        OR EXISTS (SELECT 1 FROM openings AS o WHERE o.app_id = a.app_id AND o.until > ?1)
        AS open
    FROM apps AS a JOIN cells AS c USING (app_id) JOIN entries AS e USING (cell_id)
    GROUP BY a.app_id
  ),
  -- The cache formats that somebody's marimo reads and writes these days, and the
  -- `versions` of entries that are of others: mostly none, so that few rows are parsed.
  kinds AS (
    SELECT versions,
      CASE WHEN json_valid(versions) THEN json_extract(versions, '$.cache') END AS format,
      max(max(created_at, coalesce(last_hit_at, created_at))) AS used_at
    FROM entries GROUP BY versions
  ),
  unreadable AS (
    SELECT versions FROM kinds
    WHERE format NOT IN (SELECT format FROM kinds WHERE format IS NOT NULL AND used_at >= ?1 - ?3)
      AND EXISTS (SELECT 1 FROM kinds WHERE format IS NOT NULL AND used_at >= ?1 - ?3)
  ),
  judged AS (
    SELECT r.*,
      CASE
        WHEN EXISTS (SELECT 1 FROM unreadable) AND (
          SELECT versions FROM entries AS e WHERE e.entry_id = r.entry_id
        ) IN (SELECT versions FROM unreadable) THEN 'unreadable'
        -- Dear to make and small to keep: a second, and one for each megabyte. Such a
        -- result waits until room is wanted.
        WHEN r.value >= 1 AND r.value * 1e6 >= r.size THEN NULL
        WHEN r.version > ?2 AND coalesce(r.settled > ?2, 1) THEN 'version'
        WHEN r.used_at >= ?1 - ?3 THEN NULL
        WHEN r.retired_at < ?1 - ?3 THEN 'orphan'
        -- Its notebook is gone, and has not run since from wherever it came back.
        WHEN (SELECT max(m.since, a.last_seen_at) FROM missing AS m JOIN apps AS a USING (app_id)
          WHERE m.app_id = r.app_id) < ?1 - ?3 THEN 'orphan'
        -- The code that saved it has the block's name, the cell's code has it no more.
        WHEN r.cache_name <> 'cell_cache' AND EXISTS (
          SELECT 1 FROM cells AS c JOIN nodes AS n USING (cell_id)
            JOIN sources AS s USING (code_digest)
          WHERE c.cell_id = r.cell_id AND n.node = r.node
            AND instr(s.code, r.cache_name) > 0 AND instr(c.code, r.cache_name) = 0
        ) THEN 'block'
      END AS reason
    FROM retention AS r JOIN held AS h USING (app_id)
    WHERE NOT r.pinned
      AND NOT (
        r.version = 1 AND r.retired_at IS NULL AND (
          r.latest AND (h.open OR h.ran_at > ?1 - ?4)
          OR r.cache_name <> 'cell_cache' AND h.ran_at > ?1 - ?4 AND r.used_at > ?1 - ?4
        )
      )
  )
SELECT entry_id, used_at, reason, own, cell_id, cache_name <> 'cell_cache' AS part, seconds, amount,
  priority
FROM judged
ORDER BY reason IS NULL, priority, entry_id
