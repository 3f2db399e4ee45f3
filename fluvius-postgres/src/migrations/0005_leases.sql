-- The processes that hold, or wait for, the lease of an aggregate, and the expiry of each row. The
-- lease itself is an advisory lock of a session. The rows only announce it to other processes, so a
-- crash that empties the table loses nothing.
CREATE UNLOGGED TABLE lease (
    resource text COLLATE "C" NOT NULL,
    identifier uuid NOT NULL,
    process bigint NOT NULL,
    backend int NOT NULL DEFAULT pg_backend_pid(),
    until timestamptz NOT NULL,
    PRIMARY KEY (resource, identifier, process, backend)
);

-- Differs from the key that `commit_batch` locks for an aggregate without a row: a commit never
-- waits for a lease.
CREATE FUNCTION lease_key(resource text, identifier uuid) RETURNS bigint LANGUAGE sql STABLE AS $$
    SELECT hashtextextended(resource,
        hashtextextended(identifier::text, hashtextextended(current_schema(), 1)))
$$;

-- Announces that this session waits for a lease.
CREATE FUNCTION announce_lease(resource text, identifier uuid, process bigint) RETURNS void
    LANGUAGE plpgsql AS $$
#variable_conflict use_column
BEGIN
    DELETE FROM lease WHERE until < clock_timestamp();
    INSERT INTO lease (resource, identifier, process, until)
    VALUES ($1, $2, $3, clock_timestamp() + interval '2 seconds')
    ON CONFLICT (resource, identifier, process, backend) DO UPDATE SET until = excluded.until;
END
$$;

-- Waits for a lease. A session that stays idle for too long is ended, and loses it.
CREATE FUNCTION acquire_lease(resource text, identifier uuid) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    PERFORM set_config('idle_session_timeout', '2000', false);
    PERFORM pg_advisory_lock(lease_key($1, $2));
END
$$;

-- Releases the lease that this session holds, if any, and withdraws its announcement.
CREATE FUNCTION release_lease(resource text, identifier uuid, process bigint) RETURNS void
    LANGUAGE plpgsql AS $$
#variable_conflict use_column
BEGIN
    PERFORM pg_advisory_unlock_all();
    PERFORM set_config('idle_session_timeout', '0', false);
    DELETE FROM lease
    WHERE resource = $1 AND identifier = $2 AND process = $3 AND backend = pg_backend_pid();
END
$$;
