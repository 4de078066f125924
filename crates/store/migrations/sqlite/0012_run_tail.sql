-- What running answers said last, in the order in which it came. A log's key gives each answer a page of its own, and a commit
-- writes whole pages: twenty answers that speak at once are twenty pages in `run_events`, and one or two here. Now and then, and
-- when an answer ends, this goes to `run_events` in bulk. Only running runs have events here.
CREATE TABLE run_tail (
    run_id BLOB    NOT NULL,
    seq    INTEGER NOT NULL,
    kind   TEXT    NOT NULL,
    data   TEXT    NOT NULL
);

-- A cascade would look through this table, which has no key, for each run that goes.
CREATE TRIGGER run_tail_goes_with_its_run AFTER DELETE ON runs WHEN OLD.state = 'running'
BEGIN
    DELETE FROM run_tail WHERE run_id = OLD.id;
END;

-- Where logs are read.
CREATE VIEW run_log AS
    SELECT run_id, seq, kind, data FROM run_events
    UNION ALL
    SELECT run_id, seq, kind, data FROM run_tail;
