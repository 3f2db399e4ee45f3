-- Commits a batch all of whose roots are there: one statement, which stores what `commit_batch` would store, for
-- less. A unit whose one root no other unit of the batch has is left out where that root has another version than the
-- unit expects. Whatever else is in the way of a unit is in the way of all: then nothing is stored, there is no row in
-- the result, and `commit_batch` is to find out.
--
-- The statement sees what was committed before it began, but for the rows that it locks: these are compared and written
-- as they are then. A version or an identifier that was taken meanwhile fails at a unique index.
--
-- Roots are numbers from 1, and so are the positions of rows, from the first of the batch on. $11 tells of which root
-- each state is, $15 a root of the unit that has the row of each position, $13 that of each pair of unit and context.
WITH setting AS MATERIALIZED (
    -- What the server has been set to beyond `on` is kept.
    SELECT CASE WHEN $1::text = 'off' OR current_setting('synchronous_commit') IN ('off', 'local')
        THEN set_config('synchronous_commit', $1, true) END
), locked AS MATERIALIZED (
    -- One root after another, in one order for everybody: whoever waits for a root holds only roots before it.
    SELECT r.number, s.version = r.wanted AS is_wanted, s.stale
    FROM unnest($3::text[], $4::uuid[], $5::bigint[]) WITH ORDINALITY AS r (resource, identifier, wanted, number)
    CROSS JOIN LATERAL (
        SELECT version, CASE WHEN version <> r.wanted THEN s END AS stale FROM resource_state AS s
        WHERE s.resource = r.resource AND s.identifier = r.identifier FOR UPDATE) AS s
), found AS MATERIALIZED (
    SELECT array_agg(is_wanted ORDER BY number) AS are_wanted,
        -- $6: which roots are written.
        count(*) FILTER (WHERE is_wanted AND ($6::boolean[])[number]) AS written_count,
        -- $7: which roots only one unit has, and that no other.
        bool_or(is_wanted) AND bool_and(is_wanted OR ($7::boolean[])[number]) AS is_fit
    FROM locked
), fit AS MATERIALIZED (
    SELECT are_wanted, written_count FROM setting, found
    WHERE is_fit AND cardinality(are_wanted) = cardinality($4)
    AND current_setting('transaction_isolation') = 'read committed'
    AND NOT EXISTS (SELECT FROM command_log WHERE id = ANY ($9::uuid[]))
), written AS (
    UPDATE resource_state AS s SET version = n.version, etag = n.etag, revision = n.revision, data = n.data,
        created_at = n.created_at, created_by = n.created_by, updated_at = n.updated_at, updated_by = n.updated_by, closed_at = n.closed_at,
        realm = n.realm
    FROM fit, unnest($10::resource_state[]) WITH ORDINALITY AS n (
        resource, identifier, version, etag, revision, data, created_at, created_by, updated_at, updated_by, closed_at, realm, number)
    WHERE are_wanted[($11::int[])[number]] AND s.resource = n.resource AND s.identifier = n.identifier
    RETURNING 1
), drawn AS MATERIALIZED (
    -- None are drawn, which is an error, should a row that was locked not have been written.
    SELECT draw_positions(CASE WHEN w.count = written_count THEN $8::bigint END) AS base, are_wanted
    FROM fit, (SELECT count(*) AS count FROM written) AS w
), commands AS (
    INSERT INTO command_log
    SELECT base + position, id, parent, domain, revision, command, resource, identifier, payload, payload_hash,
        context_id, status, code, response, received_at
    FROM drawn, unnest($16::command_log[])
    WHERE are_wanted[($15::int[])[position]]
), events AS (
    INSERT INTO event_log
    SELECT base + position, id, domain, revision, event, resource, identifier, version, command_id, args, data, delta,
        occurred_at
    FROM drawn, unnest($17::event_log[])
    WHERE are_wanted[($15::int[])[position]]
-- BEGIN of what most batches have none of: `plain_changes` is this statement without it.
), contexts AS (
    INSERT INTO context_log
    SELECT id, domain, revision, transport, source, headers, user_id, profile_id, organization_id, roles, realm,
        correlation, causation
    FROM drawn, unnest($12::context_log[]) WITH ORDINALITY AS x (
        id, domain, revision, transport, source, headers, user_id, profile_id, organization_id, roles, realm,
        correlation, causation, number)
    WHERE EXISTS (
        SELECT FROM unnest($13::int[], $14::int[]) AS u (root, context)
        WHERE u.context = x.number AND are_wanted[u.root])
    ON CONFLICT DO NOTHING
), messages AS (
    INSERT INTO message_log
    SELECT base + position, id, key, data, command_id, resource, identifier
    FROM drawn, unnest($18::message_log[])
    WHERE are_wanted[($15::int[])[position]]
), activities AS (
    INSERT INTO activity_log
    SELECT base + position, id, resource, identifier, context_id, command_id, message, kind, label, code, data
    FROM drawn, unnest($19::activity_log[])
    WHERE are_wanted[($15::int[])[position]]
-- END
)
-- The first row has what is told of the batch, the others the rows of the roots that units were stale at.
SELECT base, are_wanted, ARRAY(
    SELECT r.number::int FROM lease AS t
    JOIN unnest($3, $4) WITH ORDINALITY AS r (resource, identifier, number)
        ON t.resource = r.resource AND t.identifier = r.identifier
    WHERE t.process <> $2::bigint AND t.until > clock_timestamp()) AS contended,
    NULL::int AS root, (NULL::resource_state).*
FROM drawn
UNION ALL
SELECT NULL, NULL, NULL, number::int, (stale).* FROM locked, drawn WHERE NOT is_wanted
