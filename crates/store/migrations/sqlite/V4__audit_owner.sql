-- Which process has begun an entry: one without an outcome whose process is gone was interrupted. Entries of before that became no
-- operation were begun by processes that are gone.
ALTER TABLE audit ADD COLUMN owner TEXT;
UPDATE audit SET outcome = 'interrupted', outcome_at = at WHERE outcome IS NULL AND operation_id IS NULL;
-- Those without an outcome are few, and looked for often.
CREATE INDEX audit_open ON audit (seq) WHERE outcome IS NULL;
