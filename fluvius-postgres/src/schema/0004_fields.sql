-- Fields of a state that was parsed: a query parses the state of a row once, however many fields and terms it has.

-- The value of a text; null where it is no JSON.
CREATE FUNCTION state_json(state text) RETURNS jsonb LANGUAGE plpgsql IMMUTABLE STRICT AS $$
BEGIN
    RETURN state::jsonb;
EXCEPTION
    WHEN OTHERS THEN
        RETURN NULL;
END
$$;

-- The value at a path through objects.
CREATE FUNCTION field_at(state jsonb, path text[]) RETURNS jsonb LANGUAGE plpgsql IMMUTABLE STRICT AS $$
DECLARE
    value jsonb := state;
    name text;
BEGIN
    FOREACH name IN ARRAY path LOOP
        IF jsonb_typeof(value) <> 'object' THEN
            RETURN NULL;
        END IF;
        value := value -> name;
    END LOOP;
    RETURN value;
END
$$;

CREATE FUNCTION field_text(state jsonb, path text[]) RETURNS text LANGUAGE plpgsql IMMUTABLE STRICT AS $$
DECLARE
    value jsonb := field_at(state, path);
BEGIN
    RETURN CASE WHEN jsonb_typeof(value) = 'string' THEN value #>> '{}' END;
END
$$;

CREATE FUNCTION field_boolean(state jsonb, path text[]) RETURNS boolean LANGUAGE plpgsql IMMUTABLE STRICT AS $$
DECLARE
    value jsonb := field_at(state, path);
BEGIN
    RETURN CASE WHEN jsonb_typeof(value) = 'boolean' THEN value = 'true'::jsonb END;
END
$$;

-- A number as fluvius_core::query::Number reads it: its exponent has at most four digits behind leading zeros.
CREATE FUNCTION field_number(state jsonb, path text[]) RETURNS numeric LANGUAGE plpgsql IMMUTABLE STRICT AS $$
DECLARE
    value jsonb := field_at(state, path);
    written text;
BEGIN
    IF jsonb_typeof(value) = 'number' THEN
        RETURN value::numeric;
    END IF;
    IF jsonb_typeof(value) <> 'string' THEN
        RETURN NULL;
    END IF;
    written := value #>> '{}';
    IF octet_length(written) <= 6000
        AND written ~ '^-?(0|[1-9][0-9]*)([.][0-9]+)?([eE][+-]?0*[0-9]{1,4})?$'
    THEN
        RETURN written::numeric;
    END IF;
    RETURN NULL;
EXCEPTION
    WHEN OTHERS THEN
        RETURN NULL;
END
$$;

CREATE FUNCTION field_uuid(state jsonb, path text[]) RETURNS uuid LANGUAGE plpgsql IMMUTABLE STRICT AS $$
DECLARE
    written text := field_text(state, path);
BEGIN
    IF written ~ '^[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}$' THEN
        RETURN written::uuid;
    END IF;
    RETURN NULL;
END
$$;

-- A time as the microseconds since 1970.
CREATE FUNCTION field_time(state jsonb, path text[]) RETURNS bigint LANGUAGE plpgsql IMMUTABLE STRICT AS $$
DECLARE
    written text := field_text(state, path);
    parts text[];
    year int;
    month int;
    day int;
    days int;
    seconds bigint;
BEGIN
    IF octet_length(written) > 40 THEN
        RETURN NULL;
    END IF;
    parts := regexp_match(written, '^([0-9]{4})-([0-9]{2})-([0-9]{2})T([0-9]{2}):([0-9]{2}):([0-9]{2})'
        '(?:[.]([0-9]{1,9}))?(?:Z|([+-])([0-9]{2}):([0-9]{2}))$');
    IF parts IS NULL THEN
        RETURN NULL;
    END IF;
    year := parts[1]::int;
    month := parts[2]::int;
    day := parts[3]::int;
    IF year < 1 OR month NOT BETWEEN 1 AND 12 OR day < 1
        OR parts[4]::int > 23 OR parts[5]::int > 59 OR parts[6]::int > 59
        OR parts[9]::int > 23 OR parts[10]::int > 59
    THEN
        RETURN NULL;
    END IF;
    days := CASE
        WHEN month IN (4, 6, 9, 11) THEN 30
        WHEN month <> 2 THEN 31
        WHEN year % 4 = 0 AND (year % 100 <> 0 OR year % 400 = 0) THEN 29
        ELSE 28
    END;
    IF day > days THEN
        RETURN NULL;
    END IF;
    seconds := (make_date(year, month, day) - date '1970-01-01')::bigint * 86400
        + parts[4]::int * 3600 + parts[5]::int * 60 + parts[6]::int;
    IF parts[8] IS NOT NULL THEN
        seconds := seconds - (parts[8] || '1')::int * (parts[9]::int * 3600 + parts[10]::int * 60);
    END IF;
    RETURN seconds * 1000000 + rpad(left(coalesce(parts[7], ''), 6), 6, '0')::bigint;
