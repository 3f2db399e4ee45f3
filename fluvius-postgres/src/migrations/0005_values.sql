-- Functions that read the field of a state as a value of a kind: null if the field has no value of
-- that kind. They accept the same texts as fluvius_store::query. They never fail, since one
-- malformed row must not end a query over all others.
--
-- Their argument is the parsed state, so that a query parses the state of a row once, for any
-- number of fields and terms.

-- Parses a text; null if it is not JSON.
CREATE FUNCTION state_json(state text) RETURNS jsonb LANGUAGE plpgsql IMMUTABLE STRICT AS $$
BEGIN
    RETURN state::jsonb;
EXCEPTION
    WHEN OTHERS THEN
        RETURN NULL;
END
$$;

-- The value at a path through objects.
CREATE FUNCTION field_at(state jsonb, path text[]) RETURNS jsonb LANGUAGE plpgsql IMMUTABLE STRICT
    AS $$
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

CREATE FUNCTION field_text(state jsonb, path text[]) RETURNS text LANGUAGE plpgsql IMMUTABLE STRICT
    AS $$
DECLARE
    value jsonb := field_at(state, path);
BEGIN
    RETURN CASE WHEN jsonb_typeof(value) = 'string' THEN value #>> '{}' END;
END
$$;

CREATE FUNCTION field_boolean(state jsonb, path text[]) RETURNS boolean
    LANGUAGE plpgsql IMMUTABLE STRICT AS $$
DECLARE
    value jsonb := field_at(state, path);
BEGIN
    RETURN CASE WHEN jsonb_typeof(value) = 'boolean' THEN value = 'true'::jsonb END;
END
$$;

-- A number as fluvius_store::query::Number reads it: its exponent has at most four digits after
-- leading zeros.
CREATE FUNCTION field_number(state jsonb, path text[]) RETURNS numeric
    LANGUAGE plpgsql IMMUTABLE STRICT AS $$
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

CREATE FUNCTION field_uuid(state jsonb, path text[]) RETURNS uuid LANGUAGE plpgsql IMMUTABLE STRICT
    AS $$
DECLARE
    written text := field_text(state, path);
BEGIN
    IF written ~ '^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$' THEN
        RETURN written::uuid;
    END IF;
    RETURN NULL;
END
$$;

-- A time, in microseconds since 1970.
CREATE FUNCTION field_time(state jsonb, path text[]) RETURNS bigint
    LANGUAGE plpgsql IMMUTABLE STRICT AS $$
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
    parts := regexp_match(written,
        '^([0-9]{4})-([0-9]{2})-([0-9]{2})T([0-9]{2}):([0-9]{2}):([0-9]{2})'
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

-- The same for a state as it is stored.

CREATE FUNCTION field_text(state text, path text[]) RETURNS text LANGUAGE plpgsql IMMUTABLE STRICT
    AS $$
BEGIN
    RETURN field_text(state_json(state), path);
END
$$;

CREATE FUNCTION field_boolean(state text, path text[]) RETURNS boolean
    LANGUAGE plpgsql IMMUTABLE STRICT AS $$
BEGIN
    RETURN field_boolean(state_json(state), path);
END
$$;

CREATE FUNCTION field_number(state text, path text[]) RETURNS numeric
    LANGUAGE plpgsql IMMUTABLE STRICT AS $$
BEGIN
    RETURN field_number(state_json(state), path);
END
$$;

CREATE FUNCTION field_uuid(state text, path text[]) RETURNS uuid LANGUAGE plpgsql IMMUTABLE STRICT
    AS $$
BEGIN
    RETURN field_uuid(state_json(state), path);
END
$$;

CREATE FUNCTION field_time(state text, path text[]) RETURNS bigint
    LANGUAGE plpgsql IMMUTABLE STRICT AS $$
BEGIN
    RETURN field_time(state_json(state), path);
END
$$;
