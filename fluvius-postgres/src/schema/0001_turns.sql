-- Who has, or waits for, the turn of a root across processes, and since when that is to be believed no more. The turn
-- itself is a lock of a session; these rows only tell the others of it, so nothing is lost where a crash empties them.
CREATE UNLOGGED TABLE turn (
    resource text COLLATE "C" NOT NULL,
    identifier uuid NOT NULL,
    process bigint NOT NULL,
    backend int NOT NULL DEFAULT pg_backend_pid(),
    until timestamptz NOT NULL,
    PRIMARY KEY (resource, identifier, process, backend)
);

-- Not the key that `commit_batch` takes for a root without a row: a commit never waits for a turn.
CREATE FUNCTION turn_key(resource text, identifier uuid) RETURNS bigint LANGUAGE sql STABLE AS $$
    SELECT hashtextextended(resource, hashtextextended(identifier::text, hashtextextended(current_schema(), 1)))
$$;

-- Tells that this session waits for a turn.
CREATE FUNCTION announce_turn(resource text, identifier uuid, process bigint) RETURNS void LANGUAGE plpgsql AS $$
#variable_conflict use_column
BEGIN
    DELETE FROM turn WHERE until < clock_timestamp();
    INSERT INTO turn (resource, identifier, process, until)
    VALUES ($1, $2, $3, clock_timestamp() + interval '2 seconds')
    ON CONFLICT (resource, identifier, process, backend) DO UPDATE SET until = excluded.until;
END
$$;

-- Waits for a turn, which a session that is silent for too long loses.
CREATE FUNCTION take_turn(resource text, identifier uuid) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    PERFORM set_config('idle_session_timeout', '2000', false);
    PERFORM pg_advisory_lock(turn_key($1, $2));
END
$$;

CREATE FUNCTION give_back_turn(resource text, identifier uuid, process bigint) RETURNS void LANGUAGE plpgsql AS $$
#variable_conflict use_column
BEGIN
    PERFORM pg_advisory_unlock_all();
    PERFORM set_config('idle_session_timeout', '0', false);
    DELETE FROM turn
    WHERE resource = $1 AND identifier = $2 AND process = $3 AND backend = pg_backend_pid();
END
$$;
