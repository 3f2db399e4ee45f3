-- What commits call. Each release puts its own in the place of those before.

-- Draws the positions of so many rows, and gives the number before the first of them.
--
-- From here to the end of the commit the caller is alone: so the order of positions is that of commits, and nothing
-- appears behind a reader. It is the last wait of a commit, inside of one call: no client can pause in it.
CREATE OR REPLACE FUNCTION draw_positions(row_count bigint) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    first bigint;
BEGIN
    IF row_count IS NULL THEN
        RAISE EXCEPTION 'positions must not be drawn: a row that was locked was not written' USING ERRCODE = 'FL003';
    END IF;
    PERFORM pg_advisory_xact_lock(hashtextextended(current_schema(), 0));
    first := nextval('position');
    IF row_count > 1 THEN
        PERFORM setval('position', first + row_count - 1);
    END IF;
    RETURN first - 1;
END
$$;

-- Commits a batch of units of work: one call is one round trip and one transaction. It is a function because each
-- statement in it sees what was committed before that statement, which a single statement does not.
--
-- Units, roots and identifiers of commands are numbers from 1. An array `x_units` tells of which unit each entry of `x`
-- is. All arrays by unit are in the order of the units.
--
-- A fate is 0 (stored), 1 (malformed; the caller has said so), 2 (fell), 3 (known) or 4 (stale); `others` has the number
-- of what it is due to: a unit, an identifier, a root. `contested` has the roots whose turn another process has or waits
-- for.
--
-- The first row has the fates, `base` as the number that is added to the positions of the rows, and nothing of a root.
-- Then come the rows of the roots that a unit was stale at, as they were before this batch.
CREATE OR REPLACE FUNCTION commit_batch(
    durability text,
    -- Whose turns across processes are not told of.
    own_process bigint,
    -- The roots of the batch, by (resource, identifier); whether the batch writes them; the versions that it expects
    -- when it begins.
    resources text[], identifiers uuid[], are_written boolean[], wanted bigint[],
    -- Whether all units are stored if no identifier is taken and the versions are those wanted.
    is_in_step boolean,
    -- Whether `states` has only the last one of each root: then nothing is written unless all units are stored, and the
    -- one row that is told has no fates.
    are_states_last boolean,
    -- How many positions the batch takes.
    row_count bigint,
    -- One a unit: 0, or 1 where it is malformed.
    fates int[],
    depends_units int[], depends_on int[],
    expected_units int[], expected_roots int[], expected_versions bigint[],
    -- The identifiers of commands, each once, and which unit has which.
    ids uuid[], id_units int[], id_numbers int[],
    states resource_state[], state_units int[], state_roots int[],
    commands command_log[], command_units int[],
    events event_log[], event_units int[],
    messages message_log[], message_units int[],
    activities activity_log[], activity_units int[],
    contexts context_log[], context_units int[], context_numbers int[]
) RETURNS TABLE (
    base bigint, told_fates int[], told_others int[], told_contested int[],
    root int, r_resource text, r_identifier uuid, r_version bigint, r_etag text, r_revision bigint, r_data text,
    r_created_at timestamptz, r_created_by uuid, r_updated_at timestamptz, r_updated_by uuid, r_closed_at timestamptz, r_realm text
) LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
    found_version bigint;
    versions bigint[] := '{}';
    root_key bigint;
    -- The number of roots that are expected to be absent, and whether this batch alone may create roots meanwhile.
    new_count bigint;
    has_all_new boolean;
    -- Of each identifier: 0 is free, -1 is in the log, else the unit that has taken it.
    taken int[];
    are_known boolean;
    others int[];
    stale_roots int[] := '{}';
    contested int[];
    fate int;
    other int;
    d int := 1;
    e int := 1;
    c int := 1;
    s int := 1;
    mark int;
