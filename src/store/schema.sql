-- Version 1. The event table is the truth; everything else can be derived from it.
CREATE TABLE run (
    id      TEXT PRIMARY KEY,
    started INTEGER NOT NULL,          -- milliseconds since the Unix epoch
    goal    TEXT NOT NULL
) STRICT;

CREATE TABLE event (
    run  TEXT NOT NULL REFERENCES run (id),
    seq  INTEGER NOT NULL,             -- from 1, without gaps
    at   INTEGER NOT NULL,             -- milliseconds since the Unix epoch
    body TEXT NOT NULL,                -- the event as JSON
    PRIMARY KEY (run, seq)
) STRICT, WITHOUT ROWID;

-- One row: the epoch of the writer that owns the log. A writer with an older epoch is refused.
CREATE TABLE lease (
    id    INTEGER PRIMARY KEY CHECK (id = 1),
    epoch INTEGER NOT NULL,
    pid   INTEGER NOT NULL
) STRICT;
INSERT INTO lease (id, epoch, pid) VALUES (1, 0, 0);
