-- Mutable rows about work on the logs, such as checkpoints. Texts are compared by their bytes,
-- which for UTF-8 is the order of code points.
CREATE TABLE work (
    kind TEXT NOT NULL,
    name TEXT NOT NULL,
    part TEXT NOT NULL,
    token INTEGER NOT NULL,
    data TEXT NOT NULL,
    written_at INTEGER NOT NULL,
    PRIMARY KEY (kind, name, part)
) STRICT, WITHOUT ROWID;

-- One row: the newest token, and the identity of the content, of this copy, and of its file.
CREATE TABLE work_counter (
    number INTEGER PRIMARY KEY CHECK (number = 1),
    token INTEGER NOT NULL,
    store BLOB NOT NULL,
    copy BLOB NOT NULL,
    -- NULL in a backup. Every file that it is restored to is a new copy.
    file TEXT
) STRICT;

-- Files of version 3 may lack it.
CREATE INDEX IF NOT EXISTS aggregate_in_order ON aggregate (resource, realm, identifier);