END
$$;

-- As above, for a state as it is stored.

CREATE OR REPLACE FUNCTION field_text(state text, path text[]) RETURNS text LANGUAGE plpgsql IMMUTABLE STRICT AS $$
BEGIN
    RETURN field_text(state_json(state), path);
END
$$;

CREATE OR REPLACE FUNCTION field_boolean(state text, path text[]) RETURNS boolean LANGUAGE plpgsql IMMUTABLE STRICT AS $$
BEGIN
    RETURN field_boolean(state_json(state), path);
END
$$;

CREATE OR REPLACE FUNCTION field_number(state text, path text[]) RETURNS numeric LANGUAGE plpgsql IMMUTABLE STRICT AS $$
BEGIN
    RETURN field_number(state_json(state), path);
END
$$;

CREATE OR REPLACE FUNCTION field_uuid(state text, path text[]) RETURNS uuid LANGUAGE plpgsql IMMUTABLE STRICT AS $$
BEGIN
    RETURN field_uuid(state_json(state), path);
END
$$;

CREATE OR REPLACE FUNCTION field_time(state text, path text[]) RETURNS bigint LANGUAGE plpgsql IMMUTABLE STRICT AS $$
BEGIN
    RETURN field_time(state_json(state), path);
END
$$;

DROP FUNCTION field_at(text, text[]);

-- Makes the table of a field, and the triggers that maintain it from now on. They wait for the commits that are under
-- way, and later commits wait for them, so the wait is bounded.
CREATE OR REPLACE FUNCTION declare_field(of_resource text, of_path text[], of_kind text) RETURNS void LANGUAGE plpgsql
SET lock_timeout = '2s' AS $$
DECLARE
    number bigint;
    values_type constant text := CASE of_kind
        WHEN 'boolean' THEN 'boolean' WHEN 'number' THEN 'numeric' WHEN 'text' THEN 'text COLLATE "C"'
        WHEN 'uuid' THEN 'uuid' WHEN 'time' THEN 'bigint' END;
    key_type constant text := CASE of_kind
        WHEN 'boolean' THEN 'smallint' WHEN 'number' THEN 'double precision' WHEN 'text' THEN 'text COLLATE "C"'
        WHEN 'uuid' THEN 'bytea' WHEN 'time' THEN 'bigint' END;
BEGIN
    PERFORM lock_fields();
    IF EXISTS (SELECT FROM field WHERE resource = of_resource AND path = of_path AND kind = of_kind) THEN
        RETURN;
    END IF;
    INSERT INTO field (resource, path, kind) VALUES (of_resource, of_path, of_kind) RETURNING id INTO number;
    EXECUTE format('CREATE TABLE field_%s (identifier uuid PRIMARY KEY, value %s, '
        'key %s NOT NULL GENERATED ALWAYS AS (field_key(value)) STORED) '
        'WITH (autovacuum_vacuum_scale_factor = 0.05, autovacuum_vacuum_cost_delay = 0)',
        number, values_type, key_type);
    EXECUTE format('CREATE INDEX field_%s_in_order ON field_%1$s (key, identifier)', number);
    -- For every writer of a state, independent of its search path.
    EXECUTE format('CREATE FUNCTION field_%s_put() RETURNS trigger LANGUAGE plpgsql AS %L', number, format($body$
        DECLARE
            search_path constant text := current_setting('search_path');
            new_value %2$s;
        BEGIN
            IF current_schema() IS DISTINCT FROM TG_TABLE_SCHEMA THEN
                PERFORM set_config('search_path', quote_ident(TG_TABLE_SCHEMA), true);
            END IF;
            new_value := field_%3$s(NEW.data, %4$L);
            -- If the value stays, nothing is written. The session that fills it in holds the state, which is held here.
            UPDATE field_%1$s SET value = new_value
            WHERE identifier = NEW.identifier AND value IS DISTINCT FROM new_value;
            IF NOT FOUND THEN
                INSERT INTO field_%1$s (identifier, value) VALUES (NEW.identifier, new_value) ON CONFLICT DO NOTHING;
            END IF;
            IF current_setting('search_path') <> search_path THEN
                PERFORM set_config('search_path', search_path, true);
            END IF;
            RETURN NULL;
        END
        $body$, number, values_type, of_kind, of_path));
    EXECUTE format($body$
        CREATE FUNCTION field_%s_drop() RETURNS trigger LANGUAGE plpgsql AS $drop$
        BEGIN
            EXECUTE format('DELETE FROM %%I.field_%1$s WHERE identifier = $1', TG_TABLE_SCHEMA) USING OLD.identifier;
            RETURN NULL;
        END
        $drop$ $body$, number);
    -- Triggers run in the order of their names.
    EXECUTE format('CREATE TRIGGER field_%s_drop AFTER DELETE OR UPDATE OF resource, identifier ON resource_state '
        'FOR EACH ROW WHEN (OLD.resource = %L) EXECUTE FUNCTION field_%1$s_drop()', number, of_resource);
    EXECUTE format('CREATE TRIGGER field_%s_put AFTER INSERT OR UPDATE OF resource, identifier, data ON resource_state '
        'FOR EACH ROW WHEN (NEW.resource = %L) EXECUTE FUNCTION field_%1$s_put()', number, of_resource);
    -- They also fire in a session with `session_replication_role = replica`.
    EXECUTE format('ALTER TABLE resource_state ENABLE ALWAYS TRIGGER field_%s_drop, '
        'ENABLE ALWAYS TRIGGER field_%1$s_put', number);
