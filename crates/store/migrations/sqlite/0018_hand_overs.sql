-- How often a process died while it wrote the answer. A planned hand-over does not count.
ALTER TABLE runs ADD COLUMN crashes INTEGER NOT NULL DEFAULT 0;

-- The instance is about to stop and takes over nothing.
ALTER TABLE instances ADD COLUMN is_draining BOOLEAN NOT NULL DEFAULT FALSE;