BEGIN
    IF current_setting('transaction_isolation') <> 'read committed' THEN
        RAISE EXCEPTION 'commit_batch must run in READ COMMITTED: in % it would not see what it checks',
            current_setting('transaction_isolation') USING ERRCODE = 'FL002';
    END IF;
    -- What the server has been set to beyond `on` is kept.
    IF durability = 'off' OR current_setting('synchronous_commit') IN ('off', 'local') THEN
        PERFORM set_config('synchronous_commit', durability, true);
    END IF;

    -- Before all rows: a batch that creates a root shares one lock of the schema with all others that do so. A batch
    -- that creates many takes the lock exclusively, so it needs no lock per root: a server has room for a few thousand.
    new_count := (SELECT count(*) FROM unnest(wanted) AS version WHERE version = 0);
    has_all_new := new_count > 64;
    IF has_all_new THEN
        PERFORM pg_advisory_xact_lock(hashtextextended('fluvius roots ' || current_schema(), 0));
    ELSIF new_count > 0 THEN
        PERFORM pg_advisory_xact_lock_shared(hashtextextended('fluvius roots ' || current_schema(), 0));
    END IF;

    -- One root after another, in one order for everybody: whoever waits for a root holds only roots before it.
    FOR i IN 1 .. cardinality(resources) LOOP
        IF are_written[i] THEN
            SELECT version INTO found_version FROM resource_state
            WHERE resource = resources[i] AND identifier = identifiers[i] FOR UPDATE;
        ELSE
            SELECT version INTO found_version FROM resource_state
            WHERE resource = resources[i] AND identifier = identifiers[i] FOR SHARE;
        END IF;
        IF NOT FOUND AND NOT has_all_new THEN
            -- No row to lock: whoever wants to create it takes this lock, and looks again.
            IF new_count = 0 THEN
                -- The root was expected to be there.
                new_count := 1;
                PERFORM pg_advisory_xact_lock_shared(hashtextextended('fluvius roots ' || current_schema(), 0));
            END IF;
            root_key := hashtextextended(resources[i],
                hashtextextended(identifiers[i]::text, hashtextextended(current_schema(), 0)));
            IF are_written[i] THEN
                PERFORM pg_advisory_xact_lock(root_key);
                SELECT version INTO found_version FROM resource_state
                WHERE resource = resources[i] AND identifier = identifiers[i] FOR UPDATE;
            ELSE
                PERFORM pg_advisory_xact_lock_shared(root_key);
                SELECT version INTO found_version FROM resource_state
                WHERE resource = resources[i] AND identifier = identifiers[i] FOR SHARE;
            END IF;
        END IF;
        versions[i] := coalesce(found_version, 0);
    END LOOP;

    SELECT array_agg(CASE WHEN c.id IS NULL THEN 0 ELSE -1 END ORDER BY i.number), bool_or(c.id IS NOT NULL)
    INTO taken, are_known
    FROM unnest(ids) WITH ORDINALITY AS i (id, number) LEFT JOIN command_log AS c ON c.id = i.id;

    IF NOT (is_in_step AND versions = wanted AND are_known IS NOT TRUE) THEN
        IF are_states_last THEN
            RETURN QUERY SELECT NULL::bigint, NULL::int[], NULL::int[], NULL::int[], NULL::int, (NULL::resource_state).*;
            RETURN;
        END IF;
        others := array_fill(0, ARRAY[cardinality(fates)]);
        FOR unit IN 1 .. cardinality(fates) LOOP
            fate := fates[unit];
            other := 0;
            WHILE depends_units[d] = unit LOOP
                IF fate = 0 AND fates[depends_on[d]] <> 0 THEN
                    fate := 2;
                    other := depends_on[d];
                END IF;
                d := d + 1;
            END LOOP;
            mark := c;
            WHILE id_units[c] = unit LOOP
                IF fate = 0 AND taken[id_numbers[c]] <> 0 THEN
                    fate := 3;
                    other := id_numbers[c];
                END IF;
                c := c + 1;
            END LOOP;
            WHILE expected_units[e] = unit LOOP
                IF fate = 0 AND versions[expected_roots[e]] <> expected_versions[e] THEN
                    fate := 4;
                    other := expected_roots[e];
                    stale_roots := stale_roots || other;
                END IF;
                e := e + 1;
            END LOOP;
            IF fate = 0 THEN
                WHILE mark < c LOOP
                    taken[id_numbers[mark]] := unit;
                    mark := mark + 1;
                END LOOP;
            END IF;
            WHILE state_units[s] = unit LOOP
                IF fate = 0 THEN
                    versions[state_roots[s]] := (states[s]).version;
                END IF;
                s := s + 1;
            END LOOP;
            fates[unit] := fate;
            others[unit] := other;
        END LOOP;
        RETURN QUERY
        SELECT NULL::bigint, NULL::int[], NULL::int[], NULL::int[], r.number, s.*
        FROM (SELECT DISTINCT number FROM unnest(stale_roots) AS number) AS r
        JOIN resource_state AS s ON s.resource = resources[r.number] AND s.identifier = identifiers[r.number];
    END IF;

    IF EXISTS (SELECT FROM turn WHERE process <> own_process AND until > clock_timestamp()) THEN
        SELECT array_agg(DISTINCT number::int) INTO contested
        FROM unnest(resources, identifiers) WITH ORDINALITY AS r (resource, identifier, number)
        JOIN turn AS t ON t.resource = r.resource AND t.identifier = r.identifier
        WHERE t.process <> own_process AND t.until > clock_timestamp();
    END IF;

    -- Of each root only its last version.
    INSERT INTO resource_state AS stored
    SELECT DISTINCT ON (root) resource, identifier, version, etag, revision, data, created_at, created_by, updated_at, updated_by,
        closed_at, realm
    FROM ROWS FROM (unnest(states), unnest(state_units), unnest(state_roots)) AS s (
        resource, identifier, version, etag, revision, data, created_at, created_by, updated_at, updated_by, closed_at, realm,
        unit, root)
    WHERE fates[unit] = 0
    ORDER BY root, unit DESC
    ON CONFLICT (resource, identifier) DO UPDATE SET version = excluded.version, etag = excluded.etag,
        revision = excluded.revision, data = excluded.data, created_at = excluded.created_at, created_by = excluded.created_by,
        updated_at = excluded.updated_at, updated_by = excluded.updated_by, closed_at = excluded.closed_at, realm = excluded.realm;

    base := 0;
    IF row_count > 0 AND 0 = ANY (fates) THEN
        base := draw_positions(row_count);
        INSERT INTO context_log
        SELECT id, domain, revision, transport, source, headers, user_id, profile_id, organization_id, roles, realm,
            correlation, causation
        FROM unnest(contexts) WITH ORDINALITY AS x (
            id, domain, revision, transport, source, headers, user_id, profile_id, organization_id, roles, realm,
            correlation, causation, number)
        JOIN LATERAL (
            SELECT 1 FROM unnest(context_units, context_numbers) AS u (unit, context)
            WHERE u.context = x.number AND fates[u.unit] = 0 LIMIT 1) AS carried ON true
        ON CONFLICT DO NOTHING;
        INSERT INTO command_log
        SELECT base + position, id, parent, domain, revision, command, resource, identifier, payload, payload_hash,
            context_id, status, code, response, received_at
        FROM ROWS FROM (unnest(commands), unnest(command_units)) AS c (
            position, id, parent, domain, revision, command, resource, identifier, payload, payload_hash, context_id,
            status, code, response, received_at, unit)
        WHERE fates[unit] = 0;
        INSERT INTO event_log
        SELECT base + position, id, domain, revision, event, resource, identifier, version, command_id, args, data, delta,
            occurred_at
        FROM ROWS FROM (unnest(events), unnest(event_units)) AS e (
            position, id, domain, revision, event, resource, identifier, version, command_id, args, data, delta, occurred_at,
            unit)
        WHERE fates[unit] = 0;
        IF cardinality(messages) > 0 THEN
            INSERT INTO message_log
            SELECT base + position, id, key, data, command_id, resource, identifier
            FROM ROWS FROM (unnest(messages), unnest(message_units)) AS m (
                position, id, key, data, command_id, resource, identifier, unit)
            WHERE fates[unit] = 0;
        END IF;
        IF cardinality(activities) > 0 THEN
            INSERT INTO activity_log
            SELECT base + position, id, resource, identifier, context_id, command_id, message, kind, label, code, data
            FROM ROWS FROM (unnest(activities), unnest(activity_units)) AS a (
                position, id, resource, identifier, context_id, command_id, message, kind, label, code, data, unit)
            WHERE fates[unit] = 0;
        END IF;
    END IF;

    RETURN QUERY SELECT base, fates, others, contested, NULL::int, (NULL::resource_state).*;
END
$$;