END
$$;

-- Fills in the values of some roots that were there before the triggers. Returns whether there may be more to do.
--
-- The states are locked as a commit locks them, in the same order: a commit waits for a part before it has taken anything
-- that others wait for, and a part never waits for a value.
CREATE OR REPLACE FUNCTION fill_field(number bigint, root_count bigint) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
    of field;
    last uuid;
BEGIN
    PERFORM lock_fields();
    SELECT * INTO of FROM field WHERE id = number;
    IF NOT FOUND OR of.is_filled THEN
        RETURN false;
    END IF;
    EXECUTE format('WITH part AS MATERIALIZED (SELECT identifier, data FROM resource_state '
        'WHERE resource = $1 AND ($2 IS NULL OR identifier > $2) ORDER BY identifier LIMIT $3 FOR SHARE), '
        'put AS (INSERT INTO field_%s AS f (identifier, value) SELECT identifier, field_%s(data, $4) FROM part '
        'ON CONFLICT (identifier) DO UPDATE SET value = excluded.value '
        'WHERE f.value IS DISTINCT FROM excluded.value) '
        'SELECT identifier FROM part ORDER BY identifier DESC LIMIT 1', number, of.kind)
    INTO last USING of.resource, of.filled, root_count, of.path;
    IF last IS NOT NULL THEN
        UPDATE field SET filled = last WHERE id = number;
        RETURN true;
    END IF;
    -- The planner needs statistics of the new rows.
    EXECUTE format('ANALYZE field_%s', number);
    UPDATE field SET is_filled = true WHERE id = number;
    RETURN false;
END
$$;

-- Existing triggers are set to fire for every session, and all values are checked once more. Some may have been written
-- without a trigger, or by an older function of numbers. Until that is done queries do without them.
DO $$
DECLARE
    of field;
BEGIN
    FOR of IN SELECT * FROM field LOOP
        EXECUTE format('ALTER TABLE resource_state ENABLE ALWAYS TRIGGER field_%s_drop, '
            'ENABLE ALWAYS TRIGGER field_%1$s_put', of.id);
    END LOOP;
    UPDATE field SET filled = NULL, is_filled = false;
END
$$;

-- The version that the events of a root have reached at a position: versions rise with positions, so it is found by
-- halving.
CREATE FUNCTION version_at(of_resource text, of_identifier uuid, at bigint) RETURNS bigint LANGUAGE plpgsql STABLE AS $$
DECLARE
    low bigint := 0;
    high bigint;
    middle bigint;
    found_position bigint;
BEGIN
    IF at <= 0 THEN
        RETURN 0;
    END IF;
    SELECT version INTO high FROM event_log
    WHERE identifier = of_identifier AND resource = of_resource ORDER BY version DESC LIMIT 1;
    IF high IS NULL THEN
        RETURN 0;
    END IF;
    WHILE low < high LOOP
        middle := low + (high - low + 1) / 2;
        SELECT position INTO found_position FROM event_log
        WHERE identifier = of_identifier AND version = middle AND resource = of_resource;
        IF found_position <= at THEN
            low := middle;
        ELSE
            high := middle - 1;
        END IF;
    END LOOP;
    RETURN low;
END
$$;
