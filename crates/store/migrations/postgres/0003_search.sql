-- Full text of messages that have come to their end, in the language of nobody. Signs are taken for spaces first, or the
-- parser would keep addresses and paths whole; the first 100,000 characters count, because what a tsvector holds has an end.
-- No GIN index: `@@` is not leakproof, so under row-level security it is tried on the user's own messages only after the policy
-- has let them pass, and an index would be written and never read.
ALTER TABLE messages ADD COLUMN search TSVECTOR GENERATED ALWAYS AS (
    CASE WHEN status <> 'streaming' THEN
        to_tsvector('simple', translate(left(content, 100000), '-_./\@:,;+=&?#%~''"()[]{}<>|*!$^`', repeat(' ', 32)))
    END
) STORED;
